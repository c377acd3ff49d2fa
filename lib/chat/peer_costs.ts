/**
 * What a member charges its peers for, and its relay.
 *
 * Nobody but who has signed a frame is charged for it: a relay cannot spend what is somebody else's.
 *
 * @module
 */

import type { Tariff } from "./costs.ts";

/** What a peer is charged for: steps of a chain that no frame explains, and questions that are to be answered. */
export type PeerCost = "step" | "question";

/** How much of it an identity may cause. Who keeps to the protocol skips no step, and asks once in a room. */
export const PEER_TARIFF: Tariff<PeerCost> = {
  step: { perSecond: 8, burst: 64 },
  question: { perSecond: 1, burst: 8 },
};

/** What a relay is charged for: pings that are to be answered. */
export type RelayCost = "ping";

/** How much of it a relay may cause over one connection. It asks after 15 s of silence. */
export const RELAY_TARIFF: Tariff<RelayCost> = { ping: { perSecond: 1, burst: 8 } };

/**
 * The most that may wait to go to a relay beside frames that it has not accepted, in bytes: a relay that does not read
 * what it is answered is lost.
 */
export const MAX_UNREAD_BYTES = 1 << 20;

/** The most that a member knows of: those in the room, and those of the one before who may come back. */
export const MAX_CONTACTS = 16_384;
