// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { readLeft } from "../../../lib/chat/wire/control.ts";
import { KIND, kindName } from "../../../lib/chat/wire/kinds.ts";
import { credentialOf } from "../keys.ts";
import { RelayRoom } from "./relay_room.ts";

/** A relay for two that admits the identities with these numbers. */
async function restricted(...indices: number[]) {
  const allowed = new Set<string>();
  const room = new RelayRoom({ allows: (print) => allowed.has(print), maxMembers: 2 });
  for (const index of indices) {
    allowed.add((await credentialOf("x", index, room.clock.now)).fingerprint);
  }
  return { room, allowed };
}

Deno.test("a newcomer that is not on the list is told so, and learns nothing about the room", async () => {
  const { room } = await restricted(0);
  await room.join("ada", "", 0);
  // Neither that a name is taken nor, below, that the room is full.
  const { raw } = await room.join("ADA", "", 5);
  assertEquals(raw.bye, "NOT_ALLOWED");
  assertEquals(raw.received.map(({ kind }) => kindName(kind)), ["challenge", "bye"]);
  assertEquals(room.relay.size, 1);
});

Deno.test("a full room with an allow list gives a stranger the same answer as an empty one", async () => {
  const { room } = await restricted(0, 1);
  await room.join("ada", "", 0);
  await room.join("bo", "", 1);
  assertEquals((await room.join("cy", "", 5)).raw.bye, "NOT_ALLOWED");
});

Deno.test("a join with another member's credential does not reveal whether it is on the list", async () => {
  const { room } = await restricted(3);
  const own = await room.credential("cy", 5);
  for (const index of [3, 4]) {
    const theirs = await room.credential("cy", index);
    assertEquals((await room.enter({ ...theirs, keys: own.keys })).bye, "BAD_PROOF");
  }
});

Deno.test("a member that is struck off the list is removed, and the others are told why", async () => {
  const { room, allowed } = await restricted(0, 1);
  const ada = await room.join("ada", "", 0);
  const bo = await room.join("bo", "", 1);
  allowed.delete(bo.self.fingerprint);
  room.relay.removeDisallowed();
  await room.settle();
  assertEquals([bo.raw.bye, ada.raw.ended], ["REMOVED", false]);
  assertEquals(ada.raw.frames(KIND.left).map((left) => readLeft(left).reason), ["REMOVED"]);
});

Deno.test("a removed member is told why, and may join again unless it is banned", async () => {
  const { room } = await restricted(0, 1);
  const ada = await room.join("ada", "", 0);
  const bo = await room.join("bo", "", 1);
  assertEquals(room.relay.remove(bo.self.key, false), true);
  await room.settle();
  assertEquals([bo.raw.bye, ada.raw.ended], ["REMOVED", false]);
  assertEquals(ada.raw.frames(KIND.left).map((left) => readLeft(left).reason), ["REMOVED"]);
  assertEquals(room.relay.remove(bo.self.key, false), false, "it is gone");
  const again = await room.join("bo", "", 1);
  assertEquals(again.raw.bye, undefined);
  assertEquals(room.relay.remove(again.self.key, true), true);
  await room.settle();
  assertEquals(again.raw.bye, "REMOVED");
  assertEquals((await room.join("cy", "", 1)).raw.bye, "NOT_ALLOWED", "under another name");
  assertEquals((await room.join("bo", "elsewhere", 1)).raw.bye, undefined, "in another room");
  assertEquals(ada.raw.ended, false);
});
