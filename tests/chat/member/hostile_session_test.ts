/**
 * What ends a member's session: what answers without being a relay of this protocol, or breaks it.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Bytes, MalformedError } from "../../../lib/base/bytes.ts";
import { NO_RENEWAL } from "../../../lib/chat/identity/renewal.ts";
import { Admission } from "../../../lib/chat/member/connection.ts";
import { RosterPages } from "../../../lib/chat/relay/fan_out.ts";
import { encodeChallenge, encodeCount } from "../../../lib/chat/wire/control.ts";
import { encodeFrame, FRAME_HEADER_BYTES, FrameReader } from "../../../lib/chat/wire/frame.ts";
import { KIND, relayBound } from "../../../lib/chat/wire/kinds.ts";
import { type Tamper, TestRoom, until } from "../room.ts";
import { endingOf, once } from "../tampering.ts";

for (const kind of [KIND.accepted, KIND.delivered]) {
  Deno.test(`a relay that says that more was ${kind === KIND.accepted ? "accepted" : "delivered"} than was sent is told`, async () => {
    const room = new TestRoom();
    const lie = (bytes: Bytes) => [bytes, encodeCount(kind, 1000)];
    const ada = await room.join("ada", once(KIND.joined, 1, lie));
    await room.join("bo");
    await until(() => endingOf(ada) !== undefined, "ada has ended");
    assertEquals(endingOf(ada), "BAD_RELAY");
  });
}

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

Deno.test("what answers without being a relay is told so", async () => {
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
      changed[FRAME_HEADER_BYTES] = 2;
      return [changed];
    }),
  ];
  for (const lie of lies) {
    const room = new TestRoom();
    const ada = await room.enter("ada", lie);
    await until(() => endingOf(ada) !== undefined, "ada has ended");
    assert(["BAD_RELAY", "NOT_A_RELAY"].includes(endingOf(ada)!));
  }
});

Deno.test("a roster out of order, or without an end, is not taken", () => {
  const challenge = encodeChallenge({
    version: 1,
    room: new Uint8Array(32),
    nonce: new Uint8Array(32),
    graceMs: 0,
  });
  const listing = (number: number) => ({
    number,
    credential: new Uint8Array(1),
    presence: new Uint8Array(64),
    renewal: NO_RENEWAL,
  });
  const take = (own: number, numbers: readonly number[]) => {
    const admission = new Admission();
    const reader = new FrameReader(relayBound);
    let step: ReturnType<Admission["take"]>;
    for (const piece of [challenge, ...new RosterPages(numbers.map(listing)).pages(own)]) {
      for (const frame of reader.push(piece)) step = admission.take(frame);
    }
    return step;
  };
  const count = (length: number) => Array.from({ length }, (_, i) => i + 1);
  const whole = take(10_001, count(10_000));
  assert(whole !== undefined && "listings" in whole);
  assertEquals(whole.listings.length, 10_000);
  assertThrows(() => take(10_002, count(10_001)), MalformedError, "more than 10000");
  for (const [own, numbers] of [[5, [1, 3, 2]], [5, [2, 2]], [5, [1, 5]], [5, [6]], [5, [0]]]) {
    const order = numbers as number[];
    assertThrows(() => take(own as number, order), MalformedError, "order of joining", `${order}`);
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
