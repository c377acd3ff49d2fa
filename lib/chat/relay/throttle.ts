/**
 * How fast a member may speak. Who speaks faster is read more slowly, and not ended: the connection fills, and the
 * member waits, as it would for a slow network.
 *
 * @module
 */

import { Account } from "../../base/costs.ts";
import type { Limits } from "./options.ts";

/** So many seconds' worth of frames may come at once: the keys for a room of a thousand. */
const BURST_SECONDS = 2;
/** So many of bytes: less than fills the queue of who gets them. */
const BYTES_BURST_SECONDS = 0.25;

/**
 * What a member may have sent of late and still be none that fills others' queues: a person never comes near it.
 * It is forgotten at this rate, so that one who keeps just within the limits above is told from a person too.
 */
const MODEST = {
  frames: { most: 200, perSecond: 100 },
  bytes: { most: 64 << 10, perSecond: 256 << 10 },
} as const;
/** So many seconds of it are remembered. */
const MODEST_SECONDS = 20;
/**
 * How long one that does is not read, in milliseconds: twice as long each time, and half as long for every second
 * without. Well below what a member is waited for: while it is not read, what it acknowledges is not either.
 */
const YIELD_MS = { first: 100, most: 2_000 } as const;
const YIELD_HALVES_MS = 1_000;
/** What coming back costs, in frames: the relay checks a signature, and sends again what is on its way. */
const RESUME_FRAMES = 100;

/** What a member has sent. */
export interface Spent {
  /** How many frames. */
  readonly frames: number;
  /** How many bytes. */
  readonly bytes: number;
  /** How many bytes the relay sends on for it, or has answered to it; looking for somebody counts as some. */
  readonly fanout: number;
  /** Whether someone who gets it has much to read already, and is reading. */
  readonly pressing: boolean;
}

/** The account of one member with its relay. */
export class Pace {
  readonly #account: Account<"frames" | "bytes" | "fanout" | "framesLately" | "bytesLately">;
  #yield = 0;
  #yieldedAt = 0;
  #pausedUntil = 0;

  /** Starts with a burst to spend. */
  constructor(limits: Limits, now: number) {
    const rate = (perSecond: number, seconds = BURST_SECONDS) => ({
      perSecond,
      burst: perSecond * seconds,
    });
    this.#account = new Account({
      frames: rate(limits.framesPerSecond),
      bytes: rate(limits.bytesPerSecond, BYTES_BURST_SECONDS),
      fanout: rate(limits.fanoutPerSecond),
      framesLately: rate(MODEST.frames.perSecond, MODEST_SECONDS),
      bytesLately: rate(MODEST.bytes.perSecond, MODEST_SECONDS),
    }, now);
  }

  /**
   * A member has sent something.
   *
   * @returns For how many milliseconds nothing more is to be read of it.
   */
  spend({ frames, bytes, fanout, pressing }: Spent, now: number): number {
    const account = this.#account;
    account.charge("framesLately", frames, now);
    account.charge("bytesLately", bytes, now);
    const pause = Math.max(
      account.charge("frames", frames, now),
      account.charge("bytes", bytes, now),
      account.charge("fanout", fanout, now),
      pressing && !this.#isModest(now) ? this.#yieldAt(now) : 0,
    );
    this.#pausedUntil = now + pause;
    return pause;
  }

  /**
   * The member comes back over another connection: what it has spent stays spent.
   *
   * @returns False while it is not to be read: another connection must not be a way around that.
   */
  resume(now: number): boolean {
    if (now < this.#pausedUntil) return false;
    this.#account.charge("frames", RESUME_FRAMES, now);
    return true;
  }

  #yieldAt(now: number): number {
    const { first, most } = YIELD_MS;
    const left = this.#yield / 2 ** ((now - this.#yieldedAt) / YIELD_HALVES_MS);
    this.#yield = Math.min(most, Math.max(first, 2 * left));
    this.#yieldedAt = now + this.#yield;
    return this.#yield;
  }

  #isModest(now: number): boolean {
    return this.#account.charged("framesLately", now) <= MODEST.frames.most &&
      this.#account.charged("bytesLately", now) <= MODEST.bytes.most;
  }
}
