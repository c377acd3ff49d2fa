/**
 * How a relay is set up.
 *
 * @module
 */

import type { Random } from "../../base/bytes.ts";
import type { Credential, CredentialCheck } from "../identity/credential.ts";
import type { Reason } from "../wire/kinds.ts";

/** The options of a relay. */
export interface RelayOptions extends EntryRulesOptions {
  /** How many members the room takes; {@linkcode DEFAULT_MAX_MEMBERS} by default. */
  readonly maxMembers?: number;
  /**
   * How long a member whose connection is lost is kept, in milliseconds: {@linkcode DEFAULT_GRACE_MS}
   * by default, 12 hours at most.
   */
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

/** What whoever runs a relay lays down. */
export interface EntryRulesOptions {
  /** Whether an identity, by its fingerprint, may come in; without, everyone may. */
  readonly allows?: (fingerprint: string) => boolean;
  /**
   * The names by which members dial it, `HOST` or `HOST:PORT`. Who dialled another was led here by somebody in
   * between. Without, any will do.
   */
  readonly publicNames?: readonly string[];
}

/** The limits of a relay. Each protects the others in the room from one who wants too much. */
export interface Limits {
  /** Connections that have not joined yet. */
  readonly pending: number;
  /** Connections from one address, of members and others. Without it {@linkcode PER_ADDRESS}. */
  readonly perAddress?: number | undefined;
  /** Joins from one address in a minute. Without it {@linkcode JOINS_PER_ADDRESS}. */
  readonly joinsPerAddress?: number | undefined;
  /** Joins that are checked in a second, of all addresses together. */
  readonly joinsPerSecond: number;
  /** Joins of one identity in a minute. */
  readonly rejoins: number;
  /** Frames of one member in a second; acknowledgements of something new are free. */
  readonly framesPerSecond: number;
  /** Bytes of one member in a second. */
  readonly bytesPerSecond: number;
  /** Bytes in a second that the relay sends on for one member: what comes, times those who get it. */
  readonly fanoutPerSecond: number;
}

/** The most members that a room takes by default. */
export const DEFAULT_MAX_MEMBERS = 1024;

/** How long a member whose connection is lost is kept by default, in milliseconds. */
export const DEFAULT_GRACE_MS = 120_000;

/** The default of {@linkcode Limits.perAddress}; none for this machine's own, where it would say nothing. */
export const PER_ADDRESS = 128;
/** The default of {@linkcode Limits.joinsPerAddress}; none for this machine's own. */
export const JOINS_PER_ADDRESS = 120;

/** What looking for a member counts as, in bytes that are sent on: about as much work. */
export const LOOKUP_BYTES = 256;

/** The limits of a relay that is told nothing else. */
export const DEFAULT_LIMITS: Limits = {
  pending: 1024,
  joinsPerSecond: 50,
  rejoins: 60,
  framesPerSecond: 1000,
  bytesPerSecond: 4 << 20,
  fanoutPerSecond: 32 << 20,
};

/** What a relay tells whoever stands around it. */
export type RelayEvent =
  | { readonly kind: "connected"; readonly from?: Origin | undefined }
  | { readonly kind: "joined"; readonly credential: Credential; readonly from?: Origin | undefined }
  | { readonly kind: "left"; readonly credential: Credential; readonly reason: Reason }
  /** A member's connection is lost, or it has another. */
  | { readonly kind: "away" | "back"; readonly credential: Credential }
  /** A connection ended that never was a member. */
  | {
    readonly kind: "refused";
    readonly reason: Reason;
    readonly detail: string;
    readonly from?: Origin | undefined;
  }
  /** A member speaks too fast: it is not read for so many milliseconds. Said once a minute for each. */
  | { readonly kind: "slowed"; readonly credential: Credential; readonly ms: number }
  /** An exception that no input explains; it has ended one connection at most. */
  | { readonly kind: "failed"; readonly detail: string };

/** The other end of a connection: an address and a port. */
export interface Origin {
  /** Its address. */
  readonly hostname: string;
  /** Its port. */
  readonly port: number;
}
