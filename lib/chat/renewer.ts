/**
 * A member's own credential over time: renewed when half of its time is over. A state machine without I/O.
 *
 * @module
 */

import type { Bytes } from "./bytes.ts";
import type { OwnCredential } from "./credential.ts";
import { CREDENTIAL_LIFE_MS } from "./lifetime.ts";
import { makeRenewal, NO_RENEWAL } from "./renewal.ts";

/** Keeps a credential good for as long as its member stays. */
export class Renewer {
  readonly #self: OwnCredential;
  /** The time of day: credentials are dated. */
  readonly #date: () => number;
  #dueAt: number;
  #newest: Bytes = NO_RENEWAL;
  #making: Promise<Bytes> | undefined;

  /**
   * Starts with a credential that has just been made.
   *
   * @param date The time in milliseconds since 1970.
   */
  constructor(self: OwnCredential, date: () => number) {
    this.#self = self;
    this.#date = date;
    this.#dueAt = (date() + self.expiresAt) / 2;
  }

  /** In how many milliseconds {@linkcode renew} is to be called. */
  get dueIn(): number {
    return Math.max(0, this.#dueAt - this.#date());
  }

  /** The newest renewal; {@linkcode NO_RENEWAL} where none was needed yet. */
  get newest(): Bytes {
    return this.#newest;
  }

  /** Makes a renewal, which is the {@linkcode newest} once the promise resolves. */
  renew(): Promise<Bytes> {
    const { keys, member } = this.#self;
    const expiresAt = this.#date() + CREDENTIAL_LIFE_MS;
    this.#dueAt = expiresAt - CREDENTIAL_LIFE_MS / 2;
    this.#making = makeRenewal(keys.identity.privateKey, member, expiresAt).then((renewal) =>
      this.#newest = renewal
    );
    return this.#making;
  }

  /** A renewal that holds, made first where it is due; {@linkcode NO_RENEWAL} where none is needed yet. */
  async current(): Promise<Bytes> {
    if (this.dueIn === 0) return await this.renew();
    return await this.#making ?? this.#newest;
  }
}
