/**
 * TLS around a connection (RFC 8446): what each side is given, and the client's side.
 *
 * What the runtime says of a failure is rustls's own text, without a code; {@linkcode tlsFailure} knows
 * those that a person meets.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { printable } from "../base/printable.ts";
import { readWhole } from "../os/files.ts";
import { tlsFailure } from "./tls_failure.ts";

/** How a server proves who it is: both as PEM text. */
export interface TlsServerOptions {
  /** Its certificate, followed by those between it and a root, if any. */
  readonly cert: string;
  /** The certificate's private key, unencrypted. */
  readonly key: string;
}

/** Whom a client believes. */
export interface TlsClientOptions {
  /** Certificates of authorities, as PEM text, beside those that the runtime knows. */
  readonly caCerts?: readonly string[];
}

/** The most that a file of certificates or of a key may have, in bytes. */
const MAX_PEM_BYTES = 1 << 20;

/** How long a handshake may take, in milliseconds. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * Reads what a server proves itself by. Certificate and key are checked when it listens.
 *
 * @param files The paths of two PEM files.
 * @throws {Failure} Where they cannot be read.
 */
export async function readServerFiles(
  files: { readonly cert: string; readonly key: string },
): Promise<TlsServerOptions> {
  return { cert: await readPem(files.cert), key: await readPem(files.key) };
}

/**
 * Reads whom a client is to believe.
 *
 * @param files The path of a PEM file, if any.
 * @throws {Failure} Where it cannot be read, or has no certificate.
 */
export async function readClientFiles(
  files: { readonly ca: string | undefined },
): Promise<TlsClientOptions> {
  if (files.ca === undefined) return {};
  const pem = await readPem(files.ca);
  // The runtime takes a file without any, and then knows no issuer.
  if (pem.includes("-----BEGIN CERTIFICATE-----")) return { caCerts: [pem] };
  throw new Failure({
    what: `cannot use ${printable(files.ca)}`,
    why: "there is no certificate in it",
    code: "TLS_NO_CERTIFICATE",
    hint: "--ca takes PEM text: -----BEGIN CERTIFICATE-----",
  });
}

async function readPem(path: string): Promise<string> {
  return new TextDecoder().decode(await readWhole(path, MAX_PEM_BYTES));
}

/**
 * Looks whether a server can use its certificate and key.
 *
 * @throws {Error} Where it cannot; {@linkcode tlsFailure} knows the texts.
 */
export function checkServerOptions({ cert, key }: TlsServerOptions): void {
  // Nothing but a listener of the runtime says so before a client comes.
  Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key }).close();
}

/**
 * Starts TLS over a new connection, as its client.
 *
 * @param conn The connection; it is used up, also where this fails.
 * @param hostname The name or address that the server's certificate must be for.
 * @param options Whom to believe.
 * @param what What is tried, for the failure.
 * @throws {Failure} Where the handshake fails or takes too long.
 */
export async function startTls(
  conn: Deno.TcpConn,
  hostname: string,
  { caCerts = [] }: TlsClientOptions,
  what: string,
): Promise<Deno.TlsConn> {
  const signal = AbortSignal.timeout(HANDSHAKE_TIMEOUT_MS);
  try {
    const tls = await Deno.startTls(conn, { hostname, caCerts: [...caCerts] });
    await shakeHands(tls, signal);
    return tls;
  } catch (error) {
    closeQuietly(conn);
    if (!signal.aborted) throw tlsFailure(error, what);
    throw new Failure({
      what,
      why: `no TLS handshake within ${HANDSHAKE_TIMEOUT_MS / 1000} s`,
      code: "TLS_TIMEOUT",
      hint: "check that the port is one where TLS is spoken",
    });
  }
}

/** Waits for a handshake, until a signal ends it. */
async function shakeHands(conn: Deno.TlsConn, signal: AbortSignal): Promise<void> {
  const cut = () => closeQuietly(conn);
  signal.addEventListener("abort", cut, { once: true });
  try {
    await conn.handshake();
  } catch (error) {
    cut();
    throw error;
  } finally {
    signal.removeEventListener("abort", cut);
  }
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error; // closed before
  }
}
