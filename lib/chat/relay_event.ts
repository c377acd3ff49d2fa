/**
 * What a relay tells whoever stands around it.
 *
 * @module
 */

import type { Credential } from "./credential.ts";
import type { Reason } from "./reason.ts";

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
