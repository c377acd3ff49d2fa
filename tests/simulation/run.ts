/**
 * One run of the simulation: so many members, so much said, so much broken, as a seed has it.
 *
 * @module
 */

import type { Decision } from "./leave_out.ts";
import { type Build, GRACE_MS } from "./build.ts";
import { PROOF_MS } from "./inviting.ts";
import type { Process } from "./process.ts";
import { World } from "./world.ts";

/** What came of a run. */
export interface RunResult {
  readonly seed: number;
  /** What was wrong; empty for a good run. */
  readonly problems: readonly string[];
  /** Everything that happened, as one hash. */
  readonly trace: string;
  readonly entered: number;
  readonly shown: number;
  /** How often each thing was done. */
  readonly done: Readonly<Record<string, number>>;
}

/** The most members of a run. */
const MAX_MEMBERS = 20;
/** What members may be called. */
const NAMES = Array.from({ length: MAX_MEMBERS }, (_, i) => `m${i}`);

/**
 * Runs once.
 *
 * @param seed What everything is drawn from.
 * @param build What is broken on purpose; nothing without.
 */
export async function simulate(seed: number, build: Build = {}): Promise<RunResult> {
  const world = new World(seed, build);
  try {
    return await new Run(world, seed).run();
  } finally {
    world.close();
  }
}

export class Run {
  readonly #world: World;
  readonly #seed: number;
  readonly #runs = new Map<string, number>();
  readonly #done: Record<string, number> = {};

  constructor(world: World, seed: number) {
    this.#world = world;
    this.#seed = seed;
  }

  async run(): Promise<RunResult> {
    const world = this.#world;
    const { chance, clock, checker } = world;
    await world.open();
    const members = chance.chance(0.03) ? chance.int(7, MAX_MEMBERS) : chance.int(2, 6);
    for (const name of NAMES.slice(0, members)) this.#start(name);
    let at = clock.now() + 2_000;
    await world.runUntil(at);
    // How much of each there is differs from run to run: a run of cuts alone, a run in which all goes wrong.
    const weights = this.#weights();
    const longest = world.aged ? 30_000 : 1_500;
    for (let steps = chance.int(20, 100); steps > 0; steps--) {
      at += chance.chance(0.3) ? chance.int(0, 20) : chance.int(20, longest);
      await world.runUntil(at);
      this.#step(weights, members);
    }
    await world.runUntil(at);
    // Mended: the relay runs and is honest, and nothing breaks any longer.
    world.relays.endLies();
    if (world.relays.present === undefined) world.relays.start();
    // What was not read goes on in small pieces.
    const more = world.loud ? 900_000 : 0;
    await world.runUntil(at + 45_000 + 60_000);
    checker.isCalm = true;
    const end = at + 45_000 + 60_000 + 2 * GRACE_MS + 30_000 + more;
    await world.runUntil(end);
    // A guest that its inviter does not answer, because it excludes it for example, proves itself once a minute as long
    // as it is there: a proof may be on its way at whatever moment the run ends. The next one is a minute off.
    if (world.inviting?.isProving) await world.runUntil(end + PROOF_MS);
    world.finish();
    const { entered, shown } = checker.size;
    const invited = world.inviting?.accepted ?? 0;
    Object.assign(this.#done, world.relays.lies?.told, { invited });
    return {
      seed: this.#seed,
      problems: checker.problems,
      trace: world.trace,
      entered,
      shown,
      done: this.#done,
    };
  }

  #weights(): [string, number][] {
    const { chance } = this.#world;
    const often = (most: number) => chance.chance(0.5) ? chance.next() * most : 0;
    return [
      ["enter", 10],
      ["whisper", often(3)],
      ["cut", often(4)],
      ["stall", often(2) + (this.#world.loud ? 1.5 : 0)],
      ["flood", this.#world.loud ? 0.7 : 0],
      ["killRelay", often(1.5)],
      ["stopRelay", often(0.5)],
      ["startRelay", 2],
      ["join", often(1)],
      ["leave", often(0.7)],
      ["kill", often(0.7)],
      ["exclude", often(1.5)],
      ["include", often(1.5)],
      ["lock", often(0.4)],
      ["unlock", often(0.6)],
      ["trust", often(0.8)],
    ];
  }

  #start(name: string): void {
    const run = (this.#runs.get(name) ?? 0) + 1;
    this.#runs.set(name, run);
    this.#world.startMember(name, run);
  }

  #step(weights: readonly [string, number][], members: number): void {
    const world = this.#world;
    const { chance } = world;
    let left = chance.next() * weights.reduce((sum, [, weight]) => sum + weight, 0);
    const what = weights.find(([, weight]) => (left -= weight) < 0)?.[0] ?? "enter";
    const alive = world.processes.filter((one) => one.alive && !one.leaving);
    const one = alive.length === 0 ? undefined : chance.pick(alive);
    this.#done[what] = (this.#done[what] ?? 0) + 1;
    switch (what) {
      case "enter":
        for (let lines = chance.int(1, 4); one !== undefined && lines > 0; lines--) {
          world.enter(one, undefined);
        }
        return;
      case "flood":
        if (one !== undefined) this.#flood(one, chance.pick(alive));
        return;
      case "whisper":
        if (one !== undefined) world.enter(one, chance.pick(alive));
        return;
      case "cut":
        if (one !== undefined) world.cut(one);
        return;
      case "stall":
        if (one !== undefined) world.stall(one, chance.int(100, 50_000));
        return;
      case "killRelay":
        if (world.relays.present !== undefined) world.relays.kill();
        return;
      case "stopRelay":
        if (world.relays.present !== undefined) world.relays.stop();
        return;
      case "startRelay":
        if (world.relays.present === undefined) world.relays.start();
        return;
      case "join":
        return this.#join(alive.map(({ self }) => self.name), members);
      case "leave":
        if (one !== undefined && alive.length > 2) world.leave(one);
        return;
      case "kill":
        if (one !== undefined && alive.length > 2) world.kill(one);
        return;
      default:
        if (one !== undefined) world.decide(one, what as Decision, chance.pick(alive).self.name);
    }
  }

  /** Somebody says more than a relay keeps for one who does not read. */
  #flood(one: Process, slow: Process): void {
    const world = this.#world;
    if (slow !== one) world.stall(slow, world.chance.int(2_000, 40_000));
    const whispers = world.chance.chance(0.1);
    for (let lines = world.chance.int(40, 160); lines > 0; lines--) {
      world.enter(one, whispers ? slow : undefined, 60_000);
    }
  }

  /** Somebody who is not there comes: somebody new, or a new run of somebody who was. */
  #join(here: readonly string[], members: number): void {
    if (this.#world.relays.present === undefined) return;
    const free = NAMES.slice(0, members + 3).filter((name) => !here.includes(name));
    if (free.length > 0) this.#start(this.#world.chance.pick(free));
  }
}
