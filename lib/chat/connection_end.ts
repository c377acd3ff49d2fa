/**
 * Why a relay ends a connection.
 *
 * @module
 */

import { MalformedError } from "./bytes.ts";
import { CredentialError } from "./credential.ts";
import { FrameError } from "./frame.ts";
import type { Reason } from "./reason.ts";

/** Why a connection ends: thrown where it is found, caught at the connection's edge. */
export class EndError extends Error {
  /** Ends it for a reason; the message is for whoever runs the relay. */
  constructor(readonly reason: Reason, message = "") {
    super(message);
    this.name = "EndError";
  }
}

/**
 * The reason that an error ends a connection with.
 *
 * @param unexpected Hears of an error that is no fault found in what came.
 * @returns The reason, and what is said of it to whoever runs the relay.
 */
export function endOf(error: unknown, unexpected: (error: unknown) => void): [Reason, string] {
  if (error instanceof EndError) return [error.reason, error.message];
  if (error instanceof CredentialError) return [error.code, error.message];
  if (error instanceof MalformedError) return ["BAD_FRAME", error.message];
  if (error instanceof FrameError) {
    return [error.code === "FRAME_TOO_LARGE" ? "TOO_LARGE" : "BAD_FRAME", error.message];
  }
  unexpected(error);
  return ["SHUTDOWN", "an internal error"];
}
