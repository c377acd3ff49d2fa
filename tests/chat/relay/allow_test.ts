// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { kindName } from "../../../lib/chat/wire/kinds.ts";
import { RawMember } from "../raw_member.ts";
import { count, credentialOf, type Seat, TestRoom, until } from "../room.ts";

async function restricted(...indices: number[]) {
  const allowed = new Set<string>();
  const room = new TestRoom({ allows: (print) => allowed.has(print), maxMembers: 2 });
  for (const index of indices) {
    allowed.add((await credentialOf("x", index, room.clock.now)).fingerprint);
  }
  return { room, allowed };
}

function ending(seat: Seat): string | undefined {
  return seat.events.flatMap((event) => event.kind === "ended" ? [event.reason] : [])[0];
}

Deno.test("who is not on the list is told so, and nothing of who is there", async () => {
  const { room } = await restricted(0);
  await room.join("ada");
  // Neither that a name is taken nor, once it is, that the room is full.
  const stranger = await RawMember.join(room.relay, await credentialOf("ADA", 5, room.clock.now));
  await until(() => stranger.ended, "the connection has ended");
  assertEquals(stranger.bye, "NOT_ALLOWED");
  assertEquals(stranger.received.map(({ kind }) => kindName(kind)), ["challenge", "bye"]);
  assertEquals(room.relay.size, 1);
});

Deno.test("a full room with a list says to a stranger no more than an empty one", async () => {
  const { room } = await restricted(0, 1);
  await room.join("ada");
  await room.join("bo");
  const stranger = await room.enter("cy", undefined, 5);
  await until(() => count(stranger, "ended") === 1, "it was refused");
  assertEquals(ending(stranger), "NOT_ALLOWED");
});

Deno.test("somebody else's credential is not told whether it is on the list", async () => {
  const { room } = await restricted(3);
  for (const index of [3, 4]) {
    const theirs = await credentialOf("cy", index, room.clock.now);
    const own = await credentialOf("cy", 5, room.clock.now);
    const thief = await RawMember.join(room.relay, { ...theirs, keys: own.keys });
    await until(() => thief.ended, "the connection has ended");
    assertEquals(thief.bye, "BAD_PROOF");
  }
});

Deno.test("who is no longer on the list is removed, and the others hear why", async () => {
  const { room, allowed } = await restricted(0, 1);
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  allowed.delete(bo.self.fingerprint);
  room.relay.removeDisallowed();
  await room.settle();
  assertEquals([ending(bo), ending(ada)], ["REMOVED", undefined]);
  assertEquals(ada.events.flatMap((one) => one.kind === "left" ? [one.reason] : []), ["REMOVED"]);
});
