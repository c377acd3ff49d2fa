/**
 * WebSocket frames as a test wants them, right or wrong: written from RFC 6455 section 5.2 alone.
 *
 * @module
 */

import type { Bytes } from "../../lib/base/bytes.ts";
import type { Side } from "../../lib/net/websocket.ts";

export const BINARY = 2;
export const TEXT = 1;
export const CONTINUATION = 0;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** What a frame is like, where it is not as it should be. */
export interface FrameShape {
  readonly opcode?: number;
  readonly payload?: Uint8Array;
  /** Whether it is the last one of its message. */
  readonly fin?: boolean;
  /** The three reserved bits, 0 to 7. */
  readonly rsv?: number;
  /** The masking key; undefined for none. */
  readonly mask?: Uint8Array | undefined;
  /** How many bytes the length takes beside its seven bits: the fewest by default. */
  readonly lengthBytes?: 0 | 2 | 8;
  /** The length that it says. */
  readonly length?: bigint;
}

/** Encodes a frame. */
export function frame(shape: FrameShape): Bytes {
  const { opcode = BINARY, payload = new Uint8Array(0), fin = true, rsv = 0, mask } = shape;
  const length = shape.length ?? BigInt(payload.length);
  const lengthBytes = shape.lengthBytes ?? (length > 65_535n ? 8 : length > 125n ? 2 : 0);
  const short = lengthBytes === 0 ? Number(length) : lengthBytes === 2 ? 126 : 127;
  const header = [(fin ? 0x80 : 0) | rsv << 4 | opcode, (mask === undefined ? 0 : 0x80) | short];
  for (let i = lengthBytes - 1; i >= 0; i--) header.push(Number(length >> BigInt(8 * i) & 0xffn));
  const masked = payload.map((byte, i) => mask === undefined ? byte : byte ^ mask[i % 4]!);
  return new Uint8Array([...header, ...mask ?? [], ...masked]);
}

/** Frames as a peer of a side must send them: a server's peer masks. */
export function framesFor(side: Side, shapes: readonly FrameShape[]): Bytes {
  const mask = side === "server" ? new Uint8Array([0x37, 0xfa, 0x21, 0x3d]) : undefined;
  const frames = shapes.map((shape) => frame({ mask, ...shape }));
  const all = new Uint8Array(frames.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const one of frames) {
    all.set(one, at);
    at += one.length;
  }
  return all;
}

/** A frame as a test reads it back. */
export interface ReadFrame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly masked: boolean;
  readonly payload: Bytes;
}

/** Reads whole frames. */
export function readFrames(bytes: Uint8Array): ReadFrame[] {
  const frames: ReadFrame[] = [];
  for (let at = 0; at < bytes.length;) {
    const [first = 0, second = 0] = bytes.subarray(at, at + 2);
    const short = second & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    let length = lengthBytes === 0 ? short : 0;
    for (let i = 0; i < lengthBytes; i++) length = length * 256 + bytes[at + 2 + i]!;
    const masked = second >= 0x80;
    const from = at + 2 + lengthBytes + (masked ? 4 : 0);
    const mask = bytes.subarray(from - 4, from);
    const payload = bytes.slice(from, from + length)
      .map((byte, i) => masked ? byte ^ mask[i % 4]! : byte);
    frames.push({ opcode: first & 0x0f, fin: first >= 0x80, masked, payload });
    at = from + length;
  }
  return frames;
}

/** The payload of a close frame. */
export function closing(code: number, reason: Uint8Array | string = ""): Bytes {
  const text = typeof reason === "string" ? new TextEncoder().encode(reason) : reason;
  return new Uint8Array([code >> 8, code & 0xff, ...text]);
}
