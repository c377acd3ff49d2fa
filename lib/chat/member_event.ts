/**
 * What a member tells whoever stands around it.
 *
 * @module
 */

import type { MissedSpan } from "./absence.ts";
import type { Bytes } from "./bytes.ts";
import type { OwnCredential } from "./credential.ts";
import type { Fault } from "./incoming.ts";
import type { Line } from "./ledger.ts";
import type { Ending, Reason } from "./reason.ts";
import type { Conflict } from "./registry.ts";
import type { Peer } from "./roster.ts";

/** What a member can find wrong with what the relay or a peer does. */
export type FaultCode =
  | Fault
  | Conflict
  | "ROSTER_DIFFERS"
  | "HIDDEN"
  /** Keys cannot be given to a peer: its session key is of no use. It is left out of what is said. */
  | "UNREACHABLE"
  /** An exception that no check foresaw: the frame is passed over. */
  | "FAILED"
  | "CLOCK_BEHIND"
  | "BAD_CREDENTIAL"
  | "CREDENTIAL_EXPIRED";

/** What a person or a program is told. */
export type MemberEvent =
  /** In the room; {@linkcode MemberEvent} `joined` with `present` follows for each who is there. */
  | { readonly kind: "admitted"; readonly self: OwnCredential; readonly room: Bytes }
  | { readonly kind: "joined"; readonly peer: Peer; readonly present: boolean }
  /** Everyone who was present has been named. */
  | { readonly kind: "ready" }
  | { readonly kind: "left"; readonly peer: Peer; readonly reason: Reason }
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
  }
  /** The relay has queued it for every recipient. */
  | { readonly kind: "sent"; readonly line: Line }
  /** Every recipient has shown it, or has left. */
  | {
    readonly kind: "delivered";
    readonly line: Line;
    /** The names of those who have left and are not known to have shown it, where there are any. */
    readonly missed?: readonly string[];
  }
  /** Nobody was there to receive it. */
  | {
    readonly kind: "unheard";
    readonly line: Line;
    /** The names of those whom it was for and who left before it was sent, where there are any. */
    readonly missed?: readonly string[];
  }
  /** A peer that was unconfirmed has signed something in this room. */
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
  /** There is another connection, and everything goes on. */
  | {
    readonly kind: "reconnected";
    readonly room: Bytes;
    /** When something was said that may not have come, where the others no longer waited for this member. */
    readonly missed?: MissedSpan;
  }
  | { readonly kind: "ended"; readonly reason: Ending; readonly detail: string };

/** What became of a line that was entered. */
export type Entered =
  | { readonly ok: true; readonly id: string }
  | { readonly ok: false; readonly code: RefusalCode; readonly message: string };

/** Why a line is not sent. */
export type RefusalCode =
  | "TEXT_TOO_LARGE"
  | "TEXT_EMPTY"
  | "NOT_JOINED"
  | "NO_SUCH_MEMBER"
  | "EXCLUDED"
  | "TO_SELF";
