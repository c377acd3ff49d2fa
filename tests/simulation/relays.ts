/**
 * The relays of a world, one after the other, and the liar before each of them.
 *
 * @module
 */

import type { Bytes } from "../../lib/base/bytes.ts";
import type { CredentialCheck } from "../../lib/chat/identity/credential.ts";
import type { Link } from "../../lib/chat/link.ts";
import type { RelayOptions } from "../../lib/chat/relay/options.ts";
import { Relay } from "../../lib/chat/relay/relay.ts";
import { type Build, GRACE_MS } from "./build.ts";
import type { Checker } from "./checker.ts";
import type { VirtualClock } from "./clock.ts";
import type { Generator } from "./generator.ts";
import { Liar, type LyingConnection } from "./liar.ts";
import type { Lies } from "./lies.ts";
import type { Network } from "./network.ts";
import { type Process, processOf } from "./process.ts";

/** What relays need of the world. */
export interface RelaysOptions {
  readonly build: Build;
  /** What the relays lie about; undefined if they are honest. */
  readonly lies: Lies | undefined;
  readonly clock: VirtualClock;
  readonly chance: Generator;
  readonly checker: Checker;
  readonly network: Network;
  readonly check: CredentialCheck;
  readonly processes: readonly Process[];
  /** Returns the lines that were sealed with a tag. */
  readonly linesOf: (tag: Bytes) => readonly string[];
  /** Does something as the relay. */
  readonly do: (run: () => void) => void;
  readonly log: (what: string) => void;
  readonly fail: (error: unknown) => void;
}

/** The relays of a world: at most one runs at a time. */
export class Relays {
  readonly lies: Lies | undefined;
  /** Those whom the relay that runs has given up, and who have not come back. */
  readonly givenUp: Set<string> = new Set();
  readonly #options: RelaysOptions;
  #relay: Relay | undefined;
  #liar: Liar | undefined;

  constructor(options: RelaysOptions) {
    this.#options = options;
    this.lies = options.lies;
  }

  /** The relay that runs. */
  get present(): Relay | undefined {
    return this.#relay;
  }

  /** Takes a member's connection to the relay that runs. */
  connect(link: Link): LyingConnection | ReturnType<Relay["connect"]> {
    return this.#liar?.connect(link) ?? this.#relay!.connect(link);
  }

  start(): void {
    const { build, clock, chance, checker, check, processes, do: run, log, fail } = this.#options;
    const options: RelayOptions = {
      now: clock.date,
      monotonic: clock.now,
      random: chance.bytes,
      graceMs: GRACE_MS,
      later: run,
      after: (ms, call) => {
        let isOver = false;
        clock.after(ms, () => isOver ? undefined : run(call));
        return { [Symbol.dispose]: () => isOver = true };
      },
      event: (event) => {
        // Who loses its relay has not left.
        if (event.kind !== "left" || event.reason === "LEFT" || this.#relay?.isClosing) return;
        this.givenUp.add(processOf(processes, event.credential.key));
      },
      check,
      fail,
    };
    log("relay starts");
    this.givenUp.clear();
    const relay = build.relay?.(options, clock) ?? new Relay(options);
    this.#relay = relay;
    this.#liar = this.lies?.areTold ? this.#liarOf(relay, this.lies) : undefined;
    checker.isInspected = this.#liar !== undefined;
  }

  #liarOf(relay: Relay, lies: Lies): Liar {
    const { clock, chance, checker, processes, linesOf, do: run } = this.#options;
    return new Liar({
      relay,
      lies,
      clock,
      chance,
      do: (lie) => this.#relay === relay ? run(lie) : undefined,
      members: () => processes.map(({ self }) => self),
      runs: (member) => processes.some(({ self, alive }) => self === member && alive),
      carried: (to, frame, agrees) => {
        checker.carried(processOf(processes, to), linesOf(frame.slice(-80, -64)), agrees);
      },
      breaks: (to) => checker.breaks(processOf(processes, to)),
      relisted: (to, stay, number) => checker.relisted(processOf(processes, to), stay, number),
    });
  }

  /** The relay is honest from now on. Whoever was shown another history meets the others at another relay. */
  endLies(): void {
    if (this.lies === undefined) return;
    this.#options.log("the relay is honest");
    this.lies.end();
    if (this.lies.splits || this.#options.chance.chance(0.5)) this.kill();
  }

  /** The relay's process is killed: its connections break. */
  kill(): void {
    this.#options.log("relay is killed");
    this.#relay = undefined;
    this.#options.network.loseRelay();
  }

  /** The relay is told to stop: it tells its members. */
  stop(): void {
    const relay = this.#relay;
    this.#options.log("relay stops");
    this.#options.do(() => {
      relay?.close();
      if (this.#relay === relay) this.#relay = undefined;
    });
  }

  /** Has whichever relay runs look at its clock every second. */
  tick(): void {
    this.#options.clock.after(1_000, () => {
      const relay = this.#relay;
      if (relay !== undefined) this.#options.do(() => relay.tick());
      this.tick();
    });
  }
}
