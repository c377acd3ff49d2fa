/**
 * Everything that reads what a network brought.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
// @ts-types="../../types/std.d.ts"
import { concat } from "@std/bytes/concat";
// @ts-types="../../types/std.d.ts"
import { decodeHex } from "@std/encoding/hex";
import fc from "fast-check";
import { type Bytes, MalformedError, mapKey } from "../../lib/base/bytes.ts";
import { WireReader } from "../../lib/chat/app/wire_dump.ts";
import {
  checkCredential,
  CredentialError,
  readRenewal,
} from "../../lib/chat/identity/credential.ts";
import {
  encodeMessages,
  encodeReceipt,
  encodeTexts,
  MAX_NOTICE_BYTES,
  NOTICES,
  type OpenedMessage,
  paddedLength,
  type PairMessage,
  readPairMessages,
  readReceipt,
  readTexts,
  STREAM,
  STREAMS,
} from "../../lib/chat/wire/content.ts";
import * as wire from "../../lib/chat/wire/control.ts";
import {
  encodeEntries,
  encodePair,
  encodeSealed,
  readEntries,
  readPair,
  readSealed,
  readSealedAddress,
} from "../../lib/chat/wire/envelope.ts";
import {
  encodeFrame,
  FRAME_HEADER_BYTES,
  FrameError,
  FrameReader,
} from "../../lib/chat/wire/frame.ts";
import {
  encodeHere,
  encodeLeavePayload,
  readHere,
  readLeavePayload,
} from "../../lib/chat/wire/history.ts";
import {
  encodeInvitationNotice,
  encodeProof,
  readInvitationNotice,
  readProof,
  relayStatement,
  verifyProof,
} from "../../lib/chat/wire/invitation.ts";
import {
  BOUND,
  encodeGreeting,
  isRoomName,
  KIND,
  kindName,
  memberBound,
  newcomerBound,
  readGreeting,
  REASONS,
  relayBound,
} from "../../lib/chat/wire/kinds.ts";
import { encodeWordsMessage, readWordsMessage } from "../../lib/chat/trust/words.ts";
import { encodeRosterPage } from "../chat/raw_frames.ts";
import vectors from "../vectors/chat.json" with { type: "json" };
import { anyBytes, nearly } from "./arbitraries.ts";
import { asyncTarget, type Target, target } from "./target.ts";

/** Whole frames of every kind, from the protocol's vectors. */
const FRAMES: readonly Bytes[] = Object.values(vectors.frames).map((hex) => decodeHex(hex));
const GREETING: Bytes = decodeHex(vectors.greeting);

/** Reads entries, and writes them again: a payload within its bound takes one frame. */
function entriesAgain(kind: number): (payload: Bytes) => Bytes {
  return (payload) => concat(encodeEntries(kind, readEntries(payload)));
}

function memberAgain(kind: number): (payload: Bytes) => Bytes {
  return (payload) => wire.encodeMember(kind, wire.readMember(payload));
}

function countAgain(kind: number): (payload: Bytes) => Bytes {
  return (payload) => wire.encodeCount(kind, wire.readCount(payload));
}

/** The readers of payloads, and, where the form is exact, what writes the same bytes again. */
const PAYLOADS: Readonly<Record<number, (payload: Bytes) => Bytes | void>> = {
  [KIND.challenge]: (payload) =>
    encodeFrame(KIND.challenge, wire.encodeChallengePayload(wire.readChallenge(payload))),
  [KIND.join]: (payload) => {
    const join = wire.readJoin(payload);
    assertEquals(wire.encodeJoinRequest(join), join.signed);
    return wire.encodeProven(KIND.join, join.signed, join.proof);
  },
  [KIND.resume]: (payload) => {
    const { signed, proof, ...request } = wire.readResume(payload);
    assertEquals(signed, wire.encodeResumeRequest(request));
    return wire.encodeProven(KIND.resume, signed, proof);
  },
  [KIND.roster]: (payload) => {
    const { listings, ...page } = wire.readRosterPage(payload);
    const again = encodeRosterPage(page, listings.map(wire.encodeListing));
    // Whatever is not 0 says that a page is the last.
    const lastAt = 68;
    assertEquals(page.last, payload[lastAt] !== 0);
    again[FRAME_HEADER_BYTES + lastAt] = payload[lastAt]!;
    return again;
  },
  [KIND.joined]: (payload) => wire.encodeJoined(wire.readJoined(payload)),
  [KIND.left]: (payload) => wire.encodeLeft(wire.readLeft(payload)),
  [KIND.leave]: (payload) => {
    const statement = readLeavePayload(payload);
    if (statement === undefined) return wire.encodeEmpty(KIND.leave);
    return encodeFrame(KIND.leave, encodeLeavePayload(statement));
  },
  [KIND.here]: (payload) => encodeHere(readHere(payload)),
  [KIND.route]: (payload) => wire.encodeRoute(wire.readRoute(payload)),
  [KIND.ack]: countAgain(KIND.ack),
  [KIND.accepted]: countAgain(KIND.accepted),
  [KIND.resumed]: countAgain(KIND.resumed),
  [KIND.away]: memberAgain(KIND.away),
  [KIND.back]: memberAgain(KIND.back),
  [KIND.rejoin]: memberAgain(KIND.rejoin),
  [KIND.behind]: (payload) => wire.encodeBehind(wire.readBehind(payload)),
  [KIND.renew]: (payload) => {
    readRenewal(payload);
    return wire.encodeRenew(payload);
  },
  [KIND.bye]: (payload) => wire.encodeBye(wire.readBye(payload)),
  [KIND.sealed]: (payload) => encodeSealed(readSealed(payload)),
  [KIND.pair]: (payload) => encodePair(readPair(payload)),
  [KIND.receipt]: entriesAgain(KIND.receipt),
  [KIND.ask]: entriesAgain(KIND.ask),
};

/** Runs a reader: whatever is not well-formed is a {@linkcode MalformedError}, and nothing else is thrown. */
function reads<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

function payloadsOf(kind: number): Bytes[] {
  return FRAMES.filter((frame) => frame[4] === kind)
    .map((frame) => frame.slice(FRAME_HEADER_BYTES));
}

function payloadTarget([key, read]: [string, (payload: Bytes) => Bytes | void]): Target {
  const kind = Number(key);
  return target(kindName(kind), () => nearly(payloadsOf(kind)), (payload) => {
    const again = reads(() => read(payload));
    if (again instanceof Uint8Array) assertEquals(again, encodeFrame(kind, payload));
  });
}

/** Compares what was written again with what was read: the same, but for the padding. */
function assertAgain(again: Bytes, plaintext: Bytes): void {
  const length = Math.min(again.length, plaintext.length);
  assertEquals(again.subarray(0, length), plaintext.subarray(0, length));
  for (const rest of [again, plaintext]) assert(rest.subarray(length).every((byte) => byte === 0));
}

/** A message as it is encoded; nothing for one that is not known. */
function toEncode(message: OpenedMessage): PairMessage[] {
  return message.kind === "unknown" ? [] : [message];
}

const TEXTS: Bytes = decodeHex(vectors.texts.plaintext);
const MESSAGES: Bytes = decodeHex(vectors.messages.plaintext);
const NOTICE: PairMessage = {
  kind: "notice",
  notice: "invitation",
  body: decodeHex(vectors.invitation.proof),
};
const GONE: PairMessage = { kind: "gone", stream: STREAM.private, number: 7 };

const U48 = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const WORDS = fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 });
const STREAM_NUMBER = fc.constantFrom(...STREAMS);
const TEXT = fc.record({ kind: fc.constant("text" as const), time: U48, text: WORDS });
/** Two numbers that rise. */
const RISING = fc.tuple(U48, U48).filter(([one, other]) => one !== other)
  .map((pair) => [Math.min(...pair), Math.max(...pair)] as const);
const PAIR_MESSAGE: fc.Arbitrary<OpenedMessage> = fc.oneof(
  fc.tuple(STREAM_NUMBER, RISING, U48, WORDS).map(([stream, [last, number], time, text]) => (
    { kind: "line" as const, stream, number, last, time, text }
  )),
  fc.tuple(fc.nat(0xffffffff), fc.nat(0xffff), anyKey(), RISING).map((
    [chain, step, key, [last, next]],
  ) => ({ kind: "grant" as const, chain, step, key, next, last })),
  fc.record({ kind: fc.constant("gone" as const), stream: STREAM_NUMBER, number: U48 }),
  fc.record({
    kind: fc.constant("notice" as const),
    notice: fc.constantFrom(...NOTICES),
    body: anyBytes(MAX_NOTICE_BYTES),
  }),
);

function anyKey(): fc.Arbitrary<Bytes> {
  return fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => new Uint8Array(bytes));
}

/** A stream of frames, some of them changed, and the places where it is torn. */
const TORN_STREAMS = () =>
  fc.record({
    frames: fc.array(nearly(FRAMES, 20), { minLength: 1, maxLength: 6 }),
    tears: fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 12 }),
    bound: fc.constantFrom(relayBound, memberBound, newcomerBound),
  });

/** What a reader makes of pieces: the frames, and the code of the error that ended it. */
function framesOf(pieces: readonly Bytes[], bound: (kind: number) => number | undefined): string[] {
  const reader = new FrameReader(bound);
  const found: string[] = [];
  try {
    for (const piece of pieces) {
      for (const { bytes } of reader.push(piece.slice())) found.push(mapKey(bytes));
      assert(reader.held <= FRAME_HEADER_BYTES + BOUND.frame);
    }
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    found.push(error.code);
  }
  return found;
}

function torn(bytes: Bytes, tears: readonly number[]): Bytes[] {
  const pieces: Bytes[] = [];
  let rest = bytes;
  for (const length of tears) {
    pieces.push(rest.subarray(0, length));
    rest = rest.subarray(length);
  }
  return [...pieces, rest];
}

/** Everything that reads bytes of the network. */
export const WIRE_TARGETS: readonly Target[] = [
  target("frame", TORN_STREAMS, ({ frames, tears, bound }) => {
    const stream = concat(frames);
    assertEquals(framesOf(torn(stream, tears), bound), framesOf([stream], bound));
  }),
  target("greeting", () => nearly([GREETING, encodeGreeting("", [1, 2])], 90), (bytes) => {
    const whole = readGreeting(bytes);
    for (let length = 0; length < bytes.length; length++) {
      const { state } = readGreeting(bytes.subarray(0, length));
      // What is foreign stays so; what is whole is read from its own bytes alone.
      if (state === "foreign") assertEquals(whole.state, "foreign");
      if (state === "whole") assertEquals(whole.state, "whole");
    }
    if (whole.state !== "whole") return;
    const { roomName, versions, length } = whole;
    assert(length <= bytes.length);
    if (roomName === undefined) return;
    assert(isRoomName(roomName));
    assertEquals(encodeGreeting(roomName, versions), bytes.slice(0, length));
  }),
  ...Object.entries(PAYLOADS).map(payloadTarget),
  target(
    "sealed-address",
    () => nearly(payloadsOf(KIND.sealed)),
    (payload) => {
      const address = reads(() => readSealedAddress(payload));
      const frame = reads(() => readSealed(payload));
      // The relay takes what the members take, and nothing else: that would end all of them.
      assertEquals(address === undefined, frame === undefined);
      if (address === undefined || frame === undefined) return;
      const { sender, route, number, version } = frame.header;
      assertEquals(address, { sender, route, number, version });
    },
  ),
  target(
    "texts",
    () => nearly([TEXTS, encodeTexts([{ time: 1, text: "a" }])]),
    (plaintext) => {
      const texts = reads(() => readTexts(plaintext));
      if (texts === undefined) return;
      assert(texts.length > 0);
      const known = texts.filter((one) => one.kind === "text");
      if (known.length < texts.length) return;
      assertAgain(encodeTexts(known), plaintext);
    },
  ),
  target("encoded-texts", () => fc.array(TEXT, { minLength: 1, maxLength: 6 }), (texts) => {
    const plaintext = encodeTexts(texts);
    assertEquals(plaintext.length, paddedLength(plaintext.length));
    assertEquals(readTexts(plaintext), texts);
  }),
  target("pair-messages", () => nearly([MESSAGES, encodeMessages([GONE, NOTICE])]), (plaintext) => {
    const messages = reads(() => readPairMessages(plaintext));
    const known = messages?.flatMap(toEncode);
    if (known === undefined || known.length < messages!.length) return;
    assertAgain(encodeMessages(known), plaintext);
  }),
  target("encoded-messages", () => fc.array(PAIR_MESSAGE, { maxLength: 6 }), (messages) => {
    const plaintext = encodeMessages(messages.flatMap(toEncode));
    const grants = messages.filter(({ kind }) => kind === "grant").length;
    const read = reads(() => readPairMessages(plaintext));
    assertEquals(read, grants > 1 ? undefined : messages);
  }),
  target("receipt-content", () => nearly([decodeHex(vectors.receipt.plaintext)]), (plaintext) => {
    const receipt = reads(() => readReceipt(plaintext));
    if (receipt === undefined) return;
    for (const { through, seen, withheld } of receipt) assert(Math.max(through, withheld) <= seen);
    const again = encodeReceipt(receipt);
    // Streams that are not known are passed over.
    if (again.length === plaintext.length) assertEquals(again, plaintext);
    else assertEquals(readReceipt(again), receipt);
  }),
  target(
    "invitation-notice",
    () =>
      nearly([vectors.invitation.proof, vectors.invitation.answer].map((hex) => decodeHex(hex))),
    (body) => {
      const notice = reads(() => readInvitationNotice(body));
      if (notice !== undefined) assertEquals(encodeInvitationNotice(notice), body);
    },
  ),
  asyncTarget(
    "invitation-proof",
    () => nearly([decodeHex(vectors.invitation.joinProof)], 100),
    async (bytes) => {
      const proof = reads(() => readProof(bytes));
      if (proof === undefined) return;
      assertEquals(encodeProof(proof), bytes);
      const transcript = decodeHex(vectors.transcript);
      const guest = decodeHex(vectors.members[1]!.member);
      const isOriginal = mapKey(bytes) === mapKey(decodeHex(vectors.invitation.joinProof));
      assertEquals(
        await verifyProof(proof, relayStatement(transcript.slice(), guest.slice())),
        isOriginal,
      );
    },
  ),
  target(
    "words-message",
    () => nearly(Object.values(vectors.words.messages).map((hex) => decodeHex(hex))),
    (body) => {
      const message = readWordsMessage(body);
      if (message !== undefined) assertEquals(encodeWordsMessage(message), body);
    },
  ),
  target("reason", () => anyBytes(3), (bytes) => {
    const reason = reads(() => wire.readBye(bytes));
    if (reason !== undefined) assertEquals([...bytes], [REASONS[reason].number]);
  }),
  asyncTarget(
    "credential",
    () => nearly(vectors.members.map(({ credential }) => decodeHex(credential))),
    async (bytes) => {
      const original = vectors.members.some(({ credential }) =>
        credential === [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")
      );
      try {
        await checkCredential(bytes, vectors.expiresAt - 1000);
        assert(original, "a changed credential holds");
      } catch (error) {
        if (!(error instanceof CredentialError)) throw error;
        assert(!original, error.message);
      }
    },
  ),
  target(
    "wire-dump",
    () => fc.array(nearly([GREETING, ...FRAMES], 100), { maxLength: 4 }),
    (pieces) => {
      const reader = new WireReader(() => {}, "sent");
      reader.see("sent", GREETING.slice());
      for (const [i, piece] of pieces.entries()) {
        reader.see(i % 2 === 0 ? "sent" : "received", piece);
      }
    },
  ),
  target(
    "any-frame",
    () => fc.tuple(fc.integer({ min: 0, max: 255 }), anyBytes(200)),
    ([kind, payload]) => {
      for (const read of Object.values(PAYLOADS)) reads(() => read(payload));
      const whole = encodeFrame(kind, payload);
      assertEquals(framesOf([whole], () => BOUND.frame), [mapKey(whole)]);
    },
  ),
];
