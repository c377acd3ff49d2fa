/**
 * What ends a member's session: what answers without being a relay of this protocol, or breaks it.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Bytes, MalformedError } from "../../../lib/base/bytes.ts";
import { NO_RENEWAL } from "../../../lib/chat/identity/renewal.ts";
import { type Admitted, RosterPages } from "../../../lib/chat/member/connection.ts";
import { encodeCount, encodeListing, encodeRosterPage } from "../../../lib/chat/wire/control.ts";
import { encodeFrame, FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { type Tamper, TestRoom, until } from "../room.ts";
import { endingOf, once } from "../tampering.ts";

Deno.test("a relay that says that more was accepted than was sent is told", async () => {
  const room = new TestRoom();
  const lie = (bytes: Bytes) => [bytes, encodeCount(KIND.accepted, 1000)];
  const ada = await room.join("ada", once(KIND.joined, 1, lie));
  await room.join("bo");
  await until(() => endingOf(ada) !== undefined, "ada has ended");
  assertEquals(endingOf(ada), "BAD_RELAY");
});

Deno.test("a relay that says that less was accepted than before is told", async () => {
  const room = new TestRoom();
  const less = (bytes: Bytes) => [bytes, encodeCount(KIND.accepted, 0)];
  const ada = await room.join("ada", once(KIND.joined, 1, less));
  await room.join("bo");
  await until(() => endingOf(ada) !== undefined, "ada has ended");
  assertEquals(endingOf(ada), "BAD_RELAY");
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
      changed[FRAME_HEADER_BYTES] = 3;
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

/** Reads a roster of a version with pages of listings, and returns the own number and the number of listings. */
function read(version: number, ...pages: readonly (readonly number[])[]): number[] | undefined {
  const roster = new RosterPages();
  const place = { room: new Uint8Array(32), version, context: new Uint8Array(32) };
  let admitted: Admitted | undefined;
  pages.forEach((numbers, i) => {
    const page = { ...place, last: i === pages.length - 1 };
    const frame = encodeRosterPage(page, numbers.map(listed));
    admitted = roster.add(frame.subarray(FRAME_HEADER_BYTES));
  });
  return admitted && [admitted.number, admitted.listings.length];
}

function listed(number: number): Bytes {
  return encodeListing({ number, credential: new Uint8Array(1), renewal: NO_RENEWAL });
}

Deno.test("a roster out of order, or of more members than a room can have, is not taken", () => {
  const count = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => from + i);
  assertEquals(read(10_000, count(1, 5_000), count(5_001, 10_000)), [10_001, 10_000]);
  assertThrows(
    () => read(10_001, count(1, 5_000), count(5_001, 10_001)),
    MalformedError,
    "more than 10000",
  );
  for (const order of [[1, 3, 2], [2, 2], [1, 6], [6], [0]]) {
    assertThrows(() => read(5, order), MalformedError, "order of joining", `${order}`);
  }
  assertThrows(() => read(5, [1, 3], [2]), MalformedError, "order of joining");
});

Deno.test("a roster whose pages are of different rooms, versions or contexts is not taken", () => {
  const place = { room: new Uint8Array(32), version: 5, context: new Uint8Array(32) };
  const other = new Uint8Array(32).fill(1);
  for (const change of [{ room: other }, { version: 4 }, { context: other }]) {
    const roster = new RosterPages();
    const page = (more: Partial<typeof place>, last: boolean) =>
      encodeRosterPage({ ...place, ...more, last }, []).subarray(FRAME_HEADER_BYTES);
    assertEquals(roster.add(page({}, false)), undefined);
    assertThrows(() => roster.add(page(change, true)), MalformedError, "changed between its pages");
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
