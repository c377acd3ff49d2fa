/**
 * The options of a socket, read and changed through the C library: descriptor, timeout, buffers and mode.
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { isGranted, type Missing } from "../../os/io.ts";

/** The socket to create, and the options to change. */
export interface SocketChanges {
  /** `tcp` for a stream socket, `udp` for a datagram socket. */
  readonly transport: "tcp" | "udp";
  /** SO_RCVTIMEO in seconds; 0 for no timeout. */
  readonly timeout?: number | undefined;
  /** SO_RCVBUF in bytes. */
  readonly receiveBuffer?: number | undefined;
  /** SO_SNDBUF in bytes. */
  readonly sendBuffer?: number | undefined;
  /** Whether to set O_NONBLOCK. */
  readonly nonBlocking?: boolean;
}

/** An option before and after the change. */
export interface Setting {
  /** Its name in socket(7) or fcntl(2). */
  readonly name: "SO_RCVTIMEO" | "SO_RCVBUF" | "SO_SNDBUF" | "O_NONBLOCK";
  /** Seconds, bytes, or whether it is on; null if it could not be read. */
  readonly before: number | boolean | null;
  /** The requested value; null if it was not changed. */
  readonly requested: number | boolean | null;
  /** The value that the system reports afterwards; null if it could not be read. */
  readonly after: number | boolean | null;
  /** What the value means, in words. */
  readonly meaning: string;
  /** What the option means for the runtime's own sockets. */
  readonly in_deno: string;
}

/** A report on a socket. */
export interface SocketReport {
  /** Its file descriptor (socket(2)); null if it could not be read. */
  readonly descriptor: number | null;
  /** The type that the system reports; null if it could not be read. */
  readonly type: SocketType | null;
  /** Its local address after bind(2); null if it could not be read. */
  readonly local: { readonly address: string; readonly port: number } | null;
  /** Its options. */
  readonly settings: readonly Setting[];
  /** The parts that could not be read, and the flag that grants the permission. */
  readonly missing: readonly Missing[];
}

/**
 * Creates a socket, reads its options, changes them, reads them again, and closes the socket.
 *
 * Without `--allow-ffi`, or on a system other than Linux and macOS, every value is null.
 *
 * @param changes The socket to create, and the options to change.
 * @throws {Failure} If the system refuses a change.
 */
export function inspectSocket(changes: SocketChanges): SocketReport {
  if (!HAS_LIBC) return unread(changes, null);
  if (!isGranted({ name: "ffi" })) return unread(changes, "ffi");
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

function unread(changes: SocketChanges, permission: string | null): SocketReport {
  const part = "the values, which the runtime does not expose for its own sockets";
  return {
    descriptor: null,
    type: null,
    local: null,
    settings: describe(changes, undefined, undefined),
    missing: [{ part, permission }],
  };
}

function describe(
  changes: SocketChanges,
  before: Values | undefined,
  after: Values | undefined,
): Setting[] {
  const values = (key: keyof Values) => ({
    before: before?.[key] ?? null,
    // `false` changes nothing: O_NONBLOCK is off by default.
    requested: changes[key] === false ? null : changes[key] ?? null,
    after: after?.[key] ?? null,
  });
  return [
    {
      name: "SO_RCVTIMEO",
      ...values("timeout"),
      meaning: timeoutMeaning(changes.timeout, after?.timeout),
      in_deno: "no effect: a read does not block; limit it with AbortSignal.timeout() or a timer",
    },
    {
      name: "SO_RCVBUF",
      ...values("receiveBuffer"),
      meaning: bufferMeaning("received", changes.receiveBuffer, after?.receiveBuffer),
      in_deno: "the system's default: the runtime has no option to change it",
    },
    {
      name: "SO_SNDBUF",
      ...values("sendBuffer"),
      meaning: bufferMeaning("sent", changes.sendBuffer, after?.sendBuffer),
      in_deno: "the system's default: the runtime has no option to change it",
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
  if (after === undefined) return "how long a receive call waits, in seconds; 0 for no limit";
  if (after === 0) {
    return "0: a receive call waits without limit (Python's gettimeout() returns None for this)";
  }
  const rounded = requested !== undefined && requested !== after
    ? ` (rounded to the system's clock ticks)`
    : "";
  return `a receive call fails with EAGAIN after ${after} s${rounded}`;
}

function modeMeaning(nonBlocking: boolean | undefined): string {
  const on = "a call that would block returns at once, with EAGAIN";
  if (nonBlocking === undefined) return `off by default; on, ${on}`;
  return nonBlocking ? on : "off: calls block until they are done, which is the default";
}

/** Explains a buffer size (socket(7)). Linux doubles the requested size, between two limits. */
function bufferMeaning(
  what: "received" | "sent",
  requested: number | undefined,
  after: number | undefined,
): string {
  const holds = what === "received"
    ? "bytes waiting to be received"
    : "bytes waiting to be sent or acknowledged";
  if (requested === undefined || after === undefined || Deno.build.os !== "linux") return holds;
  const limit = what === "received" ? "net.core.rmem_max" : "net.core.wmem_max";
  if (after === 2 * requested) return `${holds}; the kernel doubles it for its own bookkeeping`;
  return after > 2 * requested
    ? `${holds}; the kernel's minimum`
    : `${holds}; limited by ${limit}, which the kernel doubles for its own bookkeeping`;
}

/** Constants that differ between systems. */
interface Constants {
  readonly library: string;
  readonly SOL_SOCKET: number;
  readonly SO_TYPE: number;
  readonly SO_SNDBUF: number;
  readonly SO_RCVBUF: number;
  readonly SO_RCVTIMEO: number;
  readonly O_NONBLOCK: number;
}

/** Linux: asm-generic/socket.h and fcntl.h, which x86-64 and AArch64 share. macOS: sys/socket.h, sys/fcntl.h. */
const SYSTEMS: Readonly<Record<string, Constants>> = {
  linux: {
    library: "libc.so.6",
    SOL_SOCKET: 1,
    SO_TYPE: 3,
    SO_SNDBUF: 7,
    SO_RCVBUF: 8,
    SO_RCVTIMEO: 20,
    O_NONBLOCK: 0o4000,
  },
  darwin: {
    library: "/usr/lib/libSystem.B.dylib",
    SOL_SOCKET: 0xffff,
    SO_TYPE: 0x1008,
    SO_SNDBUF: 0x1001,
    SO_RCVBUF: 0x1002,
    SO_RCVTIMEO: 0x1006,
    O_NONBLOCK: 0x0004,
  },
};

// These have the same value on both systems.
const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const F_GETFL = 3;
const F_SETFL = 4;

/** Whether this system is supported. The permission is needed as well. */
export const HAS_LIBC: boolean = Deno.build.os in SYSTEMS;

/** The options with an int value. */
export type IntOption = "SO_TYPE" | "SO_SNDBUF" | "SO_RCVBUF";

/** The socket types of socket(2). */
export type SocketType = "SOCK_STREAM" | "SOCK_DGRAM";

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  // fcntl(2) is variadic. AArch64 on Apple systems passes variadic arguments on the stack, after the eight
  // registers, which the six in between fill; other systems pass it in the third register.
  fcntl: {
    parameters: Deno.build.os === "darwin" && Deno.build.arch === "aarch64"
      ? ["i32", "i32", "i64", "i64", "i64", "i64", "i64", "i64", "i32"]
      : ["i32", "i32", "i32"],
    result: "i32",
  },
  // Returns the address of errno(3).
  errno: {
    name: Deno.build.os === "darwin" ? "__error" : "__errno_location",
    parameters: [],
    result: "pointer",
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** An IPv4 socket of this process, created and read through the C library. */
export class LibcSocket implements Disposable {
  readonly #constants: Constants;
  readonly #libc: Deno.DynamicLibrary<typeof SYMBOLS>;
  /** The file descriptor. */
  readonly fd: number;

  /**
   * Creates a socket.
   *
   * @param type The socket type.
   * @throws {Failure} If the system is not supported or refuses the socket.
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   */
  constructor(type: SocketType) {
    const constants = SYSTEMS[Deno.build.os];
    if (constants === undefined) {
      throw new Failure({
        what: "cannot read sockets",
        why: `parley supports this only on ${Object.keys(SYSTEMS).join(" and ")}`,
        code: "UNSUPPORTED",
      });
    }
    this.#constants = constants;
    this.#libc = Deno.dlopen(constants.library, SYMBOLS);
    const number = type === "SOCK_STREAM" ? SOCK_STREAM : SOCK_DGRAM;
    this.fd = this.#check("socket", this.#libc.symbols.socket(AF_INET, number, 0));
  }

  /** The socket type, as the system reports it (SO_TYPE). */
  get type(): SocketType {
    return this.readInt("SO_TYPE") === SOCK_STREAM ? "SOCK_STREAM" : "SOCK_DGRAM";
  }

  /** Binds the socket to a free port of 127.0.0.1. */
  bindLoopback(): void {
    const address = new DataView(new ArrayBuffer(16)); // struct sockaddr_in, ip(7)
    // On BSD the family is the second byte, after a length byte; on Linux it has two bytes.
    if (Deno.build.os === "darwin") address.setUint16(0, AF_INET);
    else address.setUint16(0, AF_INET, true);
    address.setUint32(4, 0x7f00_0001);
    this.#check("bind", this.#libc.symbols.bind(this.fd, new Uint8Array(address.buffer), 16));
  }

  /** The local address and port (getsockname(2)). */
  get local(): { readonly address: string; readonly port: number } {
    const address = new Uint8Array(16);
    const length = Uint32Array.of(address.length);
    this.#check("getsockname", this.#libc.symbols.getsockname(this.fd, address, length));
    return {
      address: address.subarray(4, 8).join("."),
      port: new DataView(address.buffer).getUint16(2),
    };
  }

  /** Reads an option with an int value (getsockopt(2)). */
  readInt(option: IntOption): number {
    return new DataView(this.#read(option, 4)).getInt32(0, true);
  }

  /** Sets an option with an int value (setsockopt(2)). */
  writeInt(option: IntOption, value: number): void {
    this.#write(option, new Uint8Array(Int32Array.of(value).buffer));
  }

  /** The timeout of receive calls in seconds; 0 for none (SO_RCVTIMEO, socket(7)). */
  get receiveTimeout(): number {
    const timeval = new DataView(this.#read("SO_RCVTIMEO", 16));
    // Microseconds fit in 32 bits, the width of this field on macOS.
    return Number(timeval.getBigInt64(0, true)) + timeval.getInt32(8, true) / 1e6;
  }

  set receiveTimeout(seconds: number) {
    const timeval = new DataView(new ArrayBuffer(16));
    const micros = Math.round(seconds * 1e6);
    timeval.setBigInt64(0, BigInt(Math.floor(micros / 1e6)), true);
    timeval.setInt32(8, micros % 1e6, true);
    this.#write("SO_RCVTIMEO", new Uint8Array(timeval.buffer));
  }

  /** Whether calls return at once instead of waiting (O_NONBLOCK, fcntl(2)). */
  get nonBlocking(): boolean {
    return (this.#fcntl(F_GETFL, 0) & this.#constants.O_NONBLOCK) !== 0;
  }

  set nonBlocking(on: boolean) {
    const flags = this.#fcntl(F_GETFL, 0) & ~this.#constants.O_NONBLOCK;
    this.#fcntl(F_SETFL, on ? flags | this.#constants.O_NONBLOCK : flags);
  }

  /** Closes the socket. */
  [Symbol.dispose](): void {
    this.#libc.symbols.close(this.fd);
    this.#libc.close();
  }

  #read(option: IntOption | "SO_RCVTIMEO", size: number): ArrayBuffer {
    const value = new Uint8Array(size);
    const { SOL_SOCKET, [option]: name } = this.#constants;
    const length = Uint32Array.of(size);
    const { getsockopt } = this.#libc.symbols;
    this.#check("getsockopt", getsockopt(this.fd, SOL_SOCKET, name, value, length), option);
    return value.buffer;
  }

  #write(option: IntOption | "SO_RCVTIMEO", value: Uint8Array<ArrayBuffer>): void {
    const { SOL_SOCKET, [option]: name } = this.#constants;
    const { setsockopt } = this.#libc.symbols;
    this.#check("setsockopt", setsockopt(this.fd, SOL_SOCKET, name, value, value.length), option);
  }

  #fcntl(command: number, argument: number): number {
    const filling = SYMBOLS.fcntl.parameters.length === 3 ? [] : [0n, 0n, 0n, 0n, 0n, 0n];
    const fcntl = this.#libc.symbols.fcntl as unknown as (...args: (number | bigint)[]) => number;
    return this.#check("fcntl", fcntl(this.fd, command, ...filling, argument));
  }

  /** Returns the result of a call. Throws if it failed. */
  #check(call: string, returned: number, option = ""): number {
    if (returned >= 0) return returned;
    const errno = new Deno.UnsafePointerView(this.#libc.symbols.errno()!).getInt32();
    throw new Failure({
      what: `cannot call ${call}(2)${option === "" ? "" : ` with ${option}`}`,
      why: `the system refused it with errno ${errno}`,
      code: "ESOCKET",
    });
  }
}
