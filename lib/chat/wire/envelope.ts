/**
 * The frames that members send each other through the relay: sealed and pair frames, receipts and asks.
 *
 * The readers check the form only. A relay reads the headers and nothing else.
 *
 * Its readers and writers name each field: they run for each message, and a `Layout` takes some 240 ns more.
 *
 * @module
 */

import { ByteReader, type Bytes, ByteWriter, MalformedError, readWhole } from "../../base/bytes.ts";
import { CONTEXT, inContext, SIGNATURE_BYTES } from "../identity/signing.ts";
import { PROGRESS_BYTES } from "./content.ts";
import { CHECK_BYTES } from "./history.ts";
import { encodeFrame, FRAME_HEADER_BYTES } from "./frame.ts";
import { BOUND, HASH_BYTES, KIND } from "./kinds.ts";

/** The length of a GCM tag in bytes. */
export const TAG_BYTES = 16;

/** A key of a sender: a chain, and the number of one-way steps along it. */
export interface ChainPosition {
  readonly chain: number;
  /** 0 to 65,535. */
  readonly step: number;
}

/** The header of a sealed frame. */
export interface SealedHeader extends ChainPosition {
  /** The sender's number. */
  readonly sender: number;
  /** 0 for everyone in the roster at the version; otherwise a declared route. */
  readonly route: number;
  /** The number of the first message in the frame, in the sender's group stream. */
  readonly number: number;
  /** The version of the room that was displayed when the lines were entered. */
  readonly version: number;
  /** The first bytes of the version's context. */
  readonly check: Bytes;
}

/** The length of a sealed frame's header in bytes. */
export const SEALED_HEADER_BYTES = 4 + 1 + 4 + 2 + 6 + 4 + CHECK_BYTES;
/** The smallest ciphertext of a sealed frame: 32 bytes of plaintext and the tag. */
const MIN_SEALED_BYTES = 32 + TAG_BYTES;

/** A sealed frame. */
export interface SealedFrame {
  readonly header: SealedHeader;
  readonly ciphertext: Bytes;
  readonly signature: Bytes;
}

/** Encodes a sealed frame. */
export function encodeSealed({ header, ciphertext, signature }: SealedFrame): Bytes {
  const length = SEALED_HEADER_BYTES + ciphertext.length + SIGNATURE_BYTES;
  return new ByteWriter(FRAME_HEADER_BYTES + length)
    .u32(length + 1).u8(KIND.sealed)
    .u32(header.sender).u8(header.route).u32(header.chain).u16(header.step)
    .u48(header.number).u32(header.version).raw(header.check)
    .raw(ciphertext).raw(signature).finish();
}

/** Reads a sealed frame. */
export function readSealed(payload: Bytes): SealedFrame {
  const reader = new ByteReader(payload);
  const header = readSealedHeader(reader);
  const ciphertext = reader.raw(reader.left - SIGNATURE_BYTES);
  return { header, ciphertext, signature: reader.raw(SIGNATURE_BYTES) };
}

/**
 * Reads the header of a sealed frame. What follows it is a ciphertext and a signature.
 *
 * @throws {MalformedError} If the frame is not well-formed.
 */
function readSealedHeader(reader: ByteReader): SealedHeader {
  const header = {
    sender: reader.u32(),
    route: reader.u8(),
    chain: reader.u32(),
    step: reader.u16(),
    number: reader.u48(),
    version: reader.u32(),
    check: reader.raw(CHECK_BYTES),
  };
  if (header.number === 0) throw new MalformedError("message numbers start at 1");
  if (reader.left < MIN_SEALED_BYTES + SIGNATURE_BYTES) {
    throw new MalformedError("a sealed frame is too short");
  }
  return header;
}

/** What a relay needs of a sealed frame. */
export type SealedAddress = Pick<SealedHeader, "sender" | "route" | "number" | "version">;

/**
 * Reads where a sealed frame goes.
 *
 * @throws {MalformedError} If {@linkcode readSealed} would throw: each member would take the frame for broken.
 */
export function readSealedAddress(payload: Bytes): SealedAddress {
  const { sender, route, number, version } = readSealedHeader(new ByteReader(payload));
  return { sender, route, number, version };
}

/** What a sealed frame is bound to besides its header. */
export interface SealedBinding {
  readonly room: Bytes;
  /** The sender's hash. */
  readonly sender: Bytes;
  /** The context of the header's version. */
  readonly context: Bytes;
  /** The commitment to the chain key of the header's step. */
  readonly commitment: Bytes;
}

/** Returns the additional data of a sealed frame, which its signature covers too. */
export function sealedBound(
  { route, chain, step, number, version }: SealedHeader,
  { room, sender, context, commitment }: SealedBinding,
): Bytes {
  const length = CONTEXT.sealed.length + 4 * HASH_BYTES + 17;
  return new ByteWriter(length).raw(CONTEXT.sealed).raw(room).raw(sender)
    .u8(route).u32(chain).u16(step).u48(number).u32(version)
    .raw(context).raw(commitment).finish();
}

/** The header of a pair frame. */
export interface PairHeader {
  /** The sender's number. */
  readonly sender: number;
  /** The recipient's number. */
  readonly recipient: number;
  /** The number of this use of the pairwise key, from 0. */
  readonly use: number;
  /** The newest version that the sender knows. */
  readonly version: number;
  /** The first bytes of the version's context. */
  readonly check: Bytes;
}

/** A frame from one member to another. */
export interface PairFrame {
  readonly header: PairHeader;
  /** The pairwise key under RSA-OAEP, or empty. */
  readonly wrapped: Bytes;
  readonly ciphertext: Bytes;
  readonly signature: Bytes;
}

const PAIR_HEADER_BYTES = 4 + 4 + 6 + 4 + CHECK_BYTES;
/** The largest RSA-OAEP ciphertext: a key of 4,096 bits. */
const MAX_WRAPPED_BYTES = 512;

/** Encodes a pair frame. */
export function encodePair({ header, wrapped, ciphertext, signature }: PairFrame): Bytes {
  const length = PAIR_HEADER_BYTES + 2 + wrapped.length + ciphertext.length + SIGNATURE_BYTES;
  return new ByteWriter(FRAME_HEADER_BYTES + length)
    .u32(length + 1).u8(KIND.pair)
    .u32(header.sender).u32(header.recipient).u48(header.use).u32(header.version).raw(header.check)
    .block16(wrapped).raw(ciphertext).raw(signature).finish();
}

/** Reads a pair frame. */
export function readPair(payload: Bytes): PairFrame {
  return readWhole(payload, (reader) => {
    const header = {
      sender: reader.u32(),
      recipient: reader.u32(),
      use: reader.u48(),
      version: reader.u32(),
      check: reader.raw(CHECK_BYTES),
    };
    const wrapped = reader.block16();
    if (wrapped.length > MAX_WRAPPED_BYTES) {
      throw new MalformedError(`a wrapped key has more than ${MAX_WRAPPED_BYTES} bytes`);
    }
    const length = reader.left - SIGNATURE_BYTES;
    if (length < TAG_BYTES) throw new MalformedError("a pair frame is too short");
    const ciphertext = reader.raw(length);
    return { header, wrapped, ciphertext, signature: reader.raw(SIGNATURE_BYTES) };
  });
}

/** Two members and the room that they are in. */
export interface Pair {
  readonly room: Bytes;
  /** The hash of the sender of pair frames: in receipts and asks, of the speaker. */
  readonly sender: Bytes;
  /** The hash of the recipient of pair frames. */
  readonly recipient: Bytes;
}

/** Returns the additional data of a pair frame, which its signature covers too. */
export function pairBound(
  { use, version }: Pick<PairHeader, "use" | "version">,
  { room, sender, recipient }: Pair,
  context: Bytes,
): Bytes {
  return new ByteWriter(CONTEXT.pair.length + 4 * HASH_BYTES + 10).raw(CONTEXT.pair)
    .raw(room).raw(sender).raw(recipient).u48(use).u32(version).raw(context).finish();
}

/** Returns what the signature of a pair frame covers. */
export function pairStatement(bound: Bytes, wrapped: Bytes, ciphertext: Bytes): Bytes {
  return new ByteWriter(bound.length + 2 + wrapped.length + ciphertext.length)
    .raw(bound).block16(wrapped).raw(ciphertext).finish();
}

/** An entry of a `receipt` or `ask` frame. */
export interface Entry {
  /** To the relay: the number of the member that it is for. From the relay: of the member that sent it. */
  readonly member: number;
  /** Rises with each entry of one kind under one key. */
  readonly sequence: number;
  /** The newest version that the sender knows. */
  readonly version: number;
  /** The first bytes of the version's context. */
  readonly check: Bytes;
  readonly box: Bytes;
}

/** The largest box of an entry in bytes: 64 streams of a receipt. */
const MAX_BOX_BYTES = 64 * PROGRESS_BYTES + TAG_BYTES;
const ENTRY_BYTES = 4 + 6 + 4 + CHECK_BYTES + 2;

/**
 * Encodes receipts or asks.
 *
 * @param kind `KIND.receipt` or `KIND.ask`.
 * @param entries At least one.
 * @returns One frame or more: as many entries in each as its bound allows.
 */
export function encodeEntries(kind: number, entries: readonly Entry[]): Bytes[] {
  const frames: Bytes[] = [];
  let writer = new ByteWriter(256);
  let count = 0;
  const flush = () => {
    const payload = new ByteWriter(2 + writer.length).u16(count).raw(writer.finish()).finish();
    frames.push(encodeFrame(kind, payload));
    writer = new ByteWriter(256);
    count = 0;
  };
  for (const { member, sequence, version, check, box } of entries) {
    if (2 + writer.length + ENTRY_BYTES + box.length > BOUND.receipts) flush();
    writer.u32(member).u48(sequence).u32(version).raw(check).block16(box);
    count += 1;
  }
  if (count > 0) flush();
  return frames;
}

/** Reads receipts or asks. */
export function readEntries(payload: Bytes): Entry[] {
  return readWhole(payload, (reader) => {
    const entries: Entry[] = [];
    const count = reader.u16();
    if (count === 0) throw new MalformedError("a receipt has no entries");
    for (let i = 0; i < count; i++) entries.push(readEntry(reader));
    return entries;
  });
}

function readEntry(reader: ByteReader): Entry {
  const member = reader.u32();
  const sequence = reader.u48();
  const version = reader.u32();
  const check = reader.raw(CHECK_BYTES);
  const box = reader.block16();
  if (box.length < TAG_BYTES || box.length > MAX_BOX_BYTES) {
    throw new MalformedError(`the box of a receipt has ${box.length} bytes`);
  }
  return { member, sequence, version, check, box };
}

/** Returns the additional data of the box of a receipt or an ask. */
export function entryBound(
  use: "receipt" | "ask",
  { sequence, version }: Pick<Entry, "sequence" | "version">,
  { room, sender, recipient }: Pair,
  context: Bytes,
): Bytes {
  const numbers = new ByteWriter(10).u48(sequence).u32(version).finish();
  return inContext(CONTEXT[use], room, sender, recipient, numbers, context);
}
