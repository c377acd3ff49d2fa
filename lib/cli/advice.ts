/**
 * What to type after a failure. The library says what failed, with a code; options and commands are known here.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";

/** Makes a key in a file that does not exist yet. */
const KEYGEN = "parley rsa keygen -o NEW_KEY";

/** The hint of a failure for people who use the command line, by the failure's code and its own hint. */
const ADVICE: Readonly<Record<string, (hint: string) => string>> = {
  DECRYPT_FAILED: () => "check the key, and whether the message was encrypted with --raw",
  EADDRINUSE: () =>
    "another program listens there: choose another port, or --port 0 for any free one",
  KEY_EMPTY: withKeygen,
  KEY_EXPONENT: withKeygen,
  KEY_NOT_RSA: withKeygen,
  KEY_TOO_LARGE: withKeygen,
  KEY_TOO_SMALL: withKeygen,
  MESSAGE_TOO_LONG: (hint) =>
    hint.startsWith("one block") ? `${hint}; without --raw any size is possible` : hint,
  TLS_KEY_MISMATCH: () =>
    "--tls-cert and --tls-key belong together: check which key the certificate was made with",
  TLS_NOT_SPOKEN: () => "check the port; if the server does not use TLS, leave out --tls",
  TLS_UNKNOWN_ISSUER: () =>
    "name the issuer's certificate with --ca FILE; the operator of the server has it",
  UNKNOWN_ERROR: (hint) => hint === "" ? "parley info errors lists them" : hint,
};

function withKeygen(hint: string): string {
  return hint.endsWith("in a new file") ? `${hint}: ${KEYGEN}` : hint;
}

/**
 * Puts the options and commands that help into the hint of a failure.
 *
 * @param failure A failure of the library.
 * @returns The failure with that hint; itself if there is nothing to add.
 */
export function withAdvice(failure: Failure): Failure {
  const advice = Object.hasOwn(ADVICE, failure.code) ? ADVICE[failure.code] : undefined;
  const { what, why, code, hint, exitCode, cause, stack } = failure;
  const advised = advice?.(hint ?? "");
  if (advised === undefined || advised === hint) return failure;
  // The stack shows where it failed, not where its hint was chosen.
  return Object.assign(new Failure({ what, why, code, hint: advised, exitCode, cause }), { stack });
}
