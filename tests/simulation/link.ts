/**
 * A link of a simulated network: bytes arrive late, in other pieces than they were sent in, or not at all.
 *
 * @module
 */

// @ts-types="../../types/std.d.ts"
import { concat } from "@std/bytes/concat";
import type { Bytes } from "../../lib/base/bytes.ts";
import type { Link, LinkReceiver } from "../../lib/chat/link.ts";
import type { VirtualClock } from "./clock.ts";
import type { Generator } from "./generator.ts";

/** Makes the two ends of a connection. */
export function simulatedLinks(
  clock: VirtualClock,
  chance: Generator,
): [SimulatedLink, SimulatedLink] {
  const near = new SimulatedLink(clock, chance);
  const far = new SimulatedLink(clock, chance);
  near.connect(far);
  far.connect(near);
  return [near, far];
}

/** One end of a connection. Delays and pauses are those of what it sends. */
export class SimulatedLink implements Link {
  readonly #clock: VirtualClock;
  readonly #chance: Generator;
  #peer: SimulatedLink | undefined;
  #receiver: LinkReceiver | undefined;
  #pending: Bytes[] = [];
  #lastAt = 0;
  #stalledUntil = 0;
  #closed = false;
  #told = false;

  constructor(clock: VirtualClock, chance: Generator) {
    this.#clock = clock;
    this.#chance = chance;
  }

  connect(peer: SimulatedLink): void {
    this.#peer = peer;
  }

  /** Bytes wait in the network, not here. */
  get waiting(): number {
    return 0;
  }

  open(receiver: LinkReceiver): void {
    this.#receiver = receiver;
  }

  /** Receives what the other end sent. */
  receive(bytes: Bytes): void {
    this.#receiver?.receive(bytes);
  }

  /** Hears that the other end sends nothing more. */
  disconnected(): void {
    this.#receiver?.disconnected();
  }

  send(bytes: Bytes): void {
    if (!this.#closed) this.#pending.push(bytes);
  }

  /** Transmits what was sent in one turn. */
  flush(): Bytes | undefined {
    if (this.#pending.length === 0) return undefined;
    const bytes = concat(this.#pending);
    this.#pending = [];
    for (let from = 0; from < bytes.length;) {
      const rest = bytes.length - from;
      const length = this.#chance.chance(0.2) ? this.#chance.int(1, rest) : rest;
      const piece = bytes.slice(from, from + length);
      this.#arrive(() => this.#peer?.receive(piece));
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

  /** Nothing that is sent arrives for a while. */
  stall(ms: number): void {
    this.#stalledUntil = this.#clock.now() + ms;
  }

  /** Ends once everything sent has arrived. */
  end(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#arrive(() => this.#tell());
  }

  close(): void {
    this.cut(false);
  }

  /**
   * Ends now and loses what is in transit.
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
    // Nothing more arrives. The other end notices the end a moment later.
    const delay = this.#chance.int(0, 100);
    this.#told = true;
    this.#clock.after(delay, () => this.#peer?.disconnected());
  }

  #tell(): void {
    this.#told = true;
    this.#peer?.disconnected();
  }
}
