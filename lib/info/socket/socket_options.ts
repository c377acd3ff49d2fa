/**
 * A socket as the tutorial looks at one: descriptor, timeout, buffers, blocking; read and changed on a
 * real one, by the C library.
 *
 * @module
 */

import { isGranted, type Missing } from "../../os/process.ts";
import { HAS_LIBC, LibcSocket, type SocketType } from "./libc.ts";

/** What is to be read and changed. */
export interface SocketChanges {
  /** `tcp` for a stream, `udp` for datagrams. */
  readonly transport: "tcp" | "udp";
  /** SO_RCVTIMEO, in seconds; 0 for ever. */
  readonly timeout?: number | undefined;
  /** SO_RCVBUF, in bytes. */
  readonly receiveBuffer?: number | undefined;
  /** SO_SNDBUF, in bytes. */
  readonly sendBuffer?: number | undefined;
  /** Whether to set O_NONBLOCK. */
  readonly nonBlocking?: boolean;
}

/** A setting before and after. */
export interface Setting {
  /** As socket(7) and fcntl(2) name it. */
  readonly name: "SO_RCVTIMEO" | "SO_RCVBUF" | "SO_SNDBUF" | "O_NONBLOCK";
  /** Seconds, bytes, or whether it is on; null where it could not be read. */
  readonly before: number | boolean | null;
  /** What it was set to; null where it was left alone. */
  readonly requested: number | boolean | null;
  /** What the system then says that it is; null where it could not be read. */
  readonly after: number | boolean | null;
  /** What that means, in words. */
  readonly meaning: string;
  /** What it means for the runtime's own sockets. */
  readonly in_deno: string;
}

/** A socket, read. */
export interface SocketReport {
  /** Its number in this process (socket(2)); null where it could not be read. */
  readonly descriptor: number | null;
  /** Its type, as the system says; null where it could not be read. */
  readonly type: SocketType | null;
  /** Where bind(2) put it; null where it could not be read. */
  readonly local: { readonly address: string; readonly port: number } | null;
  /** What can be set. */
  readonly settings: readonly Setting[];
  /** What could not be read, and what would show it. */
  readonly missing: readonly Missing[];
}

/**
 * Makes a socket, reads it, changes it, reads it again, and closes it.
 *
 * Without `--allow-ffi`, or on a system whose calls parley does not know, every value is null.
 *
 * @param changes What is to be changed.
 * @throws {Failure} Where the system refuses a change.
 */
export function inspectSocket(changes: SocketChanges): SocketReport {
  if (!HAS_LIBC) return unread(changes, null);
  if (!isGranted({ name: "ffi" })) return unread(changes, "--allow-ffi");
  using socket = new LibcSocket(changes.transport === "tcp" ? "SOCK_STREAM" : "SOCK_DGRAM");
  const { fd: descriptor, type } = socket;
  socket.bindLoopback();
  const before = settingsOf(socket);
  if (changes.timeout !== undefined) socket.receiveTimeout = changes.timeout;
  if (changes.receiveBuffer !== undefined) socket.writeInt("SO_RCVBUF", changes.receiveBuffer);
  if (changes.sendBuffer !== undefined) socket.writeInt("SO_SNDBUF", changes.sendBuffer);
  if (changes.nonBlocking === true) socket.nonBlocking = true;
  const settings = describe(changes, before, settingsOf(socket));
  return { descriptor, type, local: socket.local, settings, missing: [] };
}

interface Values {
  readonly timeout: number;
  readonly receiveBuffer: number;
  readonly sendBuffer: number;
  readonly nonBlocking: boolean;
}

function settingsOf(socket: LibcSocket): Values {
  return {
    timeout: socket.receiveTimeout,
    receiveBuffer: socket.readInt("SO_RCVBUF"),
    sendBuffer: socket.readInt("SO_SNDBUF"),
    nonBlocking: socket.nonBlocking,
  };
}

function unread(changes: SocketChanges, flag: string | null): SocketReport {
  const part = "the values, which the runtime's own sockets do not tell";
  return {
    descriptor: null,
    type: null,
    local: null,
    settings: describe(changes, undefined, undefined),
    missing: [{ part, flag }],
  };
}

function describe(
  changes: SocketChanges,
  before: Values | undefined,
  after: Values | undefined,
): Setting[] {
  const values = (key: keyof Values) => ({
    before: before?.[key] ?? null,
    // Nothing asks for it to be off: it is.
    requested: changes[key] === false ? null : changes[key] ?? null,
    after: after?.[key] ?? null,
  });
  return [
    {
      name: "SO_RCVTIMEO",
      ...values("timeout"),
      meaning: timeoutMeaning(changes.timeout, after?.timeout),
      in_deno: "no effect: a read never blocks; AbortSignal.timeout() or a timer limits it",
    },
    {
      name: "SO_RCVBUF",
      ...values("receiveBuffer"),
      meaning: bufferMeaning("received", changes.receiveBuffer, after?.receiveBuffer),
      in_deno: "the system's default: no option of the runtime changes it",
    },
    {
      name: "SO_SNDBUF",
      ...values("sendBuffer"),
      meaning: bufferMeaning("sent", changes.sendBuffer, after?.sendBuffer),
      in_deno: "the system's default: no option of the runtime changes it",
    },
    {
      name: "O_NONBLOCK",
      ...values("nonBlocking"),
      meaning: modeMeaning(after?.nonBlocking),
      in_deno: "always on: await waits in the event loop, not in the system",
    },
  ];
}

function timeoutMeaning(requested: number | undefined, after: number | undefined): string {
  if (after === undefined) return "how long a call to receive waits, in seconds; 0 for ever";
  if (after === 0) {
    return "0, a call to receive waits for ever (Python's gettimeout() calls that None)";
  }
  const rounded = requested !== undefined && requested !== after
    ? ` (rounded to the system's clock ticks)`
    : "";
  return `a call to receive fails with EAGAIN after ${after} s${rounded}`;
}

function modeMeaning(nonBlocking: boolean | undefined): string {
  const on = "a call that would have to wait returns at once, with EAGAIN";
  if (nonBlocking === undefined) return `off by default; on, ${on}`;
  return nonBlocking ? on : "off, a call waits until it is done: blocking is the default";
}

/** What socket(7) says of the numbers: Linux doubles what it is given, between two bounds. */
function bufferMeaning(
  what: "received" | "sent",
  requested: number | undefined,
  after: number | undefined,
): string {
  const holds = what === "received"
    ? "bytes that wait to be received"
    : "bytes that wait to be sent or acknowledged";
  if (requested === undefined || after === undefined || Deno.build.os !== "linux") return holds;
  const limit = what === "received" ? "net.core.rmem_max" : "net.core.wmem_max";
  if (after === 2 * requested) return `${holds}; the kernel doubles it, for its own bookkeeping`;
  return after > 2 * requested
    ? `${holds}; this is the least that the kernel gives`
    : `${holds}; no more than ${limit}, which the kernel doubles, for its own bookkeeping`;
}
