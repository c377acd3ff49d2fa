/**
 * How a relay is set up.
 *
 * @module
 */

import type { CredentialCheck } from "./credential.ts";
import type { EntryRulesOptions } from "./entry_rules.ts";
import type { Limits } from "./limits.ts";
import type { RelayEvent } from "./relay_event.ts";
import type { Random } from "./sender_key.ts";

/** The options of a relay. */
export interface RelayOptions extends EntryRulesOptions {
  /** How many members the room takes; 1,024 by default. */
  readonly maxMembers?: number;
  /** How long a member whose connection is lost is kept, in milliseconds: 2 minutes by default, 12 hours at most. */
  readonly graceMs?: number;
  /** The time in milliseconds since 1970. */
  readonly now?: () => number;
  /** Milliseconds of a clock that never jumps, for deadlines; `now` where only that is given. */
  readonly monotonic?: () => number;
  /** Where the room's id and nonces come from. */
  readonly random?: Random;
  /** Checks credentials; many in one process may share the work. */
  readonly check?: CredentialCheck;
  /** How much may be on its way to one member: 10,000 frames and 4 MiB by default. */
  readonly queue?: { readonly frames: number; readonly bytes: number };
  /** What it takes of those who connect, and how fast; {@linkcode DEFAULT_LIMITS} for what is left out. */
  readonly limits?: Partial<Limits>;
  /** Hears what happens. */
  readonly event?: (event: RelayEvent) => void;
  /** Hears of an exception that no input explains; it has ended one connection at most. */
  readonly fail?: (error: unknown) => void;
}
