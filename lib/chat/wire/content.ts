/**
 * The plaintext of sealed and pair frames, and of receipts: messages, their kinds and their padding.
 *
 * @module
 */

import {
  ByteReader,
  type Bytes,
  ByteWriter,
  fromUtf8,
  MalformedError,
  readWhole,
  utf8,
  utf8Length,
} from "../../base/bytes.ts";
import { type Laid, Layout } from "./frame.ts";
import { BOUND, HASH_BYTES } from "./kinds.ts";

/** The longest text of a message in bytes of UTF-8. */
export const MAX_TEXT_BYTES = 64 << 10;

/** The streams of message numbers of a sender. */
export const STREAM = { group: 0, private: 1 } as const;

/** A stream of message numbers. */
export type Stream = typeof STREAM[keyof typeof STREAM];

/** All streams. */
export const STREAMS: readonly Stream[] = [STREAM.group, STREAM.private];

/** The kinds of message. 6 to 15 are reserved for transfers. */
export const MESSAGE = {
  end: 0,
  text: 1,
  line: 2,
  grant: 3,
  gone: 4,
  invitation: 5,
  words: 16,
  mistrust: 17,
} as const;
/** What notices are about. Each has a kind of message of its own. */
export const NOTICES = ["invitation", "words", "mistrust"] as const;
/** The longest body of a notice in bytes. */
export const MAX_NOTICE_BYTES = 256;
/** The most messages in a frame. parley sends at most half as many in one. */
export const MAX_MESSAGES = 8192;
/** The kinds that only pair frames carry. */
const PAIR_KINDS: ReadonlySet<number> = new Set([
  ...[MESSAGE.line, MESSAGE.grant, MESSAGE.gone],
  ...NOTICES.map((notice) => MESSAGE[notice]),
]);

/** A text in a sealed frame. Its number follows from its place in the frame. */
export interface TextMessage {
  readonly kind: "text";
  /** When it was entered, by the sender's clock, in milliseconds since 1970. */
  readonly time: number;
  /** 1 byte to 64 KiB of UTF-8. */
  readonly text: string;
}

const LINE = new Layout({
  stream: "u8",
  number: "u48",
  /** The number before it that is addressed to this recipient; 0 if there is none. */
  last: "u48",
  time: "u48",
});

/** A text in a pair frame: a private line, or a line of the group for one member. */
export interface LineMessage extends Laid<typeof LINE> {
  readonly kind: "line";
  readonly stream: Stream;
  readonly text: string;
}

const GRANT = new Layout({
  chain: "u32",
  step: "u16",
  key: HASH_BYTES,
  /** The number of the next group message for this recipient. */
  next: "u48",
  /** The number before it that is addressed to this recipient; 0 if there is none. */
  last: "u48",
});

/** The key of a chain from one step on, in a pair frame. */
export interface GrantMessage extends Laid<typeof GRANT> {
  readonly kind: "grant";
}

const GONE = new Layout({ stream: "u8", number: "u48" });

/** States that messages up to a number that were not shown will not come. */
export interface GoneMessage extends Laid<typeof GONE> {
  readonly kind: "gone";
  readonly stream: Stream;
}

/** What a notice is about. */
export type Notice = typeof NOTICES[number];

/** A message from one member's program to another's. It belongs to no stream: it has no number and no receipt. */
export interface NoticeMessage {
  readonly kind: "notice";
  readonly notice: Notice;
  /** At most {@linkcode MAX_NOTICE_BYTES}. The state machine that the notice is for reads it. */
  readonly body: Bytes;
}

/** A message in a pair frame. */
export type PairMessage = LineMessage | GrantMessage | GoneMessage | NoticeMessage;

/** A message whose kind, or whose stream, the reader does not know. */
export interface UnknownMessage {
  readonly kind: "unknown";
}

/** A message that was read from a pair frame. */
export type OpenedMessage = PairMessage | UnknownMessage;

const UNKNOWN: UnknownMessage = { kind: "unknown" };
/** The bytes of a message's kind and length. */
const HEADER_BYTES = 4;

/** The bytes that a text adds to a frame. */
export const TEXT_OVERHEAD_BYTES = HEADER_BYTES + 6;
/** The bytes that a line adds to a frame. */
export const LINE_OVERHEAD_BYTES = HEADER_BYTES + LINE.length;

/** Takes the place of what stands before a text, until all texts are encoded. */
const TEXT_HEADER = "\0".repeat(TEXT_OVERHEAD_BYTES);

/** Encodes the plaintext of a sealed frame. The texts have consecutive numbers. */
export function encodeTexts(texts: readonly Omit<TextMessage, "kind">[]): Bytes {
  // A frame may have a thousand texts: one call encodes them all.
  let joined = "";
  for (const { text } of texts) joined += TEXT_HEADER + text;
  const encoded = utf8(joined);
  const isAscii = encoded.length === joined.length;
  const plaintext = new Uint8Array(paddedLength(encoded.length));
  plaintext.set(encoded);
  const view = new DataView(plaintext.buffer);
  let at = 0;
  for (const { time, text } of texts) {
    const length = isAscii ? text.length : utf8Length(text);
    view.setUint32(at, MESSAGE.text << 24 | 6 + length);
    view.setUint16(at + 4, Math.floor(time / 0x1_0000_0000));
    view.setUint32(at + 6, time);
    at += TEXT_OVERHEAD_BYTES + length;
  }
  return plaintext;
}

/** Encodes the plaintext of a pair frame. */
export function encodeMessages(messages: readonly PairMessage[]): Bytes {
  const writer = new ByteWriter(256);
  for (const message of messages) encodeMessage(writer, message);
  return messages.length === 0 ? new Uint8Array(0) : pad(writer);
}

function encodeMessage(writer: ByteWriter, message: PairMessage): void {
  switch (message.kind) {
    case "line": {
      const text = utf8(message.text);
      LINE.write(writer.u8(MESSAGE.line).u24(LINE.length + text.length), message).raw(text);
      return;
    }
    case "grant":
      GRANT.write(writer.u8(MESSAGE.grant).u24(GRANT.length), message);
      return;
    case "gone":
      GONE.write(writer.u8(MESSAGE.gone).u24(GONE.length), message);
      return;
    case "notice": {
      const { notice, body } = message;
      checkNotice(body);
      writer.u8(MESSAGE[notice]).u24(body.length).raw(body);
    }
  }
}

/**
 * Checks the length of a notice's body.
 *
 * @throws {MalformedError} If it is longer than {@linkcode MAX_NOTICE_BYTES}.
 */
export function checkNotice({ length }: Bytes): void {
  if (length <= MAX_NOTICE_BYTES) return;
  throw new MalformedError(`a notice has ${length} bytes, more than ${MAX_NOTICE_BYTES}`);
}

/** Appends zeros up to the padded length. */
function pad(writer: ByteWriter): Bytes {
  const { length } = writer;
  const padded = paddedLength(length);
  return padded === length ? writer.finish() : writer.raw(new Uint8Array(padded - length)).finish();
}

/**
 * Returns the length of a plaintext with its padding: a multiple of 32 bytes up to 256, and by Padmé above (Nikitin and
 * others, "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", 2019).
 */
export function paddedLength(length: number): number {
  if (length <= 256) return Math.max(32, Math.ceil(length / 32) * 32);
  const exponent = Math.floor(Math.log2(length));
  const free = exponent - (Math.floor(Math.log2(exponent)) + 1);
  return Math.ceil(length / 2 ** free) * 2 ** free;
}

/** The most plaintext that a frame carries, in bytes. It leaves room for the headers, a tag and a signature. */
export const MAX_PLAINTEXT_BYTES: number = BOUND.frame - 1024;

/**
 * Reads the plaintext of a sealed frame.
 *
 * @returns The messages in order: at least one. Each takes one number.
 * @throws {MalformedError} If the plaintext is not well-formed.
 */
export function readTexts(plaintext: Bytes): (TextMessage | UnknownMessage)[] {
  const messages = readMessages<TextMessage | UnknownMessage>(plaintext, (kind, body) => {
    if (PAIR_KINDS.has(kind)) throw new MalformedError(`a sealed frame has a message ${kind}`);
    if (kind !== MESSAGE.text) return UNKNOWN;
    const reader = new ByteReader(body);
    return { kind: "text", time: reader.u48(), text: readText(reader) };
  });
  if (messages.length === 0) throw new MalformedError("a sealed frame has no message");
  return messages;
}

/**
 * Reads the plaintext of a pair frame. It contains one grant at most: each costs its reader more than the frame.
 *
 * @throws {MalformedError} If the plaintext is not well-formed.
 */
export function readPairMessages(plaintext: Bytes): OpenedMessage[] {
  let grants = 0;
  return readMessages<OpenedMessage>(plaintext, (kind, body) => {
    if (kind === MESSAGE.line) return readWhole(body, readLine);
    if (kind === MESSAGE.grant) {
      if (grants++ > 0) throw new MalformedError("a pair frame has more than one grant");
      return readWhole(body, readGrant);
    }
    if (kind === MESSAGE.gone) return readWhole(body, readGone);
    if (kind === MESSAGE.text) throw new MalformedError("a pair frame has a text without a number");
    const notice = NOTICES.find((one) => MESSAGE[one] === kind);
    return notice === undefined ? UNKNOWN : readNotice(notice, body);
  });
}

function readMessages<T>(plaintext: Bytes, read: (kind: number, body: Bytes) => T): T[] {
  const reader = new ByteReader(plaintext);
  const messages: T[] = [];
  while (reader.left > 0) {
    const kind = reader.u8();
    if (kind === MESSAGE.end) {
      for (const byte of reader.raw(reader.left)) {
        if (byte !== 0) throw new MalformedError("the padding of a plaintext is not zero");
      }
      break;
    }
    if (messages.length === MAX_MESSAGES) {
      throw new MalformedError(`a frame has more than ${MAX_MESSAGES} messages`);
    }
    messages.push(read(kind, reader.raw(reader.u24())));
  }
  return messages;
}

function readLine(reader: ByteReader): OpenedMessage {
  const line = LINE.read(reader);
  const { stream, number, last } = line;
  if (last >= number) throw new MalformedError("the numbers of a line do not rise");
  const text = readText(reader);
  return isStream(stream) ? { kind: "line", ...line, stream, text } : UNKNOWN;
}

function readGrant(reader: ByteReader): GrantMessage {
  const grant = GRANT.read(reader);
  if (grant.last >= grant.next) throw new MalformedError("the numbers of a grant do not rise");
  return { kind: "grant", ...grant, key: grant.key.slice() };
}

function readGone(reader: ByteReader): OpenedMessage {
  const { stream, number } = GONE.read(reader);
  return isStream(stream) ? { kind: "gone", stream, number } : UNKNOWN;
}

function readNotice(notice: Notice, body: Bytes): NoticeMessage {
  checkNotice(body);
  return { kind: "notice", notice, body: body.slice() };
}

/** Whether a stream is known. */
function isStream(stream: number): stream is Stream {
  return stream === STREAM.group || stream === STREAM.private;
}

function readText(reader: ByteReader): string {
  const length = reader.left;
  if (length === 0 || length > MAX_TEXT_BYTES) {
    throw new MalformedError(`a text has ${length} bytes, not 1 to ${MAX_TEXT_BYTES}`);
  }
  return fromUtf8(reader.raw(length));
}

// Receipts.

const PROGRESS = new Layout({
  stream: "u8",
  /** Every message up to this number that is addressed to the recipient has been taken. */
  through: "u48",
  /** The highest number that the recipient knows of. */
  seen: "u48",
  /** The highest number that was withheld from the recipient's person; 0 if none was. */
  withheld: "u48",
});

/** What a recipient has taken of one stream of a speaker. */
export interface Progress extends Laid<typeof PROGRESS> {
  readonly stream: Stream;
}

/** The bytes of one stream in a receipt. */
export const PROGRESS_BYTES: number = PROGRESS.length;

/** Encodes the plaintext of a receipt. */
export function encodeReceipt(streams: readonly Progress[]): Bytes {
  const writer = new ByteWriter(PROGRESS_BYTES * streams.length);
  for (const progress of streams) PROGRESS.write(writer, progress);
  return writer.finish();
}

/** Reads the plaintext of a receipt. It skips streams that it does not know. */
export function readReceipt(plaintext: Bytes): Progress[] {
  return readWhole(plaintext, (reader) => {
    const streams: Progress[] = [];
    while (reader.left > 0) {
      const progress = PROGRESS.read(reader);
      const { stream, through, seen, withheld } = progress;
      if (Math.max(through, withheld) > seen) {
        throw new MalformedError("a receipt has taken or withheld more than it has seen");
      }
      if (isStream(stream)) streams.push({ ...progress, stream });
    }
    return streams;
  });
}

/**
 * Makes the ids of one sender's messages.
 *
 * @param sender The sender's hash; half of it tells members apart.
 * @param recipient The recipient's hash for private messages; undefined for the group.
 * @returns A function from a message's number to its id.
 */
export function messageIds(sender: Bytes, recipient?: Bytes): (number: number) => string {
  const whose = recipient === undefined ? short(sender) : `${short(sender)}.${short(recipient)}`;
  const prefix = `${whose}.`;
  return (number) => prefix + number;
}

function short(member: Bytes): string {
  return member.subarray(0, 16).toBase64({ alphabet: "base64url", omitPadding: true });
}
