/**
 * What a member is made of, and what it needs of whoever stands around it.
 *
 * @module
 */

import type { Bytes } from "./bytes.ts";
import type { CredentialCheck, OwnCredential } from "./credential.ts";
import type { keyChange } from "./key_change.ts";
import type { MemberEvent } from "./member_event.ts";
import type { Policy } from "./policy.ts";
import type { Random } from "./sender_key.ts";
import type { Shown } from "./shown.ts";

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
  /** Whoever hears of the events has thrown. */
  fail(error: unknown): void;
}

/** Who joins, and how. */
export interface MemberOptions {
  readonly self: OwnCredential;
  /** What was dialled, as the person gave it. */
  readonly dialled: { readonly host: string; readonly port: number };
  /** Whether another connection can be made when one is lost; true by default. */
  readonly comesBack?: boolean;
  /** Whom it lets read and be read; everyone by default. */
  readonly policy?: Policy;
  /** The time in milliseconds since 1970. */
  readonly now?: () => number;
  /** The time by a clock that never jumps, for deadlines; `now` where only that is given. */
  readonly monotonic?: () => number;
  /** Where keys come from; the runtime's secure source by default. */
  readonly random?: Random;
  /** Checks credentials; many members in one process may share the work. */
  readonly check?: CredentialCheck;
  /** How far each sender's messages have been shown; nothing has by default. */
  readonly shown?: Shown;
  /** When keys change. */
  readonly keyChange?: typeof keyChange;
}
