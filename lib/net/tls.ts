/**
 * TLS: certificates, the client's connection, and what a failed handshake means.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { printable } from "../base/printable.ts";
import { type SocketError, toFailure } from "../os/errors.ts";
import { readWhole } from "../os/files.ts";

/** A server's certificate and key, as PEM text. */
export interface TlsServerOptions {
  /** The server's certificate, followed by any intermediate certificates. */
  readonly cert: string;
  /** The certificate's private key, unencrypted. */
  readonly key: string;
}

/** What a client trusts. */
export interface TlsClientOptions {
  /** Certificates of authorities as PEM text, in addition to those of the runtime. */
  readonly caCerts?: readonly string[];
}

/** The most bytes that a certificate or key file may have. */
const MAX_PEM_BYTES = 1 << 20;

/** The time limit of a handshake, in milliseconds. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * Reads a server's certificate and key. Their content is checked when the server starts to listen.
 *
 * @param files The paths of two PEM files.
 * @throws {Failure} If one cannot be read.
 */
export async function readServerFiles(
  files: { readonly cert: string; readonly key: string },
): Promise<TlsServerOptions> {
  return { cert: await readPem(files.cert), key: await readPem(files.key) };
}

/**
 * Reads the authorities that a client trusts.
 *
 * @param files The path of a PEM file, if any.
 * @throws {Failure} If it cannot be read or has no certificate.
 */
export async function readClientFiles(
  files: { readonly ca: string | undefined },
): Promise<TlsClientOptions> {
  if (files.ca === undefined) return {};
  const pem = await readPem(files.ca);
  // The runtime accepts a file without certificates, and then trusts no issuer.
  if (pem.includes("-----BEGIN CERTIFICATE-----")) return { caCerts: [pem] };
  throw new Failure({
    what: `cannot use ${printable(files.ca)}`,
    why: "the file has no certificate",
    code: "TLS_NO_CERTIFICATE",
    hint: "the file must be PEM text: -----BEGIN CERTIFICATE-----",
  });
}

async function readPem(path: string): Promise<string> {
  return new TextDecoder().decode(await readWhole(path, MAX_PEM_BYTES));
}

/**
 * Checks that a server can use its certificate and key.
 *
 * @throws {Error} If it cannot. {@linkcode tlsFailure} recognises the error.
 */
export function checkServerOptions({ cert, key }: TlsServerOptions): void {
  // Only the runtime's listener reports such errors before the first client connects.
  Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key }).close();
}

/**
 * Returns the DNS names of a certificate (RFC 5280 section 4.2.1.6), such as `example.org` and `*.example.org`.
 *
 * @param cert The certificate as PEM text; of several, the first.
 */
export async function certificateNames(cert: string): Promise<string[]> {
  const listed = (await firstCertificate(cert))?.subjectAltName ?? "";
  return [...listed.matchAll(/DNS:([^,"\s]+)/g)].map(([, name = ""]) => name);
}

/**
 * Returns a warning about a server's certificate that clients such as parley's refuse: that of an authority.
 *
 * @param cert The certificate as PEM text; of several, the first.
 * @returns The warning; undefined if there is none.
 */
export async function certificateWarning(cert: string): Promise<string | undefined> {
  if ((await firstCertificate(cert))?.ca !== true) return undefined;
  return "the certificate is that of an authority (CA:TRUE), and clients such as parley refuse it from a server: " +
    "make it with openssl req -x509 … -addext basicConstraints=critical,CA:FALSE";
}

/** Reads the first certificate; undefined if it cannot be read: {@linkcode checkServerOptions} says why. */
async function firstCertificate(cert: string) {
  const { X509Certificate } = await import("node:crypto");
  try {
    return new X509Certificate(cert);
  } catch {
    return undefined;
  }
}

/**
 * Runs the client's TLS handshake on a new connection.
 *
 * @param conn The connection. It is consumed, even if the handshake fails.
 * @param hostname The name or address that the server's certificate must be valid for.
 * @param options The authorities to trust.
 * @param what What is being tried, for the failure.
 * @param signal Ends the attempt. The runtime may keep the socket until the other side closes it.
 * @throws {Failure} If the handshake fails or takes longer than {@linkcode HANDSHAKE_TIMEOUT_MS}.
 * @throws The signal's reason, if it is aborted.
 */
export async function startTls(
  conn: Deno.TcpConn,
  hostname: string,
  { caCerts = [] }: TlsClientOptions,
  what: string,
  signal?: AbortSignal,
): Promise<Deno.TlsConn> {
  const late = AbortSignal.timeout(HANDSHAKE_TIMEOUT_MS);
  const stop = signal === undefined ? late : AbortSignal.any([late, signal]);
  try {
    stop.throwIfAborted();
    const tls = await Deno.startTls(conn, { hostname, caCerts: [...caCerts] });
    await shakeHands(tls, stop);
    return tls;
  } catch (error) {
    closeQuietly(conn); // no effect if `Deno.startTls` has taken it over
    signal?.throwIfAborted();
    if (!late.aborted) throw tlsFailure(error, what);
    throw new Failure({
      what,
      why: `no TLS handshake within ${HANDSHAKE_TIMEOUT_MS / 1000} s`,
      code: "TLS_TIMEOUT",
      hint: "check that the server uses TLS on this port",
    });
  }
}

/** Waits for a handshake. Closes the connection if the signal aborts first. */
async function shakeHands(conn: Deno.TlsConn, signal: AbortSignal): Promise<void> {
  const cut = () => closeQuietly(conn);
  signal.addEventListener("abort", cut, { once: true });
  try {
    signal.throwIfAborted();
    await conn.handshake();
    signal.throwIfAborted();
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
    if (!(error instanceof Deno.errors.BadResource)) throw error; // already closed
  }
}

/** One entry of {@linkcode TLS_ERRORS}. */
export interface TlsError extends SocketError {
  /** A part of the runtime's message that identifies the error. */
  readonly text: string;
  /** A short name that a program can match. */
  readonly code: string;
  /** Returns more detail from the message, as text to append to the reason. */
  readonly detail?: (message: string) => string;
}

/**
 * The TLS failures that people meet. The first entry whose text is part of the message applies.
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
    why: "the issuer of the server's certificate is not trusted here",
    hint: "trust the issuer's certificate; the operator of the server has it",
  },
  {
    text: "CaUsedAsEndEntity",
    code: "TLS_CA_CERTIFICATE",
    why: "the server's certificate is that of a certificate authority, which a server cannot use",
    hint: "make the certificate with CA:FALSE: openssl req -x509 … -addext " +
      "basicConstraints=critical,CA:FALSE",
  },
  {
    text: "certificate expired",
    code: "TLS_EXPIRED",
    why: "the server's certificate has expired",
    hint: "the server needs a new one; if it has not expired, check this machine's clock",
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
    why: "the key does not belong to the certificate",
    hint: "check which key the certificate was made with",
  },
  {
    text: "No certificates found",
    code: "TLS_NO_CERTIFICATE",
    why: "the certificate file has no certificate",
    hint: "it is PEM text: -----BEGIN CERTIFICATE-----",
  },
  {
    text: "No keys found",
    code: "TLS_NO_KEY",
    why: "the key file has no readable private key",
    hint: "it is PEM text, -----BEGIN PRIVATE KEY-----; decrypt an encrypted key with " +
      "(umask 077; set -C; openssl pkey -in FILE > NEW_KEY)",
  },
  {
    text: "Unable to decode certificate",
    code: "TLS_DAMAGED",
    why: "the certificate file is cut short or damaged",
    hint: "copy the whole file again",
  },
  {
    text: "Unable to decode key",
    code: "TLS_DAMAGED",
    why: "the key file is cut short or damaged",
    hint: "copy the whole file again",
  },
  {
    text: "Unable to add pem file to certificate store",
    code: "TLS_DAMAGED",
    why: "the file of the issuer's certificates is cut short or damaged",
    hint: "copy the whole file again",
  },
  {
    text: "BadEncoding",
    code: "TLS_DAMAGED",
    why: "the certificate is damaged",
    hint: "make it again, or copy it again",
  },
  {
    text: "invalid peer certificate",
    code: "TLS_CERTIFICATE",
    why: "the server's certificate is not acceptable",
    hint: "openssl x509 -noout -text -in FILE shows its content",
    detail: afterColon,
  },
  {
    text: "peer is incompatible",
    code: "TLS_INCOMPATIBLE",
    why: "the two sides have no TLS version or cipher in common",
    hint: "parley speaks TLS 1.2 and 1.3",
    detail: afterColon,
  },
  {
    text: "received fatal alert",
    code: "TLS_REFUSED",
    why: "the other side sent an alert",
    hint: "the other side's output may say why",
    detail: afterColon,
  },
  {
    text: "unexpected end of file",
    code: "TLS_CLOSED",
    why: "the connection was closed in the middle of the TLS handshake",
    hint: "check that the server uses TLS on this port",
  },
];

/**
 * Turns a TLS error into a {@linkcode Failure} with the words of {@linkcode TLS_ERRORS}. Any other error is handled as
 * {@linkcode toFailure} does.
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

/** Formats a time in seconds since 1970 as ", on 2020-02-01". */
function onDate(match: RegExpExecArray | null): string {
  const date = new Date(Number(match?.[1]) * 1000);
  return Number.isNaN(date.getTime()) ? "" : `, on ${date.toISOString().slice(0, 10)}`;
}

/** Returns the names that rustls lists: `only valid for DnsName("a") or IpAddress(…)`. */
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
