/**
 * The socket calls of the C library, through the foreign function interface: Linux and macOS.
 *
 * The runtime's own sockets tell nothing of their descriptor, buffers and mode. (Its Node API does name
 * buffer sizes, but makes them up.)
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";

/** The numbers that a call takes, which differ from system to system. */
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

// The same on both.
const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const F_GETFL = 3;
const F_SETFL = 4;

/** Whether sockets can be read here at all, given the permission. */
export const HAS_LIBC: boolean = Deno.build.os in SYSTEMS;

/** The options whose value is an int. */
export type IntOption = "SO_TYPE" | "SO_SNDBUF" | "SO_RCVBUF";

/** The types of socket, by what socket(2) takes. */
export type SocketType = "SOCK_STREAM" | "SOCK_DGRAM";

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  // fcntl(2) has a variable argument. Apple's AArch64 passes those on the stack, behind the eight
  // registers, which the six in between fill; others pass it in the third register.
  fcntl: {
    parameters: Deno.build.os === "darwin" && Deno.build.arch === "aarch64"
      ? ["i32", "i32", "i64", "i64", "i64", "i64", "i64", "i64", "i32"]
      : ["i32", "i32", "i32"],
    result: "i32",
  },
  // Where errno(3) is.
  errno: {
    name: Deno.build.os === "darwin" ? "__error" : "__errno_location",
    parameters: [],
    result: "pointer",
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** An IPv4 socket of this process, made and read by the C library. */
export class LibcSocket implements Disposable {
  readonly #constants: Constants;
  readonly #libc: Deno.DynamicLibrary<typeof SYMBOLS>;
  /** Its descriptor. */
  readonly fd: number;

  /**
   * Makes a socket.
   *
   * @param type Its type.
   * @throws {Failure} Where the system refuses it.
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   */
  constructor(type: SocketType) {
    const constants = SYSTEMS[Deno.build.os];
    if (constants === undefined) {
      throw new Failure({
        what: "cannot read sockets",
        why: `parley reads them on ${Object.keys(SYSTEMS).join(" and ")} alone`,
        code: "UNSUPPORTED",
      });
    }
    this.#constants = constants;
    this.#libc = Deno.dlopen(constants.library, SYMBOLS);
    const number = type === "SOCK_STREAM" ? SOCK_STREAM : SOCK_DGRAM;
    this.fd = this.#check("socket", this.#libc.symbols.socket(AF_INET, number, 0));
  }

  /** Its type, as the system names it. */
  get type(): SocketType {
    return this.readInt("SO_TYPE") === SOCK_STREAM ? "SOCK_STREAM" : "SOCK_DGRAM";
  }

  /** Gives it a free port of 127.0.0.1. */
  bindLoopback(): void {
    const address = new DataView(new ArrayBuffer(16)); // struct sockaddr_in, ip(7)
    // BSD has a byte for the length before a family of one byte; Linux has a family of two.
    if (Deno.build.os === "darwin") address.setUint16(0, AF_INET);
    else address.setUint16(0, AF_INET, true);
    address.setUint32(4, 0x7f00_0001);
    this.#check("bind", this.#libc.symbols.bind(this.fd, new Uint8Array(address.buffer), 16));
  }

  /** Its local address and port (getsockname(2)). */
  get local(): { readonly address: string; readonly port: number } {
    const address = new Uint8Array(16);
    const length = Uint32Array.of(address.length);
    this.#check("getsockname", this.#libc.symbols.getsockname(this.fd, address, length));
    return {
      address: address.subarray(4, 8).join("."),
      port: new DataView(address.buffer).getUint16(2),
    };
  }

  /** Reads an option whose value is an int. */
  readInt(option: IntOption): number {
    return new DataView(this.#read(option, 4)).getInt32(0, true);
  }

  /** Sets an option whose value is an int. */
  writeInt(option: IntOption, value: number): void {
    this.#write(option, new Uint8Array(Int32Array.of(value).buffer));
  }

  /** How long a call to receive waits, in seconds; 0 for ever (SO_RCVTIMEO, socket(7)). */
  get receiveTimeout(): number {
    const timeval = new DataView(this.#read("SO_RCVTIMEO", 16));
    // The second field is 32 bits on macOS, and never more than that.
    return Number(timeval.getBigInt64(0, true)) + timeval.getInt32(8, true) / 1e6;
  }

  set receiveTimeout(seconds: number) {
    const timeval = new DataView(new ArrayBuffer(16));
    const micros = Math.round(seconds * 1e6);
    timeval.setBigInt64(0, BigInt(Math.floor(micros / 1e6)), true);
    timeval.setInt32(8, micros % 1e6, true);
    this.#write("SO_RCVTIMEO", new Uint8Array(timeval.buffer));
  }

  /** Whether calls return at once where they would have to wait (O_NONBLOCK, fcntl(2)). */
  get nonBlocking(): boolean {
    return (this.#fcntl(F_GETFL, 0) & this.#constants.O_NONBLOCK) !== 0;
  }

  set nonBlocking(on: boolean) {
    const flags = this.#fcntl(F_GETFL, 0) & ~this.#constants.O_NONBLOCK;
    this.#fcntl(F_SETFL, on ? flags | this.#constants.O_NONBLOCK : flags);
  }

  /** Closes it. */
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

  /** What a call returned, unless that says that it failed. */
  #check(call: string, returned: number, option = ""): number {
    if (returned >= 0) return returned;
    const errno = new Deno.UnsafePointerView(this.#libc.symbols.errno()!).getInt32();
    throw new Failure({
      what: `cannot call ${call}(2)${option === "" ? "" : ` with ${option}`}`,
      why: `the system refuses it, with errno ${errno}`,
      code: "ESOCKET",
    });
  }
}
