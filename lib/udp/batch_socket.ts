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

import { isIPv6 } from "../base/host_port.ts";

/** The most datagrams of one call. */
export const BATCH = 64;

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
export type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

// asm-generic/socket.h, fcntl.h and poll.h of Linux, which x86-64 and AArch64 share.
const AF_INET = 2;
const AF_INET6 = 10;
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
export function openLibrary(): Library {
  return Deno.dlopen("libc.so.6", SYMBOLS);
}

/** A file descriptor of a bound socket, and the calls that it takes. */
export class BatchSocket {
  readonly addr: Deno.NetAddr;
  readonly fd: number;
  readonly isIPv6: boolean;
  readonly #libc: Library;
  /** The place of errno(3) of this thread, which the runtime never leaves. */
  readonly #errno: Int32Array;
  /** Ends a poll(2) that waits in another thread. */
  readonly #wake: number;
  /** Two structs pollfd: an int, and two shorts. */
  readonly #polled = new ArrayBuffer(16);

  /** @throws {Error} With the POSIX name as `code`, if the system refuses the address. */
  constructor(libc: Library, at: Deno.NetAddr) {
    this.#libc = libc;
    const { symbols } = libc;
    const errno = new Deno.UnsafePointerView(symbols.__errno_location()!);
    this.#errno = new Int32Array(errno.getArrayBuffer(4));
    this.isIPv6 = isIPv6(at.hostname);
    const zone = at.hostname.split("%")[1];
    const address = encodeAddress(at, zone === undefined ? 0 : this.#zoneIndex(zone));
    const family = this.isIPv6 ? AF_INET6 : AF_INET;
    this.fd = this.#check("socket", symbols.socket(family, SOCK_DGRAM | NONBLOCK | CLOEXEC, 0));
    try {
      this.#check("bind", symbols.bind(this.fd, address, address.length));
      this.addr = this.#ownAddress();
      this.#wake = this.#check("eventfd", symbols.eventfd(0, NONBLOCK | CLOEXEC));
    } catch (error) {
      symbols.close(this.fd);
      throw error;
    }
    const view = new DataView(this.#polled);
    for (const [i, fd] of [this.fd, this.#wake].entries()) {
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
    this.#check("getsockname", this.#libc.symbols.getsockname(this.fd, name, length));
    return { transport: "udp", ...decodeAddress(name) };
  }

  /** Receives datagrams that have arrived. Returns their number; 0 if there are none. */
  receive(messages: Messages): number {
    const { symbols } = this.#libc;
    return this.#transfer("recvmmsg", symbols.recvmmsg(this.fd, messages.headers, BATCH, 0, null));
  }

  /** Sends the first `count` messages of `headers`. Returns how many; 0 if the system has no room for more now. */
  send(headers: Uint8Array<ArrayBuffer>, count: number): number {
    return this.#transfer("sendmmsg", this.#libc.symbols.sendmmsg(this.fd, headers, count, 0));
  }

  /** Waits for a datagram or for {@linkcode BatchSocket.wake}. */
  async readable(): Promise<void> {
    // It fails only if a signal interrupts it. The caller tries to receive in any case.
    await this.#libc.symbols.poll(new Uint8Array(this.#polled), 2n, -1);
  }

  /** Ends {@linkcode BatchSocket.readable}, now and from now on. */
  wake(): void {
    this.#libc.symbols.write(this.#wake, new Uint8Array(BigUint64Array.of(1n).buffer), 8n);
  }

  /** Closes the socket. No call may be under way. */
  close(): void {
    for (const fd of [this.fd, this.#wake]) this.#libc.symbols.close(fd);
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
export class Messages {
  /** The structs mmsghdr. */
  readonly headers: Uint8Array<ArrayBuffer>;
  readonly #data: Uint8Array<ArrayBuffer>;
  readonly #names = new Uint8Array(new ArrayBuffer(BATCH * NAME_BYTES));
  readonly #vectors = new BigUint64Array(new ArrayBuffer(BATCH * IOVEC_BYTES));
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
    const [data, names, vectors] = [this.#data, this.#names, this.#vectors].map(addressOf);
    for (let i = 0; i < BATCH; i++) {
      this.#vectors[i * 2] = data! + BigInt(i * this.#dataBytes);
      this.#vectors[i * 2 + 1] = BigInt(this.#dataBytes);
      const at = i * HEADER_BYTES / 8;
      longs[at] = names! + BigInt(i * NAME_BYTES);
      longs[at + 1] = BigInt(this.#nameBytes);
      longs[at + 2] = vectors! + BigInt(i * IOVEC_BYTES);
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
    this.#vectors[index * 2 + 1] = BigInt(data.length);
    this.#names.set(name, index * NAME_BYTES);
  }
}

function addressOf(bytes: ArrayBufferView<ArrayBuffer>): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
}

/** The size of a struct sockaddr_in (ip(7)), and of a struct sockaddr_in6 (ipv6(7)). */
export const IPV4_NAME_BYTES = 16;
export const NAME_BYTES = 28;

/**
 * Encodes an address as the system takes it.
 *
 * @param addr An IPv4 or IPv6 address and a port.
 * @param scope The number of the interface of a link-local address, otherwise 0.
 * @returns A struct sockaddr_in or sockaddr_in6.
 */
export function encodeAddress(
  { hostname, port }: Deno.NetAddr,
  scope: number,
): Uint8Array<ArrayBuffer> {
  const host = hostname.replace(/%.*$/s, "");
  if (!isIPv6(host)) {
    const view = new DataView(new ArrayBuffer(IPV4_NAME_BYTES));
    view.setUint16(0, AF_INET, true);
    view.setUint16(2, port);
    host.split(".").forEach((byte, i) => view.setUint8(4 + i, Number(byte)));
    return new Uint8Array(view.buffer);
  }
  const view = new DataView(new ArrayBuffer(NAME_BYTES));
  view.setUint16(0, AF_INET6, true);
  view.setUint16(2, port);
  const [head, tail] = new URL(`http://[${host}]`).hostname.slice(1, -1).split("::");
  const words = (part = "") => part === "" ? [] : part.split(":").map((word) => parseInt(word, 16));
  words(head).forEach((word, i) => view.setUint16(8 + 2 * i, word));
  words(tail).reverse().forEach((word, i) => view.setUint16(22 - 2 * i, word));
  view.setUint32(24, scope, true);
  return new Uint8Array(view.buffer);
}

/**
 * Decodes an address that the system wrote.
 *
 * @param name A struct sockaddr_in or sockaddr_in6.
 * @returns The address, with the number of the interface if it is link-local, and the port.
 */
export function decodeAddress(name: Uint8Array): { hostname: string; port: number } {
  const view = new DataView(name.buffer, name.byteOffset, name.byteLength);
  const port = view.getUint16(2);
  if (view.getUint16(0, true) === AF_INET) return { hostname: name.slice(4, 8).join("."), port };
  const words = Array.from({ length: 8 }, (_, i) => view.getUint16(8 + 2 * i));
  const scope = view.getUint32(24, true);
  const zone = scope === 0 ? "" : `%${scope}`;
  const mapped = words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff;
  if (mapped) return { hostname: `::ffff:${name.slice(20, 24).join(".")}`, port };
  const text = words.map((word) => word.toString(16)).join(":");
  return { hostname: new URL(`http://[${text}]`).hostname.slice(1, -1) + zone, port };
}
