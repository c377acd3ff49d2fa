/**
 * The audiences that a member has declared at the relay: to whom it forwards a sealed frame, by a number.
 *
 * Audience 0 is everyone who had joined. Another is declared before the first frame to it, and holds until
 * its number is declared anew.
 *
 * @module
 */

import type { Bytes } from "./bytes.ts";
import type { Peer } from "./roster.ts";
import { encodeAudience } from "./wire.ts";

/** The number of the audience of the group, where it is not everyone. */
const GROUP_AUDIENCE = 1;
/** How many audiences of one a member keeps declared at the relay beside it. */
const MAX_PRIVATE_AUDIENCES = 255;

/** A member's audiences in one room. */
export class OwnAudiences {
  readonly #send: (frame: Bytes) => void;
  /** Those whom the audience of the group names at the relay. */
  #group: ReadonlySet<Peer> = new Set();
  /** The audiences of one, the one not used for longest first. */
  readonly #alone = new Map<Peer, number>();

  /**
   * Starts with none declared.
   *
   * @param send Sends a declaration.
   */
  constructor(send: (frame: Bytes) => void) {
    this.#send = send;
  }

  /** A peer has left: its number is free. */
  forget(peer: Peer): void {
    this.#alone.delete(peer);
  }

  /** The number of the group's audience; declares it, where it is not the one that is declared. */
  ofGroup(holders: ReadonlySet<Peer>): number {
    if (!(this.#group.size === holders.size && this.#group.isSubsetOf(holders))) {
      const members = [...holders].map((peer) => peer.credential.member);
      this.#send(encodeAudience(GROUP_AUDIENCE, members));
      this.#group = holders;
    }
    return GROUP_AUDIENCE;
  }

  /** The number of an audience of one; the one not used for longest gives way. */
  ofOne(peer: Peer): number {
    const known = this.#alone.get(peer);
    if (known !== undefined) {
      this.#alone.delete(peer);
      this.#alone.set(peer, known);
      return known;
    }
    const free = this.#free();
    this.#alone.set(peer, free);
    this.#send(encodeAudience(free, [peer.credential.member]));
    return free;
  }

  #free(): number {
    if (this.#alone.size >= MAX_PRIVATE_AUDIENCES) {
      const [oldest, number] = this.#alone.entries().next().value!;
      this.#alone.delete(oldest);
      return number;
    }
    const taken = new Set(this.#alone.values());
    let number = GROUP_AUDIENCE + 1;
    while (taken.has(number)) number += 1;
    return number;
  }
}
