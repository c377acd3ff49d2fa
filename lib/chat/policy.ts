/**
 * Whom a member lets read what it says, and whose texts it shows: the one question that the member's two
 * sides ask of trust.
 *
 * @module
 */

import type { Peer } from "./roster.ts";

/** Decides about peers. It is asked anew for every frame, so that a decision holds from the next one on. */
export interface Policy {
  /** Why a peer is given no keys, in words that stand behind its name; undefined where it may read. */
  obstacle(peer: Peer): string | undefined;
  /** Whether the texts of a peer are kept from being shown. */
  hides(peer: Peer): boolean;
}

/** Everyone reads and is read. */
export const EVERYONE: Policy = { obstacle: () => undefined, hides: () => false };
