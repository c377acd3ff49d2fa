/**
 * `--tls-cert` with `--tls-key`, and `--tls` with `--ca`.
 *
 * @module
 */

import { usageFailure } from "../failure.ts";

/**
 * The two files of a server, or neither.
 *
 * @throws {Failure} Usage, where there is one without the other.
 */
export function serverFiles(
  cert: string | undefined,
  key: string | undefined,
): { readonly tls?: { readonly cert: string; readonly key: string } } {
  if (cert !== undefined && key !== undefined) return { tls: { cert, key } };
  if (cert === undefined && key === undefined) return {};
  const [given, missing] = cert === undefined
    ? ["--tls-key", "--tls-cert"]
    : ["--tls-cert", "--tls-key"];
  throw usageFailure(given, `it goes with ${missing}`, "give the certificate and its key");
}

/**
 * What a client speaks TLS with, where it does.
 *
 * @throws {Failure} Usage, where there is an issuer and no TLS.
 */
export function clientFiles(
  tls: boolean,
  ca: string | undefined,
): { readonly tls?: { readonly ca: string | undefined } } {
  if (tls) return { tls: { ca } };
  if (ca !== undefined) throw usageFailure("--ca", "it goes with --tls", "give both");
  return {};
}
