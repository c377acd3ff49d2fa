/**
 * Keeps a member's credential valid for as long as the member stays.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import type { OwnCredential } from "../identity/credential.ts";
import {
  CLOCK_SKEW_MS,
  makeRenewal,
  NO_RENEWAL,
  RENEWAL_LIFE_MS,
  RENEWAL_RESERVE_MS,
} from "../identity/renewal.ts";

/** Keeps a credential good for as long as its member stays. */
export class Renewer {
  readonly #self: OwnCredential;
  /** The time of day: credentials are dated. */
  readonly #date: () => number;
  #dueAt: number;
  #newest: Bytes = NO_RENEWAL;
  /** The newest, once it is made. */
  #making: Promise<Bytes> = Promise.resolve(NO_RENEWAL);

  /**
   * Starts with a credential that has just been made.
   *
   * @param date The time in milliseconds since 1970.
   */
  constructor(self: OwnCredential, date: () => number) {
    this.#self = self;
    this.#date = date;
    const now = date();
    const { expiresAt } = self;
    const half = (now + expiresAt) / 2;
    // Whoever is away cannot renew: a credential that can have the reserve has it.
    const early = expiresAt - RENEWAL_RESERVE_MS;
    this.#dueAt = early > now ? Math.min(half, early) : half;
  }

  /** In how many milliseconds {@linkcode renew} is to be called. */
  get dueIn(): number {
    const left = this.#dueAt - this.#date();
    // The clock has been put back, and what was made by it ends later than anybody takes it for.
    return left > RENEWAL_RESERVE_MS + CLOCK_SKEW_MS ? 0 : Math.max(0, left);
  }

  /** The newest renewal; {@linkcode NO_RENEWAL} where none was needed yet. */
  get newest(): Bytes {
    return this.#newest;
  }

  /** Makes a renewal, which is the {@linkcode newest} once the promise resolves. */
  renew(): Promise<Bytes> {
    const { keys, member } = this.#self;
    const expiresAt = this.#date() + RENEWAL_LIFE_MS;
    this.#dueAt = expiresAt - RENEWAL_RESERVE_MS;
    this.#making = makeRenewal(keys.identity.privateKey, member, expiresAt).then((renewal) =>
      this.#newest = renewal
    );
    return this.#making;
  }

  /** A renewal that holds, made first where it is due; {@linkcode NO_RENEWAL} where none is needed yet. */
  async current(): Promise<Bytes> {
    return await (this.dueIn === 0 ? this.renew() : this.#making);
  }
}
