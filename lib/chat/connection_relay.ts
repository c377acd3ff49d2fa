/**
 * What the connections of a relay need of it.
 *
 * @module
 */

import type { Bytes } from "./bytes.ts";
import type { Credential } from "./credential.ts";
import type { Audience } from "./fan_out.ts";
import type { Limits } from "./limits.ts";
import type { NewcomerRelay } from "./newcomer.ts";
import type { Reason } from "./reason.ts";
import type { RelayConnection } from "./relay_connection.ts";
import type { Origin } from "./relay_event.ts";
import type { RoomMember } from "./room_member.ts";
import type { Tally } from "./tally.ts";
import type { Evidence } from "./wire.ts";

/** What a connection needs of the relay. */
export interface ConnectionRelay extends NewcomerRelay {
  /** Milliseconds of a clock that never jumps, for deadlines. */
  readonly monotonic: () => number;
  /** How fast a connection may speak. */
  readonly limits: Limits;
  /** How many bytes may be on their way to one member. */
  readonly queueBytes: number;
  /** Counts what comes. */
  readonly tally: Tally;
  /** A connection asks to join; answers why it cannot, and else lets it check once its turn has come. */
  ask(connection: RelayConnection): Reason | undefined;
  /** Its join has been checked, or need not be. */
  checked(connection: RelayConnection): void;
  /** Why an identity cannot come in again so soon. */
  haste(identity: string): Reason | undefined;
  /** Lets a newcomer in, or answers why not. */
  admit(
    credential: Credential,
    evidence: Evidence,
    connection: RelayConnection,
  ): RoomMember | Reason;
  /** Goes on with a member that has received so many counted frames. */
  resume(member: RoomMember, received: number, connection: RelayConnection): void;
  /** Whether a member, by its hash as the key of a map, is in the room. */
  isThere(key: string): boolean;
  /** Forwards sealed frames; answers how many bytes that costs. */
  forward(sender: RoomMember, frames: number, bytes: Bytes, to: Audience): number;
  /** Forwards a frame that is for one member. */
  forwardTo(sender: RoomMember, recipient: Bytes, bytes: Bytes): void;
  /** A member's credential goes on to hold: newcomers are told. */
  renew(member: RoomMember, renewal: Bytes): void;
  /** Tells members how far what they sent has come. */
  flush(): void;
  /** A connection has ended. */
  forget(connection: RelayConnection): void;
  /** A member's connection has ended. */
  disconnected(member: RoomMember, connection: RelayConnection, reason: Reason): void;
  /** A connection has ended that never was a member's. */
  refused(reason: Reason, detail: string, from: Origin | undefined): void;
  /** A member is too fast: it is not read for so many milliseconds. */
  slowed(member: RoomMember, ms: number): void;
  /** Counts and reports an exception that no input explains. */
  failed(error: unknown): void;
  /** A connection's link has failed. */
  broken(connection: RelayConnection): void;
}
