/**
 * What members say to each other: key frames, sealed frames, and the messages inside a seal.
 *
 * A relay reads the headers and no more. Nothing here is trusted yet: what is read is well-formed;
 * signatures, commitments and seals are checked in `sender_key.ts`.
 *
 * @module
 */

import {
  ByteReader,
  type Bytes,
  ByteWriter,
  fromUtf8,
  MalformedError,
  mapKey,
  readWhole,
} from "../../base/bytes.ts";
import { SIGNATURE_BYTES } from "../identity/signing.ts";
import { HASH_BYTES } from "./kinds.ts";

/** What a chain is for: the group, one member alone, or one member that missed what the group was told. */
export const CONVERSATION = { group: 0, private: 1, again: 2 } as const;

/** What a chain is for. */
export type Conversation = typeof CONVERSATION[keyof typeof CONVERSATION];

/** Which key of a sender: a chain, and how many one-way steps along it. */
export interface ChainPosition {
  readonly conversation: Conversation;
  readonly chain: number;
  readonly step: number;
}

/** The header of a key frame. */
export interface KeyHeader extends ChainPosition {
  readonly sender: Bytes;
  readonly recipient: Bytes;
  /** The counter of the first sealed frame that the recipient can open. */
  readonly firstCounter: number;
  /** The commitment to the chain key. */
  readonly commitment: Bytes;
}

/** The length of a key header in bytes. */
export const KEY_HEADER_BYTES = 32 + 32 + 1 + 4 + 4 + 8 + 32;

/** Encodes the header of a key frame. */
export function encodeKeyHeader(header: KeyHeader): Bytes {
  return new ByteWriter(KEY_HEADER_BYTES)
    .raw(header.sender).raw(header.recipient)
    .u8(header.conversation).u32(header.chain).u32(header.step)
    .u64(header.firstCounter).raw(header.commitment).finish();
}

/** A key frame. */
export interface KeyFrame {
  readonly header: KeyHeader;
  readonly headerBytes: Bytes;
  /** The pairwise key, wrapped by RSA-OAEP; empty after the first time. */
  readonly wrappedPairwise: Bytes;
  /** Which use of the pairwise key this is: its initialization vector. */
  readonly use: number;
  /** The chain key under the pairwise key. */
  readonly box: Bytes;
  readonly signature: Bytes;
  /** What the signature is over, less context and room. */
  readonly signed: Bytes;
}

/** The length of an encrypted chain key in bytes. */
const KEY_BOX_BYTES = HASH_BYTES + 16;

/** Encodes what a key frame is signed over, less context and room. */
export function encodeKeyBody(
  header: Bytes,
  wrappedPairwise: Bytes,
  use: number,
  box: Bytes,
): Bytes {
  return new ByteWriter(KEY_HEADER_BYTES + 600)
    .raw(header).block16(wrappedPairwise).u64(use).raw(box).finish();
}

/** Encodes a frame that ends in its signature: `key`, `sealed` and `progress`. */
export function encodeSigned(kind: number, body: Bytes, signature: Bytes): Bytes {
  return new ByteWriter(body.length + signature.length + 5)
    .u32(body.length + signature.length + 1).u8(kind).raw(body).raw(signature).finish();
}

/** Reads a key frame. */
export function readKeyFrame(payload: Bytes): KeyFrame {
  return readWhole(payload, (reader) => {
    const headerBytes = payload.subarray(0, KEY_HEADER_BYTES);
    const header = readKeyHeader(reader);
    const wrappedPairwise = reader.block16();
    const use = reader.u64();
    const box = reader.raw(KEY_BOX_BYTES);
    const signed = payload.subarray(0, payload.length - reader.left);
    const signature = reader.raw(SIGNATURE_BYTES);
    return { header, headerBytes, wrappedPairwise, use, box, signed, signature };
  });
}

function readKeyHeader(reader: ByteReader): KeyHeader {
  return {
    sender: reader.raw(HASH_BYTES),
    recipient: reader.raw(HASH_BYTES),
    conversation: readConversation(reader),
    chain: reader.u32(),
    step: reader.u32(),
    firstCounter: reader.u64(),
    commitment: reader.raw(HASH_BYTES),
  };
}

function readConversation(reader: ByteReader): Conversation {
  const value = reader.u8();
  if (value > CONVERSATION.again) {
    throw new MalformedError(`no conversation has the number ${value}`);
  }
  return value as Conversation;
}

/** The header of a sealed frame. */
export interface SealedHeader extends ChainPosition {
  readonly sender: Bytes;
  /** Which declared audience it goes to; 0 is everyone whose joining is at most {@linkcode newest}. */
  readonly audience: number;
  /** The number of the frame in its chain, and its initialization vector. */
  readonly counter: number;
  /** The membership number that the sender knew when it sealed. */
  readonly membership: number;
  /** The membership number that the sender had displayed when the line was entered. */
  readonly newest: number;
  /** The digest of the sender and its recipients. */
  readonly recipients: Bytes;
  /** The commitment to the chain key. */
  readonly commitment: Bytes;
}

/** The length of a sealed frame's header in bytes. */
export const SEALED_HEADER_BYTES = 32 + 1 + 4 + 4 + 4 + 8 + 8 + 8 + 32 + 32;

/** Encodes the header of a sealed frame. */
export function encodeSealedHeader(header: SealedHeader): Bytes {
  return new ByteWriter(SEALED_HEADER_BYTES)
    .raw(header.sender).u8(header.conversation).u32(header.audience)
    .u32(header.chain).u32(header.step).u64(header.counter).u64(header.membership)
    .u64(header.newest).raw(header.recipients).raw(header.commitment).finish();
}

/** A sealed frame. */
export interface SealedFrame {
  readonly header: SealedHeader;
  readonly headerBytes: Bytes;
  readonly ciphertext: Bytes;
  readonly signature: Bytes;
  /** What the signature is over, less context and room. */
  readonly signed: Bytes;
}

/** Reads a sealed frame. */
export function readSealedFrame(payload: Bytes): SealedFrame {
  return readWhole(payload, (reader) => {
    const header: SealedHeader = {
      sender: reader.raw(HASH_BYTES),
      conversation: readConversation(reader),
      audience: reader.u32(),
      chain: reader.u32(),
      step: reader.u32(),
      counter: reader.u64(),
      membership: reader.u64(),
      newest: reader.u64(),
      recipients: reader.raw(HASH_BYTES),
      commitment: reader.raw(HASH_BYTES),
    };
    const length = reader.left - SIGNATURE_BYTES;
    if (length < 17) throw new MalformedError("a sealed frame holds nothing");
    const ciphertext = reader.raw(length);
    const signed = payload.subarray(0, payload.length - SIGNATURE_BYTES);
    const headerBytes = payload.subarray(0, SEALED_HEADER_BYTES);
    return { header, headerBytes, ciphertext, signed, signature: reader.raw(SIGNATURE_BYTES) };
  });
}

/** What a relay needs of a sealed frame. */
export interface SealedAddress {
  /** The sender's hash as the key of a map. */
  readonly sender: string;
  readonly audience: number;
  readonly newest: number;
}

/**
 * Reads where a sealed frame goes.
 *
 * @throws {MalformedError} Where {@linkcode readSealedFrame} would: a relay that passed it on would have all its members
 * take it for broken.
 */
export function sealedAddress(payload: Bytes): SealedAddress {
  if (payload.length < SEALED_HEADER_BYTES + 17 + SIGNATURE_BYTES) {
    throw new MalformedError("a sealed frame holds nothing");
  }
  const reader = new ByteReader(payload);
  const sender = mapKey(reader.raw(HASH_BYTES));
  readConversation(reader);
  const audience = reader.u32();
  reader.raw(4 + 4); // chain and step: any number
  reader.u64();
  reader.u64();
  return { sender, audience, newest: reader.u64() };
}

/** How far a member has shown what another said: asked, or told. */
export interface ProgressFrame {
  readonly sender: Bytes;
  readonly recipient: Bytes;
  /** Whether the sender asks how far the recipient has shown what the sender said. */
  readonly asks: boolean;
  /** Where it tells: the highest number of the recipient's messages that the sender has shown. */
  readonly shown: number;
  readonly signature: Bytes;
  /** What the signature is over, less context and room. */
  readonly signed: Bytes;
}

/** Encodes what a progress frame is signed over, less context and room. */
export function encodeProgressBody(
  { sender, recipient, asks, shown }: Omit<ProgressFrame, "signature" | "signed">,
): Bytes {
  return new ByteWriter(73).raw(sender).raw(recipient).u8(asks ? 1 : 0).u64(shown).finish();
}

/** Reads a progress frame. */
export function readProgressFrame(payload: Bytes): ProgressFrame {
  return readWhole(payload, (reader) => ({
    sender: reader.raw(HASH_BYTES),
    recipient: reader.raw(HASH_BYTES),
    asks: readFlag(reader),
    shown: reader.u64(),
    signed: payload.subarray(0, 73),
    signature: reader.raw(SIGNATURE_BYTES),
  }));
}

function readFlag(reader: ByteReader): boolean {
  const value = reader.u8();
  if (value > 1) throw new MalformedError(`${value} is neither yes nor no`);
  return value === 1;
}

// Inside the seal.

/** The longest text of a message in bytes of UTF-8. */
export const MAX_TEXT_BYTES = 64 << 10;
/** What a message adds to its text in bytes. */
export const MESSAGE_OVERHEAD_BYTES = 8 + 8 + 4;

/** A message inside the seal. */
export interface SealedText {
  /** Of this sender, from 1, over all its conversations: with the sender, the message's id. */
  readonly number: number;
  /** When it was entered, by the sender's clock, in milliseconds since 1970. */
  readonly time: number;
  /** 1 byte to 64 KiB of UTF-8. */
  readonly text: Bytes;
}

/** Encodes messages that share a seal. */
export function encodeTexts(texts: readonly SealedText[]): Bytes {
  const length = texts.reduce((sum, { text }) => sum + text.length + MESSAGE_OVERHEAD_BYTES, 0);
  const writer = new ByteWriter(length);
  for (const { number, time, text } of texts) {
    writer.u64(number).u64(time).u32(text.length).raw(text);
  }
  return writer.finish();
}

/** A message as it came out of a seal. */
export interface OpenedText {
  readonly number: number;
  readonly time: number;
  readonly text: string;
}

/** Reads what came out of a seal: numbers rise, texts are within bounds and UTF-8. */
export function readTexts(plaintext: Bytes): OpenedText[] {
  return readWhole(plaintext, (reader) => {
    const texts: OpenedText[] = [];
    while (reader.left > 0) {
      const number = reader.u64();
      const time = reader.u64();
      const length = reader.u32();
      if (length === 0 || length > MAX_TEXT_BYTES) {
        throw new MalformedError(`a text has ${length} bytes, not 1 to ${MAX_TEXT_BYTES}`);
      }
      if (number <= (texts.at(-1)?.number ?? 0)) {
        throw new MalformedError("message numbers do not rise");
      }
      texts.push({ number, time, text: fromUtf8(reader.raw(length)) });
    }
    if (texts.length === 0) throw new MalformedError("a seal holds no message");
    return texts;
  });
}

/**
 * Makes the ids of one member's messages.
 *
 * @param member The member's hash; half of it tells members apart.
 * @returns A function from a message's number to its id.
 */
export function messageIds(member: Bytes): (number: number) => string {
  const prefix = member.subarray(0, 16).toBase64({ alphabet: "base64url", omitPadding: true });
  return (number) => `${prefix}.${number}`;
}
