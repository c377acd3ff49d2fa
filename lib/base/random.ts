/**
 * Sender keys: a chain that goes one way, what it seals, and what it opens.
 *
 * A sender seals every message under the current key of a chain that it alone advances. A step forward is
 * HKDF (RFC 5869), which nobody can take back: who is given a step reads from there on. The key of a step
 * never encrypts itself; the AES-256-GCM key (NIST SP 800-38D) is derived from it for one set of
 * recipients, and the counter that makes the initialization vector belongs to the chain and never
 * goes back, so that no key meets a vector twice.
 *
 * @module
 */

import type { Bytes } from "./bytes.ts";

/** Makes random bytes; a test may seed it. */
export type Random = (length: number) => Bytes;

/** Random bytes of the runtime. */
export const secureRandom: Random = (length) => crypto.getRandomValues(new Uint8Array(length));
