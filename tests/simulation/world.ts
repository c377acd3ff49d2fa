/**
 * A relay and its members in one process, under a virtual clock, over a network that breaks.
 *
 * Each machine is called alone and runs until nothing of it is left to run; what it sent goes on its way only then,
 * in a fixed order. So a run depends on its seed alone.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { setImmediate } from "node:timers";
import type { OwnCredential } from "../../lib/chat/identity/credential.ts";
import { CREDENTIAL_LIFE_MS } from "../../lib/chat/identity/signing.ts";
import { Member } from "../../lib/chat/member/member.ts";
import { retryDelay } from "../../lib/chat/runtime/session.ts";
import type { Relay } from "../../lib/chat/relay/relay.ts";
import { Room } from "../../lib/chat/relay/room.ts";
import { type Build, DAY_MS, replacing } from "./build.ts";
import { Checker, personOf } from "./checker.ts";
import { VirtualClock } from "./clock.ts";
import { decide } from "./decide.ts";
import { Generator } from "./generator.ts";
import { Inviting } from "./inviting.ts";
import type { Decision } from "./leave_out.ts";
import { Lies } from "./lies.ts";
import { lyingMembers } from "./lying_member.ts";
import { Network } from "./network.ts";
import { Process, processOf } from "./process.ts";
import { Relays } from "./relays.ts";
import { Screens } from "./screens.ts";
import { SealedLines } from "./sealed_lines.ts";
import { StandInCredentials } from "./stand_in_credentials.ts";
import { StandInCrypto } from "./stand_in_crypto.ts";

/** Lets everything run that is ready to: the event loop comes by again only then. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The longest time for which lines may wait for one that is silent, in virtual milliseconds. */
const MAX_HELD_MS = 20_000;

/** Everything. */
export class World {
  readonly clock = new VirtualClock();
  readonly chance: Generator;
  readonly #startedAt = this.clock.now();
  readonly checker = new Checker();
  readonly processes: Process[] = [];
  readonly #build: Build;
  readonly #crypto = new StandInCrypto();
  readonly #trace = createHash("sha256");
  readonly #credentials = new StandInCredentials();
  readonly #sealed = new SealedLines();
  /** Whether time passes so fast, of day and of the run, that credentials run out. */
  readonly aged: boolean;
  /** Whether so much is said that a relay leaves out frames for those who do not read. */
  readonly loud: boolean;
  readonly #network: Network;
  readonly relays: Relays;
  /** One person invites another; undefined in runs in which nobody does. */
  readonly inviting: Inviting | undefined;
  readonly #screens: Screens;
  /** What the clock wants done, by one machine after the other. */
  #actions: { readonly actor: string; readonly run: () => void }[] = [];
  #failures: unknown[] = [];
  /** For whom relays have left out frames of whom. */
  readonly #leftOut: {
    readonly relay: Relay | undefined;
    readonly room: Room;
    readonly sender: number;
    readonly recipient: number;
  }[] = [];
  /** Mends what the build breaks. */
  readonly #undo: readonly (() => void)[];

  constructor(seed: number, build: Build = {}) {
    this.chance = new Generator(seed);
    this.#network = new Network(this.clock, this.chance);
    this.#build = build;
    const isLoud = this.chance.chance(0.06);
    this.loud = build.loud ?? isLoud;
    this.checker.mayGiveUp = this.loud;
    const isLying = this.#build.lies ?? this.chance.chance(0.4);
    this.checker.isLiedTo = isLying;
    this.relays = new Relays({
      build,
      lies: isLying ? new Lies(this.chance) : undefined,
      clock: this.clock,
      chance: this.chance,
      checker: this.checker,
      network: this.#network,
      check: this.#credentials.check,
      processes: this.processes,
      linesOf: (tag) => this.#sealed.linesOf(tag),
      do: (run) => this.#do("relay", run),
      log: (what) => this.#log(what),
      fail: (error) => this.#failures.push(error),
    });
    this.inviting = build.invites ?? seed % 4 === 0
      ? new Inviting({
        clock: this.clock,
        chance: new Generator(seed + 0.5),
        checker: this.checker,
        processOf: (key) => this.#processOf(key),
        fail: (error) => this.#failures.push(error),
      })
      : undefined;
    this.#screens = new Screens({
      build,
      clock: this.clock,
      checker: this.checker,
      network: this.#network,
      relays: this.relays,
      processes: this.processes,
      inviting: this.inviting,
      do: (actor, run) => this.#do(actor, run),
      log: (what) => this.#log(what),
      tell: (what) => this.#tell(what),
    });
    this.checker.tell = (text) => this.#tell(text);
    const isAged = this.chance.chance(0.25);
    this.aged = build.aged ?? isAged;
    if (this.aged) this.clock.dateRate = CREDENTIAL_LIFE_MS / DAY_MS;
    this.#crypto.sealed = (key, plaintext, tag) =>
      this.#sealed.add(key, plaintext, tag, this.checker.seals(this.#crypto.actor));
    if (build.liars ?? this.chance.chance(0.2)) this.checker.liar = "m0";
    const isLiar = () => personOf(this.#crypto.actor) === this.checker.liar;
    const lying = this.checker.liar === undefined ? [] : lyingMembers(this.chance, isLiar);
    const noted = replacing(Room.prototype, "apply", (apply) => {
      const leftOut = this.#leftOut;
      const present = () => this.relays.present;
      return function (this: Room, entry, place) {
        if (entry.kind === "behind") leftOut.push({ relay: present(), room: this, ...entry });
        return apply.call(this, entry, place);
      };
    });
    this.#undo = [noted, ...lying, ...build.breaks ?? []].map((broken) => broken());
    this.#crypto.install();
    this.relays.start();
    this.relays.tick();
    this.#watch();
  }

  /** Looks each second for members whose lines wait for others for too long. */
  #watch(): void {
    const now = this.clock.now();
    // Where much is said or lost, lines wait for those who take them one after the other.
    const isQuiet = !this.loud && !this.checker.isLiedTo;
    for (const process of this.processes) {
      const lies = personOf(process.name) === this.checker.liar && process.alive;
      if (lies) this.#do(process.name, () => this.inviting?.lie(process));
      const { member, held, entered } = process;
      const isIdle = member.backlog.held === 0 || !member.isIn || held.entered !== entered;
      if (isIdle) process.held = { since: now, entered };
      else if (now - held.since > MAX_HELD_MS && isQuiet && process.alive) {
        this.checker.stuck(process.name, "it waits for one that is silent");
        process.held = { since: now, entered };
      }
    }
    this.clock.after(1_000, () => this.#watch());
  }

  /** Gives the real cryptography back. */
  close(): void {
    this.#crypto.uninstall();
    for (const undo of this.#undo.toReversed()) undo();
  }

  /** What happened, as one hash. */
  get trace(): string {
    return this.#trace.copy().digest("hex");
  }

  /** Makes what there is before the first member. */
  async open(): Promise<void> {
    this.#crypto.actor = "nobody";
    await this.inviting?.open();
  }

  /** Goes on until a time; what is then still to happen, happens later. */
  async runUntil(at: number): Promise<void> {
    do {
      while (this.#actions.length > 0) {
        const { actor, run } = this.#actions.shift()!;
        this.#crypto.actor = actor;
        run();
        await turn();
        this.#flush();
        if (this.#failures.length > 0) throw this.#failures[0];
      }
    } while (this.clock.step(at));
  }

  #do(actor: string, run: () => void): void {
    this.#actions.push({ actor, run });
  }

  #log(what: string, bytes?: Uint8Array): void {
    this.#trace.update(`${this.clock.now()} ${what}\n`);
    if (bytes === undefined) this.#tell(what);
    if (bytes !== undefined) this.#trace.update(bytes);
  }

  #tell(what: string): void {
    this.#build.tell?.(`${this.clock.now() - this.#startedAt} ${what}`);
  }

  /** What was sent goes on its way. */
  #flush(): void {
    this.#network.flush((what, bytes) => this.#log(what, bytes));
    for (const process of this.processes) this.#setAlarm(process);
  }

  #setAlarm(process: Process): void {
    const at = Math.min(process.member.wakeAt, this.inviting?.wakeAt(process) ?? Infinity);
    if (!process.alive || at >= process.ringsAt || at === Infinity) return;
    process.ringsAt = at;
    this.clock.at(at, () => {
      if (process.ringsAt !== at) return;
      process.ringsAt = Infinity;
      if (process.alive) this.#do(process.name, () => this.#tick(process));
    });
  }

  #tick(process: Process): void {
    process.member.tick();
    this.inviting?.tick(process);
  }

  // Members.

  /** A person's process starts, and joins. */
  startMember(person: string, run: number): void {
    const name = `${person}.${run}`;
    const self = this.#credentials.make(person, name, this.clock.date());
    this.checker.started(name);
    this.#log(`${name} starts`);
    const process = new Process(name, self, (own) => this.#memberOf(own, self));
    process.screenDelay = this.chance.chance(0.3) ? this.chance.int(1, 2_000) : 0;
    this.processes.push(process);
    this.inviting?.start(process);
    this.#connect(process);
  }

  #memberOf(process: Process, self: OwnCredential): Member {
    return new Member({
      self,
      dialled: { host: "simulated", port: 4396 },
      policy: this.#build.policy?.(process) ?? process.trust,
      now: this.clock.date,
      monotonic: this.clock.now,
      random: this.chance.bytes,
      check: this.#credentials.check,
      ...this.#build.member?.(),
    }, {
      send: (bytes) => process.connection?.memberLink.send(bytes),
      drop: () => this.#dropped(process),
      event: (event) => this.#screens.told(process, event),
      wake: () => {},
      fail: (error) => this.#failures.push(error),
    });
  }

  /** Makes a connection, or tries again later. */
  #connect(process: Process): void {
    if (!process.alive) return;
    const relay = this.relays.present;
    if (relay === undefined) return this.#tryLater(process);
    const connection = this.#network.connect(process);
    const { memberLink, relayLink } = connection;
    memberLink.open({
      receive: (bytes) => {
        if (process.connection !== connection || !process.alive) return undefined;
        this.#log(`${process.name} receives`, bytes);
        this.#do(process.name, () => process.member.receive(bytes));
        return undefined;
      },
      disconnected: () => {
        if (process.connection !== connection || !process.alive) return;
        this.#log(`${process.name} is disconnected`);
        this.#do(process.name, () => process.member.disconnected());
      },
    });
    const own = this.relays.connect(relayLink);
    relayLink.open({
      receive: (bytes) => {
        if (this.relays.present === relay) this.#do("relay", () => void own.receive(bytes));
        return undefined;
      },
      disconnected: () => {
        if (this.relays.present === relay) this.#do("relay", () => own.disconnected());
      },
    });
    process.connection = connection;
    this.#do(process.name, () => process.member.connected());
  }

  #tryLater(process: Process): void {
    const delay = retryDelay(process.attempt++, this.chance.next());
    this.clock.after(delay + 1, () => this.#connect(process));
  }

  /** A member is done with its connection, and wants another. */
  #dropped(process: Process): void {
    const { connection } = process;
    process.connection = undefined;
    if (connection !== undefined) this.#network.break(connection, true, false);
    this.#tryLater(process);
  }

  /** A connection breaks; one of its ends may not hear of it. */
  cut(process: Process): void {
    const { connection } = process;
    if (connection === undefined) return;
    const silent = this.chance.next();
    this.#log(`${process.name} is cut off`);
    this.#network.break(connection, silent < 0.15, silent > 0.85);
  }

  /** Nothing arrives at a member, or from it, for a while. */
  stall(process: Process, ms: number): void {
    this.#log(`${process.name} is stalled`);
    process.connection?.relayLink.stall(ms);
    if (this.chance.chance(0.5)) process.connection?.memberLink.stall(ms);
  }

  /** A process is killed: nobody is told. */
  kill(process: Process): void {
    this.#log(`${process.name} is killed`);
    process.alive = false;
    this.checker.stopped(process.name);
    if (process.connection !== undefined) this.#network.break(process.connection, true, false);
  }

  /** A member leaves. */
  leave(process: Process): void {
    this.#log(`${process.name} leaves`);
    process.leaving = true;
    this.checker.leaves(process.name);
    this.#do(process.name, () => process.member.leave());
  }

  /** Something is entered. */
  enter(process: Process, to: Process | undefined, length = 0): void {
    this.#do(process.name, () => {
      if (!process.alive || process.leaving) return;
      const id = `<${process.name}.${process.entered + 1}>`;
      const text = id.padEnd(length, ".");
      // Before it is entered: what becomes of it may be told within the call.
      this.checker.entered(process.name, id, process.entered + 1, to?.self.name);
      process.entering = true;
      const entered = process.member.enter(text, to?.self.name);
      process.entering = false;
      if (!entered.ok) {
        const excluded = entered.code === "EXCLUDED";
        return this.checker.refused(process.name, id, to?.self.name, excluded);
      }
      process.entered += 1;
      this.#log(`${process.name} enters ${id}`);
    });
  }

  /** A person decides whom it lets read. */
  decide(process: Process, decision: Decision, about: string): void {
    this.#do(process.name, () => {
      if (!process.alive || process.leaving || !decide(process, decision, about)) return;
      this.checker.decided(process.name, decision, about);
      this.#log(`${process.name} decides: ${decision} ${about}`);
    });
  }

  #processOf(key: string): string {
    return processOf(this.processes, key);
  }

  /** What can be said once everything is mended and there was time. */
  finish(): void {
    this.checker.finish();
    const alive = this.processes.filter((one) => one.alive && !one.leaving);
    const liar = this.checker.liar;
    for (const process of alive) {
      if (personOf(process.name) === liar) continue;
      const { member, name } = process;
      const { lines } = member.backlog;
      if (!member.isIn) this.checker.stuck(name, "it is not in the room");
      if (lines > 0 && liar === undefined) this.checker.stuck(name, `${lines} lines wait`);
      const here = member.peers().map(({ credential }) => this.#processOf(credential.key));
      const expected = alive.map((one) => one.name).sort().join();
      if (here.sort().join() !== expected) {
        this.checker.stuck(name, `it sees ${here.join()} and not ${expected}`);
      }
    }
    for (const { relay, room, sender, recipient } of this.#leftOut) {
      const counts = liar === undefined && relay === this.relays.present;
      const member = counts ? room.members.get(sender) : undefined;
      const reader = room.members.get(recipient)?.credential.name;
      if (member === undefined || reader === undefined || !member.behind.has(recipient)) continue;
      // Whoever is left out is not served, and does not catch up.
      const isMeant = !this.checker.leavesOut(this.#processOf(member.credential.key), reader);
      if (isMeant) this.checker.stuck("relay", "it still leaves out frames");
    }
    // A member that lies is sent again and again what it says that it misses.
    const isIdle = liar !== undefined || this.relays.present?.isIdle !== false;
    if (!isIdle) this.checker.stuck("relay", "a queue is not empty");
    this.#sealed.check(this.checker, (key) => this.#crypto.knowers(key));
  }
}
