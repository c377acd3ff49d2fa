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
import { type Bytes, ByteWriter, MalformedError, mapKey, utf8 } from "../../lib/base/bytes.ts";
import { WireReader } from "../../lib/chat/app/wire_dump.ts";
import { checkCredential, CredentialError } from "../../lib/chat/identity/credential.ts";
import { readRenewal } from "../../lib/chat/identity/renewal.ts";
import * as wire from "../../lib/chat/wire/control.ts";
import {
  encodeKeyBody,
  encodeKeyHeader,
  encodeProgressBody,
  encodeSealedHeader,
  encodeSigned,
  encodeTexts,
  readKeyFrame,
  readProgressFrame,
  readSealedFrame,
  readTexts,
  sealedAddress,
} from "../../lib/chat/wire/envelope.ts";
import {
  encodeFrame,
  FRAME_HEADER_BYTES,
  FrameError,
  FrameReader,
} from "../../lib/chat/wire/frame.ts";
import {
  BOUND,
  KIND,
  kindName,
  memberBound,
  readGreeting,
  relayBound,
} from "../../lib/chat/wire/kinds.ts";
import vectors from "../vectors/chat.json" with { type: "json" };
import { anyBytes, nearly } from "./arbitraries.ts";
import { asyncTarget, type Target, target } from "./target.ts";

/** Whole frames of every kind, from the protocol's vectors. */
const FRAMES: readonly Bytes[] = Object.values(vectors.frames).map((hex) => decodeHex(hex));
const GREETING: Bytes = decodeHex(vectors.greeting);

/** The readers of payloads, and, where the form is exact, what writes the same bytes again. */
const PAYLOADS: Readonly<Record<number, (payload: Bytes) => Bytes | void>> = {
  [KIND.challenge]: (payload) => wire.encodeChallenge(wire.readChallenge(payload)),
  [KIND.join]: (payload) => wire.encodeJoin(wire.readJoin(payload)),
  [KIND.roster]: (payload) => {
    const { number, last, listings } = wire.readRosterPage(payload);
    // Whatever is not 0 says that a page is the last.
    assertEquals(last, payload[8] !== 0);
    const writer = new ByteWriter().u64(number).u8(payload[8]!).u16(listings.length);
    for (const listing of listings) writer.raw(wire.encodeListing(listing));
    return encodeFrame(KIND.roster, writer.finish());
  },
  [KIND.joined]: (payload) => wire.encodeJoined(wire.readJoined(payload)),
  [KIND.left]: (payload) => wire.encodeLeft(wire.readLeft(payload)),
  [KIND.audience]: (payload) => {
    const { id, members } = wire.readAudience(payload);
    return wire.encodeAudience(id, members);
  },
  ...Object.fromEntries(
    [KIND.ack, KIND.accepted, KIND.delivered, KIND.resumed].map((kind) => [
      kind,
      (payload: Bytes) => wire.encodeCount(kind, wire.readCount(payload)),
    ]),
  ),
  [KIND.renew]: (payload) => {
    readRenewal(payload);
    return wire.encodeRenew(payload);
  },
  [KIND.bye]: (payload) => wire.encodeBye(wire.readBye(payload)),
  [KIND.resume]: (payload) => wire.encodeResume(wire.readResume(payload)),
  [KIND.away]: (payload) => wire.encodePresence(KIND.away, wire.readPresence(payload)),
  [KIND.back]: (payload) => wire.encodePresence(KIND.back, wire.readPresence(payload)),
  [KIND.progress]: (payload) => {
    const frame = readProgressFrame(payload);
    assertEquals(frame.signed, encodeProgressBody(frame));
    return encodeSigned(KIND.progress, frame.signed, frame.signature);
  },
  [KIND.key]: (payload) => {
    const { header, headerBytes, wrappedPairwise, use, box, signed, signature } = readKeyFrame(
      payload,
    );
    assertEquals(headerBytes, encodeKeyHeader(header));
    assertEquals(signed, encodeKeyBody(headerBytes, wrappedPairwise, use, box));
    return encodeSigned(KIND.key, signed, signature);
  },
  [KIND.sealed]: (payload) => {
    const { header, headerBytes, ciphertext, signed, signature } = readSealedFrame(payload);
    assertEquals(headerBytes, encodeSealedHeader(header));
    assertEquals(signed, concat([headerBytes, ciphertext]));
    return encodeSigned(KIND.sealed, signed, signature);
  },
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

function payloadTarget([key, read]: [string, (payload: Bytes) => Bytes | void]): Target {
  const kind = Number(key);
  const samples = FRAMES.filter((frame) => frame[4] === kind)
    .map((frame) => frame.slice(FRAME_HEADER_BYTES));
  return target(kindName(kind), () => nearly(samples), (payload) => {
    const again = reads(() => read(payload));
    if (again instanceof Uint8Array) assertEquals(again, encodeFrame(kind, payload));
  });
}

/** A stream of frames, some of them changed, and the places where it is torn. */
const STREAMS = () =>
  fc.record({
    frames: fc.array(nearly(FRAMES, 20), { minLength: 1, maxLength: 6 }),
    tears: fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 12 }),
    relay: fc.boolean(),
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
  target("frame", STREAMS, ({ frames, tears, relay }) => {
    const stream = concat(frames);
    const bound = relay ? relayBound : memberBound;
    assertEquals(framesOf(torn(stream, tears), bound), framesOf([stream], bound));
  }),
  target("greeting", () => nearly([GREETING, utf8("parley\x02\x01\x02")], 30), (bytes) => {
    const whole = readGreeting(bytes);
    for (let length = 0; length < bytes.length; length++) {
      const { state } = readGreeting(bytes.subarray(0, length));
      // What is foreign stays so; what is whole is read from its own bytes alone.
      if (state === "foreign") assertEquals(whole.state, "foreign");
      if (state === "whole") assertEquals(whole.state, "whole");
    }
    if (whole.state === "whole") assert(whole.length <= bytes.length);
  }),
  ...Object.entries(PAYLOADS).map(payloadTarget),
  target(
    "sealed-address",
    () => nearly(FRAMES.filter((frame) => frame[4] === KIND.sealed).map((f) => f.slice(5))),
    (payload) => {
      const address = reads(() => sealedAddress(payload));
      const frame = reads(() => readSealedFrame(payload));
      // The relay's short cut takes what the members take, and nothing else: that would end all of them.
      assertEquals(address === undefined, frame === undefined);
      if (address !== undefined && frame !== undefined) {
        assertEquals(address.sender, mapKey(frame.header.sender));
        assertEquals(address.audience, frame.header.audience);
        assertEquals(address.newest, frame.header.newest);
      }
    },
  ),
  target(
    "texts",
    () => {
      const texts = vectors.texts.map((one) => ({ ...one, text: utf8(one.text) }));
      return nearly([encodeTexts(texts), encodeTexts(texts.slice(0, 1))]);
    },
    (plaintext) => {
      const texts = reads(() => readTexts(plaintext));
      for (const { text } of texts ?? []) assert(text.length > 0);
    },
  ),
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
