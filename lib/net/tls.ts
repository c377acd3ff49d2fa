/**
 * TLS: certificates, the client's connection, and what a failed handshake means.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { printable } from "../base/printable.ts";
import { type SocketError, toFailure } from "../os/errors.ts";
import { readWhole } from "../os/files.ts";

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
    hint: "the file must be PEM text: -----BEGIN CERTIFICATE-----",
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

/** One entry of {@linkcode TLS_ERRORS}. */
export interface TlsError extends SocketError {
  /** What the runtime's message contains. */
  readonly text: string;
  /** A short name that a program can match. */
  readonly code: string;
  /** What the message tells beyond that, as words to follow the reason. */
  readonly detail?: (message: string) => string;
}

/**
 * The failures of TLS that a person meets: the first entry whose text a message contains is the one.
 */
export const TLS_ERRORS: readonly TlsError[] = [
  {
    text: "received corrupt message of type InvalidContentType",
    code: "TLS_NOT_SPOKEN",
    why: "the other side does not speak TLS",
    hint: "check the port; if the server does not use TLS, connect without TLS",
  },
  {
    text: "UnknownIssuer",
    code: "TLS_UNKNOWN_ISSUER",
    why: "the server's certificate is of an issuer that is not known here",
    hint: "trust the issuer's certificate; the operator of the server has it",
  },
  {
    text: "CaUsedAsEndEntity",
    code: "TLS_CA_CERTIFICATE",
    why: "the server's certificate is its own certificate authority, which no server can be",
    hint: "make the certificate with CA:FALSE: openssl req -x509 … -addext " +
      "basicConstraints=critical,CA:FALSE",
  },
  {
    text: "certificate expired",
    code: "TLS_EXPIRED",
    why: "the server's certificate has expired",
    hint: "the server needs a new one; if that is wrong, check this machine's clock",
    detail: (message) => onDate(/not valid after (\d+)/.exec(message)),
  },
  {
    text: "certificate not valid yet",
    code: "TLS_NOT_VALID_YET",
    why: "the server's certificate is not valid yet",
    hint: "check this machine's clock",
    detail: (message) => onDate(/not valid before (\d+)/.exec(message)),
  },
  {
    text: "certificate not valid for name",
    code: "TLS_WRONG_NAME",
    why: "the server's certificate is for another name",
    hint: "dial the server by a name that its certificate has",
    detail: certifiedNames,
  },
  {
    text: "KeyMismatch",
    code: "TLS_KEY_MISMATCH",
    why: "the key is not that of the certificate",
    hint: "check which key the certificate was made with",
  },
  {
    text: "No certificates found",
    code: "TLS_NO_CERTIFICATE",
    why: "the certificate file contains no certificate",
    hint: "it is PEM text: -----BEGIN CERTIFICATE-----",
  },
  {
    text: "No keys found",
    code: "TLS_NO_KEY",
    why: "the key file contains no private key that can be read",
    hint: "it is PEM text, -----BEGIN PRIVATE KEY-----; an encrypted key is opened by " +
      "(umask 077; set -C; openssl pkey -in FILE > NEW_KEY)",
  },
  {
    text: "Unable to decode certificate",
    code: "TLS_DAMAGED",
    why: "the certificate file is cut short or damaged",
    hint: "copy it anew, whole",
  },
  {
    text: "Unable to decode key",
    code: "TLS_DAMAGED",
    why: "the key file is cut short or damaged",
    hint: "copy it anew, whole",
  },
  {
    text: "Unable to add pem file to certificate store",
    code: "TLS_DAMAGED",
    why: "the file of the issuer's certificates is cut short or damaged",
    hint: "copy it anew, whole",
  },
  {
    text: "BadEncoding",
    code: "TLS_DAMAGED",
    why: "the certificate is damaged",
    hint: "make or copy it anew",
  },
  {
    text: "invalid peer certificate",
    code: "TLS_CERTIFICATE",
    why: "the server's certificate cannot be taken",
    hint: "openssl x509 -noout -text -in FILE shows what is in it",
    detail: afterColon,
  },
  {
    text: "peer is incompatible",
    code: "TLS_INCOMPATIBLE",
    why: "the two sides have no version or cipher of TLS in common",
    hint: "parley speaks TLS 1.2 and 1.3",
    detail: afterColon,
  },
  {
    text: "received fatal alert",
    code: "TLS_REFUSED",
    why: "the other side refused the handshake",
    hint: "its own output says why",
    detail: afterColon,
  },
  {
    text: "unexpected end of file",
    code: "TLS_CLOSED",
    why: "the connection was closed in the middle of the TLS handshake",
    hint: "check that the port is one where TLS is spoken",
  },
];

/**
 * Turns an error of TLS into a {@linkcode Failure}, by {@linkcode TLS_ERRORS}. Where it is no such error, it is as
 * {@linkcode toFailure} makes it.
 *
 * @param error Anything that was thrown.
 * @param what What was tried, such as "cannot connect to localhost:4396".
 */
export function tlsFailure(error: unknown, what: string): Failure {
  const message = error instanceof Error && !(error instanceof Failure) ? error.message : "";
  const known = TLS_ERRORS.find(({ text }) => message.includes(text));
  if (known === undefined) return toFailure(error, what);
  const why = known.why + (known.detail?.(message) ?? "");
  return new Failure({ what, why, hint: known.hint, code: known.code, cause: error });
}

/** What happens to any connection, and to the next one perhaps not. */
const PASSING: ReadonlySet<string> = new Set(["TLS_CLOSED", "TLS_TIMEOUT"]);

/**
 * Whether a failure is one of TLS that lasts until somebody mends it, or that somebody in between causes: such as a
 * certificate that does not hold.
 */
export function isLastingTlsFailure({ code }: Failure): boolean {
  return code.startsWith("TLS_") && !PASSING.has(code);
}

/** ", on 2020-02-01", of a time in seconds since 1970. */
function onDate(match: RegExpExecArray | null): string {
  const date = new Date(Number(match?.[1]) * 1000);
  return Number.isNaN(date.getTime()) ? "" : `, on ${date.toISOString().slice(0, 10)}`;
}

/** The names that rustls lists: `only valid for DnsName("a") or IpAddress(…)`. */
function certifiedNames(message: string): string {
  const listed = /only valid for (.*)$/s.exec(message)?.[1] ?? "";
  const names = [...listed.matchAll(/DnsName\("([^"]*)"\)|IpAddress\(([^()]*)\)/g)]
    .map(([, dns, ip]) => dns ?? ip!);
  if (names.length === 0) return "";
  const shown = names.slice(0, 5).join(", ");
  return `: ${names.length > 5 ? `${shown} and ${names.length - 5} more` : shown}`;
}

function afterColon(message: string): string {
  return `: ${message.slice(message.lastIndexOf(": ") + 2)}`;
}
