/**
 * What ends a member's session: what answers without being a relay of this protocol, or breaks it.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Bytes, MalformedError } from "../../../lib/base/bytes.ts";
import { MIN_CREDENTIAL_BYTES, NO_RENEWAL } from "../../../lib/chat/identity/credential.ts";
import { type Admitted, RosterPages } from "../../../lib/chat/member/connection.ts";
import { RosterPages as SentPages } from "../../../lib/chat/relay/member.ts";
import { encodeCount } from "../../../lib/chat/wire/control.ts";
import { encodeFrame, FRAME_HEADER_BYTES, FrameReader } from "../../../lib/chat/wire/frame.ts";
import { KIND, PROTOCOL_VERSION, relayBound } from "../../../lib/chat/wire/kinds.ts";
import { credentialOf, type Tamper, TestRoom, until } from "../room.ts";
import { endingOf, once } from "../tampering.ts";

Deno.test("a relay that acknowledges more than was sent, or less than before, is reported", async () => {
  for (const counts of [[1000], [1, 0]]) {
    const room = new TestRoom();
    const lies = counts.map((count) => encodeCount(KIND.accepted, count));
    // Ada has said `here`, which is counted.
    const ada = await room.join("ada", once(KIND.joined, 1, (bytes) => [bytes, ...lies]));
    await room.join("bo");
    await until(() => endingOf(ada) !== undefined, "ada has ended");
    assertEquals(endingOf(ada), "BAD_RELAY");
  }
});

Deno.test("a frame with a place elsewhere, or of no kind, ends the session", async () => {
  for (
    const frame of [
      encodeFrame(KIND.challenge, new Uint8Array(65)),
      encodeFrame(0x7f, new Uint8Array(3)),
    ]
  ) {
    const room = new TestRoom();
    const ada = await room.join("ada", once(KIND.joined, 1, (bytes) => [bytes, frame]));
    await room.join("bo");
    await until(() => endingOf(ada) !== undefined, "ada has ended");
    assertEquals(endingOf(ada), "BAD_RELAY");
  }
});

Deno.test("a server that answers and is not a relay is reported as such", async () => {
  const room = new TestRoom();
  const http = new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n");
  const ada = await room.enter("ada", once(KIND.challenge, 1, () => [http]));
  await until(() => endingOf(ada) !== undefined, "ada has ended");
  assertEquals(endingOf(ada), "NOT_A_RELAY");
});

Deno.test("a relay that challenges twice, or in another version, ends the session by it", async () => {
  const lies: Tamper[] = [
    once(KIND.challenge, 1, (bytes) => [bytes, bytes]),
    once(KIND.challenge, 1, (bytes) => {
      const changed = bytes.slice();
      changed[FRAME_HEADER_BYTES] = PROTOCOL_VERSION - 1;
      return [changed];
    }),
  ];
  for (const [i, lie] of lies.entries()) {
    const room = new TestRoom();
    const ada = await room.enter("ada", lie);
    await until(() => endingOf(ada) !== undefined, "ada has ended");
    assertEquals(endingOf(ada), ["BAD_RELAY", "NOT_A_RELAY"][i]);
  }
});

/** The payloads of a roster's pages. */
function pagesOf(
  version: number,
  numbers: readonly number[],
  context = new Uint8Array(32),
  length = MIN_CREDENTIAL_BYTES,
  room = new Uint8Array(32),
) {
  const listings = numbers.map((number) => ({
    number,
    credential: new Uint8Array(length),
    renewal: NO_RENEWAL,
  }));
  const pieces = new SentPages(listings).snapshot(room, version)(context);
  const reader = new FrameReader(relayBound);
  return pieces.flatMap((piece) => [...reader.push(piece)].map(({ payload }) => payload.slice()));
}

/** Takes the pages of a roster. */
function take(pages: readonly Bytes[]): Admitted | undefined {
  const roster = new RosterPages();
  return pages.map((page) => roster.add(page)).at(-1);
}

function upTo(length: number): number[] {
  return Array.from({ length }, (_, i) => i + 1);
}

Deno.test("a roster in a frame of another kind is not taken", async () => {
  const room = new TestRoom();
  const ada = await room.enter(
    "ada",
    once(KIND.roster, 1, (bytes) => [encodeFrame(KIND.sealed, bytes.subarray(5))]),
  );
  await until(() => endingOf(ada) !== undefined, "ada has ended");
  assertEquals(endingOf(ada), "BAD_RELAY");
});

Deno.test("a roster out of order, or without an end, is not taken", () => {
  const whole = take(pagesOf(10_000, upTo(10_000)));
  assertEquals([whole?.listings.length, whole?.number], [10_000, 10_001]);
  assertThrows(() => take(pagesOf(10_001, upTo(10_001))), MalformedError, "more than 10000");
  for (const numbers of [[1, 3, 2], [2, 2], [1, 5], [6], [0]]) {
    assertThrows(() => take(pagesOf(4, numbers)), MalformedError, "order of joining", `${numbers}`);
  }
});

Deno.test("a listing that is shorter than any credential is not taken", async () => {
  const { bytes } = await credentialOf("a", 0, Date.now);
  assertEquals(bytes.length, MIN_CREDENTIAL_BYTES);
  const short = () => take(pagesOf(4, [1], undefined, MIN_CREDENTIAL_BYTES - 1));
  assertThrows(short, MalformedError, "fewer than 960");
});

Deno.test("a roster whose version leaves no number for its newcomer is not taken", () => {
  assertEquals(take(pagesOf(0xffff_fffe, [1]))?.number, 0xffff_ffff);
  assertThrows(() => take(pagesOf(0xffff_ffff, [1])), MalformedError, "no version left");
});

Deno.test("a roster whose pages are of two rosters is not taken", () => {
  const [first] = pagesOf(10_000, upTo(10_000));
  const tail = (version: number, context?: Bytes, room?: Bytes) =>
    pagesOf(version, upTo(version).slice(-1), context, undefined, room);
  const one = new Uint8Array(32).fill(1);
  assert(take([first!, ...tail(10_000)]) !== undefined);
  const others = [tail(10_001), tail(10_000, one), tail(10_000, undefined, one)];
  for (const other of others) {
    assertThrows(() => take([first!, ...other]), MalformedError, "between its pages");
  }
});

Deno.test("a relay that never answers is given up", async () => {
  const room = new TestRoom();
  const ada = await room.enter("ada", () => []);
  await room.pass(9_999);
  assertEquals(endingOf(ada), undefined);
  await room.pass(1);
  assertEquals(endingOf(ada), "NO_ANSWER");
});
