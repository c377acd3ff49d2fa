/**
 * What a member's own credential means once it has run out: who is there goes on hearing it, and whoever joins from
 * then on refuses it, so that nothing is said to them.
 *
 * @module
 */

import type { OwnCredential } from "./credential.ts";
import type { Policy } from "./policy.ts";
import type { Peer } from "./roster.ts";

/** The policy of a member, less those who refuse its credential. */
export class Expiry implements Policy {
  readonly #self: OwnCredential;
  readonly #policy: Policy;
  /** The time of day: credentials are dated. */
  readonly #date: () => number;
  /** Who joined once it had run out, by their hashes. */
  readonly #refusing = new Set<string>();
  #told = false;

  /**
   * @param self Whose credential it is.
   * @param policy Whom this member lets read.
   * @param date The time in milliseconds since 1970.
   */
  constructor(self: OwnCredential, policy: Policy, date: () => number) {
    this.#self = self;
    this.#policy = policy;
    this.#date = date;
  }

  /** In how many milliseconds {@linkcode tell} has something to say; never, once it has. */
  get dueIn(): number {
    return this.#told ? Infinity : Math.max(0, this.#self.expiresAt - this.#date());
  }

  /** Whether it is to be told now that the credential has run out: once. */
  tell(): boolean {
    if (this.#told || !this.#isOver) return false;
    this.#told = true;
    return true;
  }

  /**
   * Somebody joins, and has checked this member's credential. Clocks may differ by five minutes, for which some
   * would still take it: they are not told from those who do not.
   *
   * @returns Whether it refuses this member.
   */
  meet({ credential }: Peer): boolean {
    if (this.#isOver) this.#refusing.add(credential.key);
    return this.#isOver;
  }

  /** Somebody has left. */
  part({ credential }: Peer): void {
    this.#refusing.delete(credential.key);
  }

  get #isOver(): boolean {
    return this.#date() >= this.#self.expiresAt;
  }

  /** Why a peer is given no keys. */
  obstacle(peer: Peer): string | undefined {
    const refuses = this.#refusing.has(peer.credential.key);
    return this.#policy.obstacle(peer) ??
      (refuses ? "joined after your credential had run out, and refuses it" : undefined);
  }

  /** Whether the texts of a peer are kept from being shown. */
  hides(peer: Peer): boolean {
    return this.#policy.hides(peer);
  }
}
