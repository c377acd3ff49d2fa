/**
 * A connection of a simulated network: bytes that arrive late, in other pieces than they were sent in, or not at all.
 *
 * @module
 */

// @ts-types="../../types/std.d.ts"
import { concat } from "@std/bytes/concat";
import type { Bytes } from "../../lib/base/bytes.ts";
import type { VirtualClock } from "./clock.ts";
import type { Generator } from "./generator.ts";

/** What stands at one end. */
export interface End {
  receive(bytes: Bytes): void;
  disconnected(): void;
}

/** One way of a connection. */
export class Way {
  readonly #clock: VirtualClock;
  readonly #chance: Generator;
  readonly #to: End;
  #pending: Bytes[] = [];
  #lastAt = 0;
  #stalledUntil = 0;
  #closed = false;
  #told = false;

  constructor(clock: VirtualClock, chance: Generator, to: End) {
    this.#clock = clock;
    this.#chance = chance;
    this.#to = to;
  }

  send(bytes: Bytes): void {
    if (!this.#closed) this.#pending.push(bytes);
  }

  /** What was sent in one turn goes on its way. */
  flush(): Bytes | undefined {
    if (this.#pending.length === 0) return undefined;
    const bytes = concat(this.#pending);
    this.#pending = [];
    for (let from = 0; from < bytes.length;) {
      const rest = bytes.length - from;
      const length = this.#chance.chance(0.2) ? this.#chance.int(1, rest) : rest;
      const piece = bytes.slice(from, from + length);
      this.#arrive(() => this.#to.receive(piece));
      from += length;
    }
    return bytes;
  }

  #arrive(run: () => void): void {
    const delay = this.#chance.chance(0.05)
      ? this.#chance.int(200, 3_000)
      : this.#chance.int(1, 60);
    const at = Math.max(this.#lastAt, this.#clock.now() + delay, this.#stalledUntil);
    this.#lastAt = at;
    this.#clock.at(at, () => {
      if (!this.#told) run();
    });
  }

  /** Nothing arrives for a while. */
  stall(ms: number): void {
    this.#stalledUntil = this.#clock.now() + ms;
  }

  /** Ends once what was sent has arrived. */
  end(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#arrive(() => this.#tell());
  }

  /**
   * Ends now: what is on its way is lost.
   *
   * @param silently Whether the other end does not hear of it.
   */
  cut(silently: boolean): void {
    this.#closed = true;
    this.#pending = [];
    if (this.#told) return;
    if (silently) {
      this.#told = true;
      return;
    }
    // Nothing more comes; that it is over is noticed a moment later.
    const delay = this.#chance.int(0, 100);
    this.#told = true;
    this.#clock.after(delay, () => this.#to.disconnected());
  }

  #tell(): void {
    this.#told = true;
    this.#to.disconnected();
  }
}
