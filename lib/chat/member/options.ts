/**
 * The options, the output and the events of a member, and what its parts share.
 *
 * @module
 */

import type { Bytes, Random } from "../../base/bytes.ts";
import type { Costs, InOrder, Tariff } from "../../base/clock.ts";
import type { Credential, CredentialCheck, OwnCredential } from "../identity/credential.ts";
import type { Notice } from "../wire/content.ts";
import type { Invitation } from "../wire/invitation.ts";
import type { Ending, Reason } from "../wire/kinds.ts";
import type { Displayed, Streams } from "./acknowledger.ts";
import type { Ledger } from "./deliveries.ts";
import type { Line, Missed } from "./lines.ts";
import type { Peer, Policy, Roster } from "./roster.ts";
import type { MissedSpan, RosterPace } from "./time.ts";

/** Where a member's bytes and events go. */
export interface MemberOutput {
  /** Bytes for the relay, over the connection that there is; they are not changed afterwards. */
  send(bytes: Bytes): void;
  /** How many bytes wait to go over it, where that is known. */
  readonly waiting?: number | undefined;
  /** The connection is of no further use. Another is wanted: see {@linkcode Member.isAway}. */
  drop(): void;
  /** Something to show. Events come in order, and are counted from 1. */
  event(event: MemberEvent): void;
  /** {@linkcode Member.wakeAt} is earlier than it was. */
  wake(): void;
  /** The listener for events has thrown. */
  fail(error: unknown): void;
}

/** The member that joins, and its options. */
export interface MemberOptions {
  readonly self: OwnCredential;
  /** What was dialled, as the person gave it. */
  readonly dialled: { readonly host: string; readonly port: number };
  /** The name of the room to join; the empty name by default. */
  readonly roomName?: string;
  /** The invitation by which it joins: a relay may admit only those who are invited. */
  readonly invitation?: Invitation | undefined;
  /** Whether another connection can be made when one is lost; true by default. */
  readonly comesBack?: boolean;
  /** Decides which peers may read, and whose messages are shown; everyone by default. */
  readonly policy?: Policy;
  /** The time in milliseconds since 1970. */
  readonly now?: () => number;
  /** The time by a clock that never jumps, for deadlines; `now` where only that is given. */
  readonly monotonic?: () => number;
  /** Where keys come from; the runtime's secure source by default. */
  readonly random?: Random;
  /** Checks credentials; many members in one process may share the work. */
  readonly check?: CredentialCheck;
  /** The streams of other members; nothing has come by default. */
  readonly streams?: Streams;
  /** When keys change. */
  readonly keyChange?: KeyChangeRule;
}

/** What becomes of a chain before its next frame. */
export type KeyChange = "none" | "step" | "chain";

/** Compares the holders of a chain's key with the readers of its next frame. */
export type KeyChangeRule = <T>(holders: ReadonlySet<T>, readers: ReadonlySet<T>) => KeyChange;

/**
 * The kinds of work that a peer is charged for: steps of a chain beyond one a frame, grants that bring a new key, waits
 * of this member for its receipts, and notices.
 */
export type PeerCost = "step" | "grant" | "wait" | "notice";

/** How much of each kind of work one identity may cause. */
export const PEER_TARIFF: Tariff<PeerCost> = {
  step: { perSecond: 8, burst: 64 },
  // An honest member grants one after a leaving, and a relay admits 50 members a second.
  grant: { perSecond: 64, burst: 256 },
  wait: { perSecond: 1 / 60, burst: 3 },
  notice: { perSecond: 1, burst: 16 },
};

/** What the parts of a member share, in all rooms. */
export interface MemberContext {
  readonly self: OwnCredential;
  readonly policy: Policy;
  readonly ledger: Ledger;
  readonly displayed: Displayed;
  /** The streams of all senders. */
  readonly streams: Streams;
  /** The accounts of peers, by identity. */
  readonly costs: Costs<PeerCost>;
  /** The effects of received frames. */
  readonly order: InOrder;
  /** Charges the relay for changes of the roster. */
  readonly pace: RosterPace;
  /** Returns the sequence of the next receipt: no two of this member have the same one. */
  readonly nextReceipt: () => number;
  readonly keyChange: KeyChangeRule;
  readonly random: Random;
  /** A monotonic clock in milliseconds. */
  readonly now: () => number;
  /** Checks a credential, with its newest renewal. */
  readonly check: (bytes: Bytes, renewal: Bytes) => Promise<Credential>;
  readonly event: (event: MemberEvent) => void;
  /** The member is to be woken earlier than it was. */
  readonly wake: () => void;
  /** Receives the end of a credential that the relay has accepted and that this machine's clock shows as too late. */
  readonly tooLong: (expiresAt: number) => void;
  /** Receives a breach of the protocol by the relay. */
  readonly breach: (detail: string) => void;
  /** Receives an error of the runtime's cryptography. */
  readonly failed: (error: unknown) => void;
}

/** What the parts of a member share in one room. */
export interface RoomContext extends MemberContext {
  readonly room: Bytes;
  readonly roster: Roster;
  /** Sends a frame if there is a connection. */
  readonly send: (frame: Bytes) => void;
  /** Reports a fault of a peer or the relay. */
  readonly fault: (code: FaultCode, peer: Peer | undefined, detail: string) => void;
}

/** The faults of a frame, by the code that people and programs see. */
export const FAULTS = {
  UNKNOWN_SENDER: "a frame came in the name of somebody who is not in the room",
  CONTEXT: "a frame belongs to a version of the room that this member does not know",
  BAD_SIGNATURE: "a frame was not signed by its sender, or was changed on the way",
  BAD_KEY: "a frame came under a pairwise key that does not open",
  NO_KEY: "a frame came under a key that was never granted",
  BAD_STEP: "a frame goes back in its chain, or too far ahead",
  BAD_SEAL: "a frame does not open",
  BAD_CONTENT: "the content of a frame is malformed",
  NOT_ADDRESSED: "a frame came that is addressed to somebody else",
  GAP: "messages are missing before this one",
} as const;

/** What can be wrong with a frame. */
export type Fault = keyof typeof FAULTS;

/** What a member can find wrong with what the relay or a peer does. */
export type FaultCode =
  | Fault
  | "NAME_TAKEN"
  | "ROSTER_DIFFERS"
  | "HIDDEN"
  /** A peer gives this member no lines, because it knows another key under this member's name. */
  | "MISTRUSTED"
  /** A peer's session key cannot encrypt, so it is given no key and is left out. */
  | "UNREACHABLE"
  /** An exception that no check foresaw. The frame is skipped. */
  | "FAILED"
  | "CLOCK_BEHIND"
  | "BAD_CREDENTIAL"
  | "CREDENTIAL_EXPIRED";

/** An event for a person or a program. */
export type MemberEvent =
  /** In the room; {@linkcode MemberEvent} `joined` with `present` follows for each other member. */
  | { readonly kind: "admitted"; readonly self: OwnCredential; readonly room: Bytes }
  | { readonly kind: "joined"; readonly peer: Peer; readonly present: boolean }
  /** All members that were present have been named. */
  | { readonly kind: "ready" }
  | {
    readonly kind: "left";
    readonly peer: Peer;
    readonly reason: Reason;
    /** Whether the peer signed its leaving. Otherwise the relay says so. */
    readonly signed: boolean;
  }
  /** A peer's connection is lost, and it may come back; or it is back. */
  | { readonly kind: "away" | "back"; readonly peer: Peer }
  | {
    readonly kind: "message";
    readonly from: Peer;
    readonly id: string;
    readonly text: string;
    /** When it was entered, by its sender's clock, in milliseconds since 1970. */
    readonly time: number;
    readonly private: boolean;
    /** Whether it came after a later message of its sender. */
    readonly late?: boolean;
  }
  /** A notice of a peer: bytes that its program has sent to this member alone. They may be anything. */
  | {
    readonly kind: "notice";
    readonly peer: Peer;
    readonly notice: Notice;
    readonly body: Bytes;
  }
  /** The relay has accepted it for every recipient. */
  | { readonly kind: "sent"; readonly line: Line }
  /** Every recipient has taken it, or has left. */
  | {
    readonly kind: "delivered";
    readonly line: Line;
    /** Those that are not known to have shown it, if there are any. */
    readonly missed?: readonly Missed[];
  }
  /** The line had no recipients. */
  | {
    readonly kind: "unheard";
    readonly line: Line;
    /** The recipients that left before it was sent, if there are any. */
    readonly missed?: readonly Missed[];
  }
  /** A peer that was unconfirmed has authenticated a frame in this room. */
  | { readonly kind: "confirmed"; readonly peer: Peer }
  | {
    readonly kind: "fault";
    readonly code: FaultCode;
    readonly peer: Peer | undefined;
    /** What is known beyond the code. */
    readonly detail: string;
    /** How often it has happened with this peer. */
    readonly count: number;
  }
  /** The connection is lost, and another is tried; what is entered meanwhile is sent after. */
  | { readonly kind: "disconnected"; readonly reason: Ending; readonly detail: string }
  /** The member is back over another connection. */
  | {
    readonly kind: "reconnected";
    readonly room: Bytes;
    /** Whether this is another stay: in another room, or in a room that had removed this member. */
    readonly anew?: boolean;
    /** When something was said that may not have come, where the others no longer waited for this member. */
    readonly missed?: MissedSpan;
  }
  | { readonly kind: "ended"; readonly reason: Ending; readonly detail: string };
