/**
 * What failed, why, and what to do: one shape for every error that reaches a person.
 *
 * {@linkcode Failure} is what parley throws on purpose; {@linkcode toFailure} turns an error of the
 * operating system or of the runtime into one. {@linkcode SOCKET_ERRORS} is the table behind both.
 *
 * @module
 */

/** One entry of {@linkcode SOCKET_ERRORS}. */
export interface SocketError {
  /** Why it happened, as the second half of "WHAT: WHY". */
  readonly why: string;
  /** What to do about it. */
  readonly hint: string;
}

/**
 * The socket errors that a person meets, by their POSIX name (`errno(3)`, `getaddrinfo(3)`),
 * with the reason and the remedy in plain words.
 */
export const SOCKET_ERRORS: Readonly<Record<string, SocketError>> = {
  EACCES: {
    why: "the system does not permit it",
    hint: "ports under 1024 need privileges: choose one from 1024 to 65535",
  },
  EADDRINUSE: {
    why: "the address is already in use",
    hint: "another program listens there: choose another port, or --port 0 for any free one",
  },
  EADDRNOTAVAIL: {
    why: "this machine does not have that address",
    hint: "listen on one of this machine's own addresses: 127.0.0.1, ::1, 0.0.0.0 for all",
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
  ENETUNREACH: {
    why: "the network is unreachable",
    hint: "check this machine's network",
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

/** The codes of errors that carry a class but no code of their own. */
const CODE_BY_CLASS: Readonly<Record<string, string>> = {
  AddrInUse: "EADDRINUSE",
  AddrNotAvailable: "EADDRNOTAVAIL",
  BrokenPipe: "EPIPE",
  ConnectionAborted: "ECONNABORTED",
  ConnectionRefused: "ECONNREFUSED",
  ConnectionReset: "ECONNRESET",
  HostUnreachable: "EHOSTUNREACH",
  NetworkUnreachable: "ENETUNREACH",
  PermissionDenied: "EACCES",
  TimedOut: "ETIMEDOUT",
};

/** Options of a {@linkcode Failure}. */
export interface FailureOptions {
  /** What was tried: the first half of the line, such as "cannot connect to 127.0.0.1:4396". */
  readonly what: string;
  /** Why it failed: the second half of the line. */
  readonly why: string;
  /** A short name that a program can match: `ECONNREFUSED`, `USAGE`. */
  readonly code: string;
  /** What to do, if anything helps. */
  readonly hint?: string | undefined;
  /** The exit code it ends the program with; 1 by default. */
  readonly exitCode?: number | undefined;
  /** The error beneath it, shown with `--debug` only. */
  readonly cause?: unknown;
}

/**
 * An error meant for a person. Its message is `WHAT: WHY (CODE)`.
 *
 * @example
 * ```ts ignore
 * throw new Failure({ what: "cannot listen on :80", why: "not permitted", code: "EACCES" });
 * ```
 */
export class Failure extends Error {
  /** What was tried. */
  readonly what: string;
  /** Why it failed. */
  readonly why: string;
  /** A short name that a program can match. */
  readonly code: string;
  /** What to do, if anything helps. */
  readonly hint: string | undefined;
  /** The exit code it ends the program with. */
  readonly exitCode: number;

  /** Makes a failure of its parts. */
  constructor(options: FailureOptions) {
    super(`${options.what}: ${options.why} (${options.code})`, { cause: options.cause });
    this.name = "Failure";
    this.what = options.what;
    this.why = options.why;
    this.code = options.code;
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 1;
  }
}

/**
 * The failure of wrong usage: an option, an operand or a value that the program cannot take.
 * It ends the program with 2.
 *
 * @param what What is wrong with the command line.
 * @param why Why it cannot be taken.
 * @param hint What to type instead.
 */
export function usageFailure(what: string, why: string, hint?: string): Failure {
  return new Failure({ what, why, hint, code: "USAGE", exitCode: 2 });
}

/**
 * The POSIX name of an error: its own `code`, or the one its class stands for.
 *
 * @param error Anything that was thrown.
 * @returns A name such as `ECONNREFUSED`, or undefined where none is known.
 */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = (error as { code?: unknown }).code;
  if (typeof code === "string" && code !== "") return code;
  // The runtime reports a failed getaddrinfo as a bare Error with the resolver's own text.
  if (error.message.startsWith("failed to lookup address information")) {
    return /temporary|try again/i.test(error.message) ? "EAI_AGAIN" : "ENOTFOUND";
  }
  return CODE_BY_CLASS[error.constructor.name];
}

/**
 * Turns anything thrown into a {@linkcode Failure}: the table's words where the error is known,
 * the error's own message where it is not. A failure stays what it is.
 *
 * @param error Anything that was thrown.
 * @param what What was tried.
 */
export function toFailure(error: unknown, what: string): Failure {
  if (error instanceof Failure) return error;
  const flag = missingPermission(error);
  if (flag !== undefined) {
    return new Failure({
      what,
      why: `parley was not given the permission for it`,
      code: "NOT_PERMITTED",
      hint: `run again with ${flag}`,
      cause: error,
    });
  }
  const code = errorCode(error);
  const known = code === undefined ? undefined : SOCKET_ERRORS[code];
  if (code !== undefined && known !== undefined) {
    return new Failure({ what, why: known.why, hint: known.hint, code, cause: error });
  }
  const why = error instanceof Error ? firstLine(error.message) : String(error);
  return new Failure({ what, why, code: code ?? "UNEXPECTED", cause: error });
}

/** The permission flag that a `NotCapable` error asks for, or undefined for any other error. */
function missingPermission(error: unknown): string | undefined {
  if (!(error instanceof Deno.errors.NotCapable)) return undefined;
  return /--allow-[a-z]+/.exec(error.message)?.[0] ?? "the permission it names";
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
