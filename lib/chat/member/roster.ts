/**
 * Who is in the room, and who was a moment ago.
 *
 * Joinings and leavings are numbered by the relay. A roster is what it was at any recent number, so that
 * a frame sealed before a leaving was heard of can be compared with what its sender knew.
 *
 * @module
 */

import type { Credential } from "../identity/credential.ts";
import { Registry } from "../identity/registry.ts";

/** How many changes back the roster can be told. */
const REMEMBERED_CHANGES = 1024;

/** A member of the room. */
export interface Peer {
  /** The membership number that its joining made. */
  readonly number: number;
  /** Who it says it is, checked. */
  readonly credential: Credential;
  /** Whether it has signed anything in this room. */
  confirmed: boolean;
  /** Whether its connection is lost, and it may come back. */
  away: boolean;
}

interface Change {
  readonly number: number;
  readonly peer: Peer;
  readonly came: boolean;
}

/** The members of a room, as one of them knows it. */
export class Roster extends Registry<Peer> {
  readonly #changes: Change[] = [];
  /** No roster before this number can be told. */
  #since = 0;
  #number = 0;

  /** The membership number. */
  get number(): number {
    return this.#number;
  }

  /** Starts at the number that one's own joining made; who was there before is then added. */
  begin(self: Peer): void {
    this.add(self);
    this.#number = self.number;
    this.#since = self.number;
  }

  /** Somebody joined, under {@linkcode Peer.number}. */
  join(peer: Peer): void {
    this.add(peer);
    this.#change({ number: peer.number, peer, came: true });
  }

  /** Somebody left. */
  leave(number: number, peer: Peer): void {
    this.remove(peer);
    this.#change({ number, peer, came: false });
  }

  /** A change that concerns nobody whom this member takes for one. */
  skip(number: number): void {
    this.#number = number;
  }

  /**
   * Those who were there at `membership` and had joined by `newest`.
   *
   * @returns Undefined where that is too long ago, or not yet.
   */
  audience(membership: number, newest: number): Peer[] | undefined {
    if (membership < this.#since || membership > this.#number) return undefined;
    const there = new Set(this.values());
    for (let i = this.#changes.length - 1; i >= 0; i--) {
      const { number, peer, came } = this.#changes[i]!;
      if (number <= membership) break;
      if (came) there.delete(peer);
      else there.add(peer);
    }
    return [...there].filter((peer) => peer.number <= newest);
  }

  #change(change: Change): void {
    this.#number = change.number;
    this.#changes.push(change);
    if (this.#changes.length < 2 * REMEMBERED_CHANGES) return;
    const forgotten = this.#changes.splice(0, REMEMBERED_CHANGES);
    this.#since = forgotten.at(-1)!.number;
  }
}

/** Decides about peers. It is asked anew for every frame, so that a decision holds from the next one on. */
export interface Policy {
  /** Why a peer is given no keys, in words that stand behind its name; undefined where it may read. */
  obstacle(peer: Peer): string | undefined;
  /** Whether the texts of a peer are kept from being shown. */
  hides(peer: Peer): boolean;
}

/** Everyone reads and is read. */
export const EVERYONE: Policy = { obstacle: () => undefined, hides: () => false };
