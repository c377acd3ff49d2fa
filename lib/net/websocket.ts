/**
 * The WebSocket protocol (RFC 6455) for binary messages, without I/O: the opening handshake's key, frames, and a state
 * machine for either side of a connection.
 *
 * Messages carry a stream of bytes, so their boundaries mean nothing. The payload of a frame is passed on as it
 * arrives: however long a frame says it is, none is held. Text messages and extensions are refused.
 *
 * @module
 */

import {
  type Bytes,
  concat,
  fromUtf8,
  MalformedError,
  type Random,
  secureRandom,
  utf8,
} from "../base/bytes.ts";

/** The side of a connection. A client masks its frames, a server does not (RFC 6455 section 5.1). */
export type Side = "client" | "server";

/** The opcodes (RFC 6455 section 11.8). */
const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Status codes of a close frame (RFC 6455 section 7.4.1) that this module sends. */
export const CLOSE = {
  normal: 1000,
  protocolError: 1002,
  unsupported: 1003,
  notUtf8: 1007,
  tooLarge: 1009,
} as const;

const FINAL = 0x80;
const RESERVED = 0x70;
const CONTROL = 0x08;
const MASKED = 0x80;
const MASK_BYTES = 4;
/** The longest header: two bytes, a length of eight, a mask. */
const MAX_HEADER_BYTES = 14;
/** The longest payload of a control frame (RFC 6455 section 5.5). */
const MAX_CONTROL_BYTES = 125;
const MAX_16_BIT = 0xffff;
const EMPTY: Bytes = new Uint8Array(0);

/** What the server appends to the client's key before it hashes both (RFC 6455 section 1.3). */
const HANDSHAKE_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** Sixteen bytes in base64. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** Makes the value of a client's `Sec-WebSocket-Key`: 16 random bytes in base64. */
export function makeKey(random: Random = secureRandom): string {
  return random(16).toBase64();
}

/** Tells whether a text can be the value of `Sec-WebSocket-Key`. */
export function isKey(text: string): boolean {
  return KEY.test(text);
}

/** Returns the `Sec-WebSocket-Accept` that answers a key. */
export async function acceptFor(key: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-1", utf8(key + HANDSHAKE_GUID));
  return new Uint8Array(hash).toBase64();
}

/** Thrown for a frame that RFC 6455 does not allow, or that this side does not accept. */
class WebSocketError extends Error {
  constructor(readonly code: number, message: string) {
    super(message);
    this.name = "WebSocketError";
  }
}

/** How a WebSocket ended. */
export interface Closed {
  /** The status code of the close frame: the peer's, or the one that a fault of the peer has. */
  readonly code: number;
  /** The peer's reason, not yet printable, or what is wrong with its frame. */
  readonly reason: string;
  /** Whether the peer broke a rule. */
  readonly isFault: boolean;
}

/** What {@linkcode WebSocketCodec.receive} found. */
export interface Received {
  /** The payload of the binary messages: a view of the chunk, which may be empty. */
  readonly data: Bytes;
  /** The pongs that answer pings, as frames in order. */
  readonly pongs: readonly Bytes[];
  /** How many frames began or went on. */
  readonly frames: number;
  /** Set once the peer has closed or broken a rule. Nothing after it counts. */
  readonly closed: Closed | undefined;
}

/** The frame that is being received. */
interface Incoming {
  readonly opcode: number;
  readonly isFinal: boolean;
  /** The masking key; undefined if the frame is not masked. */
  readonly mask: Bytes | undefined;
  /** The bytes of payload that have not come yet. */
  left: number;
  /** The index in the payload, modulo 4, of the next byte. */
  phase: number;
}

/** One side of a WebSocket after the opening handshake. */
export class WebSocketCodec {
  readonly #side: Side;
  readonly #random: Random;
  /** The bytes of a header that is not complete. */
  #header = EMPTY;
  #frame: Incoming | undefined;
  /** The payload of a control frame that is not complete. */
  #control = EMPTY;
  /** Whether a message has begun whose last frame has not come. */
  #inMessage = false;
  #closed: Closed | undefined;
  #sentClose = false;

  /**
   * @param side This side.
   * @param random Makes a client's masking keys.
   */
  constructor(side: Side, random: Random = secureRandom) {
    this.#side = side;
    this.#random = random;
  }

  /** Whether this side has sent its close frame. */
  get hasSentClose(): boolean {
    return this.#sentClose;
  }

  /**
   * Takes received bytes.
   *
   * @param chunk Any number of bytes. It is changed: payloads are unmasked and moved together in place.
   */
  receive(chunk: Bytes): Received {
    const pongs: Bytes[] = [];
    let at = 0;
    let end = 0;
    let frames = 0;
    try {
      while (this.#closed === undefined && at < chunk.length) {
        if (this.#frame === undefined) {
          at = this.#readHeader(chunk, at);
          if (this.#frame === undefined) break;
          frames += 1;
        }
        const frame: Incoming = this.#frame;
        const length = Math.min(frame.left, chunk.length - at);
        const isControl = (frame.opcode & CONTROL) !== 0;
        const to = isControl ? at : end;
        unmask(chunk, at, to, length, frame);
        if (isControl) this.#control = concat([this.#control, chunk.subarray(at, at + length)]);
        else end += length;
        at += length;
        if (frame.left === 0) this.#finish(frame, pongs);
      }
    } catch (error) {
      if (!(error instanceof WebSocketError)) throw error;
      this.#closed = { code: error.code, reason: error.message, isFault: true };
    }
    return { data: chunk.subarray(0, end), pongs, frames, closed: this.#closed };
  }

  /**
   * Reads a header, or the part of it that has come.
   *
   * @returns The index after it.
   */
  #readHeader(chunk: Bytes, at: number): number {
    const held = this.#header.length;
    const bytes = held === 0
      ? chunk.subarray(at, at + MAX_HEADER_BYTES)
      : concat([this.#header, chunk.subarray(at, at + MAX_HEADER_BYTES - held)]);
    const length = this.#checkHeader(bytes);
    if (length === undefined || bytes.length < length) {
      this.#header = bytes.slice();
      return chunk.length;
    }
    this.#header = EMPTY;
    const masked = this.#side === "server";
    const opcode = bytes[0]! & 0x0f;
    this.#frame = {
      opcode,
      isFinal: (bytes[0]! & FINAL) !== 0,
      mask: masked ? bytes.slice(length - MASK_BYTES, length) : undefined,
      left: payloadLength(bytes),
      phase: 0,
    };
    if ((opcode & CONTROL) === 0) this.#inMessage = true;
    return at + length - held;
  }

  /**
   * Checks as much of a header as has come.
   *
   * @returns Its length; undefined if that is not known yet.
   */
  #checkHeader(bytes: Bytes): number | undefined {
    const first = bytes[0]!;
    if ((first & RESERVED) !== 0) {
      throw new WebSocketError(CLOSE.protocolError, "a reserved bit is set");
    }
    this.#checkOpcode(first & 0x0f, (first & FINAL) !== 0);
    const second = bytes[1];
    if (second === undefined) return undefined;
    const isMasked = (second & MASKED) !== 0;
    if (isMasked !== (this.#side === "server")) {
      const fault = isMasked ? "a server's frame is masked" : "a client's frame is not masked";
      throw new WebSocketError(CLOSE.protocolError, fault);
    }
    const short = second & 0x7f;
    if ((first & CONTROL) !== 0 && short > MAX_CONTROL_BYTES) {
      throw new WebSocketError(CLOSE.protocolError, "a control frame has more than 125 bytes");
    }
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    if (bytes.length >= 2 + lengthBytes) checkLength(bytes);
    return 2 + lengthBytes + (isMasked ? MASK_BYTES : 0);
  }

  #checkOpcode(opcode: number, isFinal: boolean): void {
    const fault = (message: string) => new WebSocketError(CLOSE.protocolError, message);
    switch (opcode) {
      case OPCODE.continuation:
        if (!this.#inMessage) throw fault("a continuation without a message");
        return;
      case OPCODE.text:
      case OPCODE.binary:
        if (this.#inMessage) throw fault("a message within a message");
        if (opcode === OPCODE.binary) return;
        throw new WebSocketError(
          CLOSE.unsupported,
          "a text message; only binary ones are accepted",
        );
      case OPCODE.close:
      case OPCODE.ping:
      case OPCODE.pong:
        if (!isFinal) throw fault("a control frame in fragments");
        return;
      default:
        throw fault(`the reserved opcode ${opcode}`);
    }
  }

  /** Ends a frame whose payload is complete. */
  #finish({ opcode, isFinal }: Incoming, pongs: Bytes[]): void {
    this.#frame = undefined;
    if ((opcode & CONTROL) === 0) {
      if (isFinal) this.#inMessage = false;
      return;
    }
    const payload = this.#control;
    this.#control = EMPTY;
    if (opcode === OPCODE.ping && !this.#sentClose) pongs.push(this.#encode(OPCODE.pong, payload));
    if (opcode === OPCODE.close) this.#closed = { ...readClose(payload), isFault: false };
  }

  /**
   * Puts bytes into one binary message.
   *
   * @returns The frame, in a new buffer; nothing after a close frame.
   */
  send(payload: Bytes): Bytes {
    return this.#sentClose ? EMPTY : this.#encode(OPCODE.binary, payload);
  }

  /**
   * Closes this side, once.
   *
   * @param code A status code of {@linkcode CLOSE}, or one that the peer sent.
   * @param reason For people who look at the connection; cut to what a control frame holds.
   * @returns The close frame; nothing if it has been sent.
   */
  close(code: number = CLOSE.normal, reason = ""): Bytes {
    if (this.#sentClose) return EMPTY;
    this.#sentClose = true;
    if (code === NO_STATUS) return this.#encode(OPCODE.close, EMPTY);
    const text = utf8(reason);
    // Reasons of this program are ASCII: cutting them keeps them well-formed.
    const payload = concat([new Uint8Array([code >> 8, code]), text.subarray(0, 123)]);
    return this.#encode(OPCODE.close, payload);
  }

  #encode(opcode: number, payload: Bytes): Bytes {
    return encodeFrame(opcode, payload, this.#side === "client" ? this.#random(4) : undefined);
  }
}

/** The code of a close frame without a payload (RFC 6455 section 7.1.5). It does not travel. */
const NO_STATUS = 1005;

/** Makes a final frame. */
function encodeFrame(opcode: number, payload: Bytes, mask: Bytes | undefined): Bytes {
  const { length } = payload;
  const lengthBytes = length > MAX_16_BIT ? 8 : length > MAX_CONTROL_BYTES ? 2 : 0;
  const start = 2 + lengthBytes + (mask === undefined ? 0 : MASK_BYTES);
  const frame = new Uint8Array(start + length);
  frame[0] = FINAL | opcode;
  frame[1] = (mask === undefined ? 0 : MASKED) |
    (lengthBytes === 8 ? 127 : lengthBytes === 2 ? 126 : length);
  const view = new DataView(frame.buffer);
  if (lengthBytes === 2) view.setUint16(2, length);
  if (lengthBytes === 8) view.setBigUint64(2, BigInt(length));
  frame.set(payload, start);
  if (mask === undefined) return frame;
  frame.set(mask, start - MASK_BYTES);
  applyMask(frame, start, start, length, mask, 0);
  return frame;
}

/** The payload's length in a header whose length field is complete. */
function payloadLength(header: Bytes): number {
  const short = header[1]! & 0x7f;
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (short === 127) return Number(view.getBigUint64(2));
  return short === 126 ? view.getUint16(2) : short;
}

/** Refuses a length that is not in its shortest form (RFC 6455 section 5.2), or that no stream reaches. */
function checkLength(header: Bytes): void {
  const short = header[1]! & 0x7f;
  const length = payloadLength(header);
  if (short === 126 && length <= MAX_CONTROL_BYTES || short === 127 && length <= MAX_16_BIT) {
    throw new WebSocketError(CLOSE.protocolError, "a length that is not in its shortest form");
  }
  if (short === 127 && header[2]! >= 0x80) {
    throw new WebSocketError(CLOSE.protocolError, "a length with its highest bit set");
  }
  if (Number.isSafeInteger(length)) return;
  throw new WebSocketError(CLOSE.tooLarge, "a frame of more than 2^53 bytes");
}

/** Unmasks part of a frame's payload and moves it. */
function unmask(bytes: Bytes, from: number, to: number, length: number, frame: Incoming): void {
  const { mask, phase } = frame;
  if (mask !== undefined) applyMask(bytes, from, to, length, mask, phase);
  else if (from !== to) bytes.copyWithin(to, from, from + length);
  frame.phase = phase + length & 3;
  frame.left -= length;
}

/** Combines `length` bytes at `from` with a mask and writes them at `to`, which is not behind `from`. */
function applyMask(
  bytes: Bytes,
  from: number,
  to: number,
  length: number,
  mask: Bytes,
  phase: number,
): void {
  const a = mask[phase]!;
  const b = mask[phase + 1 & 3]!;
  const c = mask[phase + 2 & 3]!;
  const d = mask[phase + 3 & 3]!;
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    bytes[to + i] = bytes[from + i]! ^ a;
    bytes[to + i + 1] = bytes[from + i + 1]! ^ b;
    bytes[to + i + 2] = bytes[from + i + 2]! ^ c;
    bytes[to + i + 3] = bytes[from + i + 3]! ^ d;
  }
  for (let i = whole; i < length; i++) bytes[to + i] = bytes[from + i]! ^ mask[phase + i & 3]!;
}

/**
 * Reads the payload of a close frame.
 *
 * @throws {WebSocketError} If it has one byte, or its code or its reason is not valid.
 */
function readClose(payload: Bytes): { readonly code: number; readonly reason: string } {
  if (payload.length === 0) return { code: NO_STATUS, reason: "" };
  if (payload.length === 1) {
    throw new WebSocketError(CLOSE.protocolError, "half a status code in a close frame");
  }
  const code = payload[0]! << 8 | payload[1]!;
  if (!mayTravel(code)) {
    throw new WebSocketError(CLOSE.protocolError, `the status code ${code} in a close frame`);
  }
  try {
    return { code, reason: fromUtf8(payload.subarray(2)) };
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw new WebSocketError(CLOSE.notUtf8, "a close frame whose reason is not UTF-8");
  }
}

/** Whether a status code may be in a close frame (RFC 6455 section 7.4, and IANA's registry for 1012 to 1014). */
function mayTravel(code: number): boolean {
  const isDefined = code >= 1000 && code <= 1014 && code !== 1004 && code !== NO_STATUS &&
    code !== 1006;
  return isDefined || code >= 3000 && code <= 4999;
}
