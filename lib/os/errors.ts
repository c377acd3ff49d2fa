/**
 * Turns errors of the operating system and the runtime into {@linkcode Failure}s.
 *
 * {@linkcode SOCKET_ERRORS} and {@linkcode FILE_ERRORS} hold the words for each error code.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";

/** The words for one error code. */
export interface SocketError {
  /** Why it happened: the second half of `WHAT: WHY`. */
  readonly why: string;
  /** What the person can do about it. */
  readonly hint: string;
}

/**
 * Reasons and hints for the socket errors that people meet, by POSIX name (`errno(3)`, `getaddrinfo(3)`).
 */
export const SOCKET_ERRORS: Readonly<Record<string, SocketError>> = {
  EACCES: {
    why: "the system does not permit it",
    hint: "ports under 1024 need privileges: choose one from 1024 to 65535",
  },
  EADDRINUSE: {
    why: "the address is already in use",
    hint: "another program listens there: choose another port; port 0 picks a free one",
  },
  EADDRNOTAVAIL: {
    why: "this machine does not have that address",
    hint: "listen on one of this machine's own addresses: 127.0.0.1, ::1, 0.0.0.0 for all",
  },
  EAFNOSUPPORT: {
    why: "this machine does not support that address family",
    hint: "it may have no IPv6: use an IPv4 address",
  },
  EAI_AGAIN: {
    why: "the name server did not answer",
    hint: "check the network and try again",
  },
  ECONNABORTED: {
    why: "the connection was aborted",
    hint: "try again",
  },
  ECONNREFUSED: {
    why: "nothing listens there",
    hint: "check the port, and that the server is running",
  },
  ECONNRESET: {
    why: "the other side closed the connection abruptly",
    hint: "the other program may have ended; try again",
  },
  EHOSTUNREACH: {
    why: "no route to that host",
    hint: "check the address and this machine's network",
  },
  EMFILE: {
    why: "too many open files in this process",
    hint: "raise the limit with ulimit -n",
  },
  EMSGSIZE: {
    why: "the datagram is too large",
    hint: "a UDP datagram carries at most 65507 bytes over IPv4 and 65527 over IPv6",
  },
  ENETDOWN: {
    why: "the network is down",
    hint: "check this machine's network",
  },
  ENETUNREACH: {
    why: "the network is unreachable",
    hint: "check this machine's network",
  },
  ENOBUFS: {
    why: "the system has no room for more packets",
    hint: "send more slowly",
  },
  ENOTCONN: {
    why: "the socket is not connected",
    hint: "connect again",
  },
  ENOTFOUND: {
    why: "no such host",
    hint: "check the spelling of the host name, or use an address",
  },
  EPIPE: {
    why: "the other side no longer reads",
    hint: "the other program may have ended; try again",
  },
  ETIMEDOUT: {
    why: "no answer in time",
    hint: "check the address and any firewall between",
  },
};

/** Reasons and hints for the file errors that people meet, by POSIX name (`errno(3)`). */
export const FILE_ERRORS: Readonly<Record<string, SocketError>> = {
  EACCES: {
    why: "the system does not permit it",
    hint: "check the owner and mode of the file and of its directory (ls -ld)",
  },
  EBADF: {
    why: "it is not open for this operation",
    hint: "check how standard input and output are redirected",
  },
  ECONNREFUSED: {
    why: "no program listens at that socket",
    hint: "start the program that makes it",
  },
  EDQUOT: {
    why: "no more space is allowed to this user",
    hint: "make room, or write elsewhere",
  },
  EEXIST: {
    why: "it exists already",
    hint: "choose another name",
  },
  EIO: {
    why: "the device failed",
    hint: "the disk may be damaged, or the terminal gone",
  },
  EISDIR: {
    why: "it is a directory",
    hint: "name a file in it",
  },
  ELOOP: {
    why: "too many symbolic links follow each other",
    hint: "one of them may lead to itself: check them (ls -l)",
  },
  EMFILE: {
    why: "too many open files in this process",
    hint: "raise the limit with ulimit -n",
  },
  ENAMETOOLONG: {
    why: "the name is too long",
    hint: "choose a shorter one",
  },
  ENOENT: {
    why: "there is no such file or directory",
    hint: "check the spelling of the path",
  },
  ENOSPC: {
    why: "no space is left on the device",
    hint: "make room, or write elsewhere",
  },
  ENOTDIR: {
    why: "a part of the path is not a directory",
    hint: "check the spelling of the path",
  },
  ENXIO: {
    why: "it is a socket, or a device that is not there",
    hint: "check the spelling of the path",
  },
  EROFS: {
    why: "the file system is read-only",
    hint: "write elsewhere",
  },
};

/** The POSIX names of runtime errors that have a class but no `code`. */
const CODE_BY_CLASS: Readonly<Record<string, string>> = {
  AddrInUse: "EADDRINUSE",
  AddrNotAvailable: "EADDRNOTAVAIL",
  AlreadyExists: "EEXIST",
  BrokenPipe: "EPIPE",
  ConnectionAborted: "ECONNABORTED",
  ConnectionRefused: "ECONNREFUSED",
  ConnectionReset: "ECONNRESET",
  HostUnreachable: "EHOSTUNREACH",
  NetworkUnreachable: "ENETUNREACH",
  NotConnected: "ENOTCONN",
  PermissionDenied: "EACCES",
  TimedOut: "ETIMEDOUT",
};

/** The POSIX names of errors that have neither a class nor a `code`, by the text of strerror(3). */
const CODE_BY_TEXT: Readonly<Record<string, string>> = {
  "Network is down": "ENETDOWN",
  "Network is unreachable": "ENETUNREACH",
  "No route to host": "EHOSTUNREACH",
  "No such device or address": "ENXIO",
};

/**
 * Returns the name in `Deno.errors` of the runtime's class for an error code, or undefined if it has none.
 *
 * @param code A POSIX name, such as `ECONNREFUSED`.
 */
export function errorClass(code: string): string | undefined {
  return Object.keys(CODE_BY_CLASS).find((name) => CODE_BY_CLASS[name] === code);
}

/**
 * Returns the POSIX name of an error: its own `code`, or the name for its class.
 *
 * @param error Anything that was thrown.
 * @returns A name such as `ECONNREFUSED`, or undefined if none is known.
 */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = (error as { code?: unknown }).code;
  if (typeof code === "string" && code !== "") return code;
  // The runtime reports a failed getaddrinfo() as a plain Error with the resolver's text.
  if (error.message.startsWith("failed to lookup address information")) {
    return /temporary|try again/i.test(error.message) ? "EAI_AGAIN" : "ENOTFOUND";
  }
  // Its own resolver, that of Deno.resolveDns(), passes on the system's text, as do a few errors of files.
  const text = /^(?:proto error: io error: )?(.+) \(os error \d+\)/.exec(error.message)?.[1];
  if (text !== undefined && text in CODE_BY_TEXT) return CODE_BY_TEXT[text];
  // It rejects an invalid host before the lookup.
  if (/^invalid (empty )?host\b/.test(error.message)) return "ENOTFOUND";
  // From AbortSignal.timeout(). The numeric code of this error is not an errno.
  if (error.name === "TimeoutError") return "ETIMEDOUT";
  return CODE_BY_CLASS[error.constructor.name];
}

/** What the errors of connect(2) tell about a TCP port. */
const PORT_STATES: Readonly<Record<string, "refused" | "timeout" | "unreachable">> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "refused",
  ETIMEDOUT: "timeout",
  // A route or a firewall of this machine prohibits it (ip-route(8)).
  EACCES: "unreachable",
  EADDRNOTAVAIL: "unreachable",
  // This machine has no IPv6, and the name has such addresses too.
  EAFNOSUPPORT: "unreachable",
  EHOSTUNREACH: "unreachable",
  ENETDOWN: "unreachable",
  ENETUNREACH: "unreachable",
};

/**
 * Returns what a failed attempt to connect tells about a TCP port: the host refused it, nothing answered, or there is no
 * route to the host.
 *
 * @param error What `Deno.connect()` threw.
 * @returns Undefined if the error tells nothing about the port.
 */
export function failedPortState(
  error: unknown,
): "refused" | "timeout" | "unreachable" | undefined {
  return PORT_STATES[errorCode(error) ?? ""];
}

/**
 * Turns any thrown value into a {@linkcode Failure}. Known socket errors get the words of {@linkcode SOCKET_ERRORS};
 * other errors keep their own message. A {@linkcode Failure} is returned unchanged.
 *
 * @param error Anything that was thrown.
 * @param what What was tried.
 */
export function toFailure(error: unknown, what: string): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof Deno.errors.NotCapable) {
    // The runtime opens /proc, /sys and most of /dev only for programs that may do everything.
    const isFile = !error.message.includes("allow-all");
    return new Failure({
      what,
      why: isFile
        ? "parley was not given the permission for it"
        : "it is part of the system or a device, not a file",
      code: isFile ? "NOT_PERMITTED" : "NOT_A_FILE",
      cause: error,
    });
  }
  return fromTable(SOCKET_ERRORS, error, what);
}

/**
 * Turns a file system error into a {@linkcode Failure} with the words of {@linkcode FILE_ERRORS}. Any other error is
 * handled as {@linkcode toFailure} does.
 *
 * @param error Anything that was thrown.
 * @param what What was tried, such as "cannot read key.pem".
 */
export function fileFailure(error: unknown, what: string): Failure {
  const known = error instanceof Failure || error instanceof Deno.errors.NotCapable;
  return known ? toFailure(error, what) : fromTable(FILE_ERRORS, error, what);
}

function fromTable(
  table: Readonly<Record<string, SocketError>>,
  error: unknown,
  what: string,
): Failure {
  const code = errorCode(error);
  const known = code === undefined ? undefined : table[code];
  if (code !== undefined && known !== undefined) {
    return new Failure({ what, why: known.why, hint: known.hint, code, cause: error });
  }
  const why = error instanceof Error ? firstLine(error.message) : String(error);
  return new Failure({ what, why, code: code ?? "UNEXPECTED", cause: error });
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
