/**
 * A UDP socket of the C library that receives and sends up to 64 datagrams with one system call: recvmmsg(2) and
 * sendmmsg(2), which only Linux has.
 *
 * The system reads and writes memory of this process by its address. So every buffer whose address is stored in
 * another buffer, and every buffer of a call in another thread, is an `ArrayBuffer` created by its length: its bytes
 * never move. The bytes of a short typed array may.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import {
  AF_INET,
  AF_INET6,
  decodeAddress,
  encodeAddress,
  hostPort,
  IPV4_NAME_BYTES,
  isIPv6,
  NAME_BYTES,
} from "../base/host_port.ts";
import { resolveHost } from "../net/resolve_host.ts";
import { toFailure } from "../os/errors.ts";
import { isGranted } from "../os/io.ts";
import { BATCH, type BatchCalls, BatchPort, type OpenDatagramPort } from "./datagram_port.ts";
import { RECEIVE_BYTES } from "./datagram_socket.ts";

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  recvmmsg: { parameters: ["i32", "buffer", "u32", "i32", "pointer"], result: "i32" },
  sendmmsg: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  // In another thread, since it waits.
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The C library. */
type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

// asm-generic/socket.h, fcntl.h and poll.h of Linux, which x86-64 and AArch64 share.
const SOCK_DGRAM = 2;
const NONBLOCK = 0o4000;
const CLOEXEC = 0o2000000;
const POLLIN = 1;

/** The errors of errno(3) that matter here, by their number in asm-generic/errno.h. */
const ERRORS: Readonly<Record<number, string>> = {
  4: "EINTR",
  11: "EAGAIN",
  13: "EACCES",
  24: "EMFILE",
  90: "EMSGSIZE",
  97: "EAFNOSUPPORT",
  98: "EADDRINUSE",
  99: "EADDRNOTAVAIL",
  100: "ENETDOWN",
  101: "ENETUNREACH",
  105: "ENOBUFS",
  113: "EHOSTUNREACH",
};

/** Opens the C library. */
function openLibrary(): Library {
  return Deno.dlopen("libc.so.6", SYMBOLS);
}

/** The largest datagram that is sent. */
const MAX_SENT_BYTES = 64;

/** A bound socket of the C library, and its buffers. */
class BatchSocket implements BatchCalls {
  readonly addr: Deno.NetAddr;
  readonly #fd: number;
  readonly #libc: Library;
  /** The place of errno(3) of this thread, which the runtime never leaves. */
  readonly #errno: Int32Array;
  /** Ends a poll(2) that waits in another thread. */
  readonly #wake: number;
  /** Two structs pollfd: an int, and two shorts. */
  readonly #polled = new ArrayBuffer(16);
  readonly #incoming: Messages;
  readonly #outgoing: Messages;

  /** @throws {Error} With the POSIX name as `code`, if the system refuses the address. */
  constructor(libc: Library, at: Deno.NetAddr) {
    this.#libc = libc;
    const { symbols } = libc;
    const errno = new Deno.UnsafePointerView(symbols.__errno_location()!);
    this.#errno = new Int32Array(errno.getArrayBuffer(4));
    const ipv6 = isIPv6(at.hostname);
    const zone = at.hostname.split("%")[1];
    const address = encodeAddress(at, zone === undefined ? 0 : this.#zoneIndex(zone));
    const family = ipv6 ? AF_INET6 : AF_INET;
    this.#fd = this.#check("socket", symbols.socket(family, SOCK_DGRAM | NONBLOCK | CLOEXEC, 0));
    try {
      this.#check("bind", symbols.bind(this.#fd, address, address.length));
      this.addr = this.#ownAddress();
      this.#wake = this.#check("eventfd", symbols.eventfd(0, NONBLOCK | CLOEXEC));
    } catch (error) {
      symbols.close(this.#fd);
      throw error;
    }
    const nameBytes = ipv6 ? NAME_BYTES : IPV4_NAME_BYTES;
    this.#incoming = new Messages(RECEIVE_BYTES, nameBytes);
    this.#outgoing = new Messages(MAX_SENT_BYTES, nameBytes);
    const view = new DataView(this.#polled);
    for (const [i, fd] of [this.#fd, this.#wake].entries()) {
      view.setInt32(i * 8, fd, true);
      view.setInt16(i * 8 + 4, POLLIN, true);
    }
  }

  #zoneIndex(zone: string): number {
    if (/^\d+$/.test(zone)) return Number(zone);
    const index = this.#libc.symbols.if_nametoindex(new TextEncoder().encode(`${zone}\0`));
    if (index === 0) throw Object.assign(new Error("no such interface"), { code: "ENODEV" });
    return index;
  }

  #ownAddress(): Deno.NetAddr {
    const name = new Uint8Array(NAME_BYTES);
    const length = Uint32Array.of(NAME_BYTES);
    this.#check("getsockname", this.#libc.symbols.getsockname(this.#fd, name, length));
    return { transport: "udp", ...decodeAddress(name) };
  }

  receive(): number {
    const { headers } = this.#incoming;
    const { symbols } = this.#libc;
    return this.#transfer("recvmmsg", symbols.recvmmsg(this.#fd, headers, BATCH, 0, null));
  }

  data(index: number): Uint8Array {
    return this.#incoming.data(index);
  }

  takeName(index: number): Uint8Array {
    return this.#incoming.takeName(index);
  }

  set(index: number, data: Uint8Array, name: Uint8Array): void {
    this.#outgoing.set(index, data, name);
  }

  send(count: number): number {
    const { headers } = this.#outgoing;
    return this.#transfer("sendmmsg", this.#libc.symbols.sendmmsg(this.#fd, headers, count, 0));
  }

  async readable(): Promise<void> {
    // It fails only if a signal interrupts it. The caller tries to receive in any case.
    await this.#libc.symbols.poll(new Uint8Array(this.#polled), 2n, -1);
  }

  wake(): void {
    this.#libc.symbols.write(this.#wake, new Uint8Array(BigUint64Array.of(1n).buffer), 8n);
  }

  close(): void {
    for (const fd of [this.#fd, this.#wake]) this.#libc.symbols.close(fd);
    this.#libc.close();
  }

  #transfer(call: string, count: number): number {
    if (count >= 0) return count;
    const code = ERRORS[this.#errno[0]!];
    if (code === "EAGAIN" || code === "EINTR") return 0;
    return this.#check(call, count);
  }

  #check(call: string, returned: number): number {
    if (returned >= 0) return returned;
    const errno = this.#errno[0]!;
    const code = ERRORS[errno];
    throw Object.assign(new Error(`${call}(2) failed with errno ${errno}`), { code });
  }
}

/** The size of a struct mmsghdr on systems of 64 bits (recvmmsg(2)), and of a struct iovec (readv(2)). */
const HEADER_BYTES = 64;
const IOVEC_BYTES = 16;

/** Buffers for a batch, and the headers that hold their addresses. */
class Messages {
  /** The structs mmsghdr. */
  readonly headers: Uint8Array<ArrayBuffer>;
  readonly #data: Uint8Array<ArrayBuffer>;
  readonly #names = new Uint8Array(new ArrayBuffer(BATCH * NAME_BYTES));
  readonly #vectors = new ArrayBuffer(BATCH * IOVEC_BYTES);
  /** The low halves of iov_len are every fourth word, from the third one on. */
  readonly #lengths = new Uint32Array(this.#vectors);
  readonly #words: Uint32Array;
  readonly #dataBytes: number;
  readonly #nameBytes: number;

  /**
   * @param dataBytes The bytes of the longest datagram.
   * @param nameBytes The size of an address: that of a struct sockaddr_in or sockaddr_in6.
   */
  constructor(dataBytes: number, nameBytes: number) {
    this.#dataBytes = dataBytes;
    this.#nameBytes = nameBytes;
    this.#data = new Uint8Array(new ArrayBuffer(BATCH * dataBytes));
    const headers = new ArrayBuffer(BATCH * HEADER_BYTES);
    this.headers = new Uint8Array(headers);
    this.#words = new Uint32Array(headers);
    this.#link(new BigUint64Array(headers));
  }

  /** Stores the addresses of the buffers: msg_name, msg_namelen, msg_iov and msg_iovlen of each header. */
  #link(longs: BigUint64Array): void {
    const vectors = new BigUint64Array(this.#vectors);
    const [data, names, table] = [this.#data, this.#names, vectors].map(addressOf);
    for (let i = 0; i < BATCH; i++) {
      vectors[i * 2] = data! + BigInt(i * this.#dataBytes);
      vectors[i * 2 + 1] = BigInt(this.#dataBytes);
      const at = i * HEADER_BYTES / 8;
      longs[at] = names! + BigInt(i * NAME_BYTES);
      longs[at + 1] = BigInt(this.#nameBytes);
      longs[at + 2] = table! + BigInt(i * IOVEC_BYTES);
      longs[at + 3] = 1n;
    }
  }

  /** Returns a received datagram. It is valid until the next one is received in its place. */
  data(index: number): Uint8Array {
    const start = index * this.#dataBytes;
    return this.#data.subarray(start, start + this.#words[index * HEADER_BYTES / 4 + 14]!);
  }

  /** Returns a copy of the sender's address, and makes room for the next one. */
  takeName(index: number): Uint8Array {
    this.#words[index * HEADER_BYTES / 4 + 2] = this.#nameBytes;
    return this.#names.slice(index * NAME_BYTES, index * NAME_BYTES + this.#nameBytes);
  }

  /** Copies a datagram to send, and its receiver's address. */
  set(index: number, data: Uint8Array, name: Uint8Array): void {
    this.#data.set(data, index * this.#dataBytes);
    this.#lengths[index * 4 + 2] = data.length;
    this.#names.set(name, index * NAME_BYTES);
  }
}

function addressOf(bytes: ArrayBufferView<ArrayBuffer>): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
}

/**
 * Opens a socket of the C library.
 *
 * @param hostname An address, or a name that resolves to one.
 * @param port The port; 0 for any free one.
 * @returns A function that starts to receive.
 * @throws {Failure} `UNSUPPORTED` on a system other than Linux; `NOT_PERMITTED` without `--allow-ffi` or without
 * `--allow-net` for the address; other codes if the address is not usable.
 */
export async function openBatchPort(hostname: string, port: number): Promise<OpenDatagramPort> {
  const what = `cannot listen on ${hostPort({ hostname, port })}`;
  if (Deno.build.os !== "linux") {
    const why = "receiving many datagrams with one call needs Linux";
    throw new Failure({ what, why, code: "UNSUPPORTED" });
  }
  // The runtime does not check what the C library does.
  if (!isGranted({ name: "net", host: hostPort({ hostname, port }) })) {
    const refused = new Deno.errors.NotCapable("no permission for this address of the network");
    throw toFailure(refused, what);
  }
  const { hostname: address } = await resolveHost(hostname, port);
  const socket = openBatchSocket({ transport: "udp", hostname: address, port }, what);
  return (handler) => new BatchPort(socket, handler);
}

function openBatchSocket(at: Deno.NetAddr, what: string): BatchSocket {
  let libc: Library | undefined;
  try {
    libc = openLibrary();
    return new BatchSocket(libc, at);
  } catch (error) {
    libc?.close();
    throw toFailure(error, what);
  }
}
