// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { type Bytes, secureRandom } from "../../../lib/base/bytes.ts";
import {
  checkOf,
  compareBytes,
  firstContext,
  FollowedRooms,
  KEPT_CONTEXTS,
  type RosterEvent,
  RosterHistory,
} from "../../../lib/chat/wire/history.ts";

const room = secureRandom(32);
const [ada, bo, cy] = [secureRandom(32), secureRandom(32), secureRandom(32)];

/** Starts at version 7, with members. */
function history(members: readonly Bytes[] = [], context: Bytes = new Uint8Array(32)) {
  return new RosterHistory({ room, version: 7, context, members });
}

async function after(
  events: readonly (readonly [RosterEvent, Bytes])[],
  start: RosterHistory = history(),
): Promise<Bytes> {
  for (const [event, member] of events) start.add(event, member);
  return await start.newest;
}

Deno.test("a context does not depend on the order in which members are listed", async () => {
  const members = fc.shuffledSubarray([ada, bo, cy], { minLength: 3 });
  const expected = await after([["left", bo]], history([ada, bo, cy]));
  await fc.assert(
    fc.asyncProperty(members, async (list) => {
      assertEquals(await after([["left", bo]], history(list)), expected);
    }),
    { numRuns: 12 },
  );
});

Deno.test("a context depends on who else is listed, on what was before, on the event and on the room", async () => {
  const base = await after([["joined", ada]], history([bo]));
  const others = [
    await after([["joined", ada]], history([cy])),
    await after([["joined", ada]], history([bo, cy])),
    await after([["joined", ada]], history([bo], secureRandom(32))),
    await after([["joined", cy]], history([bo])),
    await after([["left", ada]], history([ada, bo])),
    await after(
      [["joined", ada]],
      new RosterHistory({ room: cy, version: 7, context: new Uint8Array(32), members: [bo] }),
    ),
    await after(
      [["joined", ada]],
      new RosterHistory({ room, version: 8, context: new Uint8Array(32), members: [bo] }),
    ),
  ];
  for (const other of others) assertNotEquals(other, base);
});

Deno.test("the same members after another history have another context", async () => {
  const stayed = history([ada, bo]);
  const came = history([ada, bo]);
  await after([["left", bo], ["joined", bo]], came);
  await after([["left", ada], ["joined", ada]], stayed);
  assertEquals([came.version, came.size], [stayed.version, stayed.size]);
  assertNotEquals(await came.newest, await stayed.newest);
  assertNotEquals(await came.newest, await history([ada, bo]).newest);
});

Deno.test("a listing that is refused counts, also beside one with the same credential", async () => {
  const once = await after([["joined", ada]], history([bo]));
  const twice = await after([["joined", ada]], history([bo, ada]));
  assertNotEquals(once, twice);
  const both = history([ada, ada]);
  both.add("left", ada);
  await both.newest;
  assertEquals(both.size, 1);
});

Deno.test("a newcomer that starts from a version continues as those who saw all of it", async () => {
  const whole = new RosterHistory({
    room,
    version: 0,
    context: await firstContext(room),
    members: [],
  });
  await after([["joined", ada], ["joined", bo]], whole);
  const context = await whole.newest;
  const late = new RosterHistory({ room, version: 2, context, members: [bo, ada] });
  for (const one of [whole, late]) await after([["joined", cy], ["left", ada]], one);
  assertEquals(await late.newest, await whole.newest);
  assertEquals([late.version, late.size], [4, 2]);
});

Deno.test("only the contexts of the last 16,384 versions are kept", async () => {
  const kept = history();
  for (let i = 0; i < KEPT_CONTEXTS; i++) kept.add(i % 2 === 0 ? "joined" : "left", ada);
  await kept.newest;
  assertEquals(KEPT_CONTEXTS, 16_384);
  assertEquals([kept.at(7), kept.when(7)], [undefined, undefined]);
  assertEquals(kept.at(8)?.length, 32);
  assertEquals(kept.at(7 + KEPT_CONTEXTS), await kept.newest);
  assertEquals([kept.at(8 + KEPT_CONTEXTS), kept.when(8 + KEPT_CONTEXTS)], [undefined, undefined]);
});

Deno.test("a context can be waited for as soon as its event was added", async () => {
  const one = history([bo]);
  const added = one.add("joined", ada);
  assertEquals(one.at(8), undefined);
  assertEquals(await one.when(8), await added);
  assertEquals(one.at(8), await added);
});

Deno.test("a room whose highest known version was noted does not go back, for the last 16,384 rooms", () => {
  const rooms = new FollowedRooms();
  const roomOf = (i: number) => new Uint8Array(32).fill(1).with(0, i).with(1, i >>> 8);
  rooms.note(roomOf(0), 5);
  rooms.note(roomOf(0), 3);
  for (let i = 1; i < 16_384; i++) rooms.note(roomOf(i), 1);
  assertEquals([4, 5].map((version) => rooms.goesOn(roomOf(0), version)), [false, true]);
  rooms.note(roomOf(16_384), 1);
  assertEquals(
    [0, 1].map((i) => rooms.goesOn(roomOf(i), 0)),
    [true, false],
    "the oldest gives way",
  );
});

Deno.test("the check of a context is its first four bytes, and hashes are ordered by their bytes", () => {
  assertEquals(checkOf(ada), ada.slice(0, 4));
  const [low, high] = [new Uint8Array([1, 200]), new Uint8Array([2, 0])];
  assertEquals([compareBytes(low, high) < 0, compareBytes(high, low) > 0], [true, true]);
  assertEquals(compareBytes(low, low.slice()), 0);
});
