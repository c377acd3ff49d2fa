/**
 * What happens in another room before a person is shown it.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import type { Conversation } from "../../../lib/chat/app/chat_loop.ts";
import { type RoomInvitations, Stay } from "../../../lib/chat/app/rooms.ts";
import type { MemberEvent } from "../../../lib/chat/member/options.ts";
import { credentialOf } from "../keys.ts";

/** A stay, and how often it was told that too much waits. */
function stayIn(roomName: string) {
  let full = 0;
  const stay = new Stay(roomName, {} as RoomInvitations, () => full += 1);
  return { stay, full: () => full };
}

/** A conversation that notes what it is told. */
function listener() {
  const told: MemberEvent[] = [];
  const conversation = { tell: (event: MemberEvent) => told.push(event) };
  return { told, conversation: conversation as unknown as Conversation };
}

Deno.test("what happens in another room waits for the conversation there, and comes in order", async () => {
  const { stay, full } = stayIn("kitchen");
  const ready: MemberEvent = { kind: "ready" };
  const lost: MemberEvent = { kind: "disconnected", reason: "LOST", detail: "" };
  stay.event(ready);
  assertEquals(await stay.decided, undefined, "the user is in");
  stay.event(lost);
  const { told, conversation } = listener();
  stay.show(conversation);
  assertEquals(told, [ready, lost]);
  stay.event(lost);
  stay.show(conversation);
  assertEquals([told, full()], [[ready, lost, lost], 0]);
});

Deno.test("a room that the relay refuses says how its session ended", async () => {
  const { stay } = stayIn("kitchen");
  stay.event({ kind: "ended", reason: "ROOM_FULL", detail: "" });
  assertEquals(await stay.decided, { ending: "ROOM_FULL", detail: "" });
});

Deno.test("what waits is bounded: beyond four million characters the user is shown the room soon", async () => {
  const credential = await credentialOf("bo", 0, () => 1_700_000_000_000);
  const from = { number: 2, credential, confirmed: true, away: false };
  const message = (text: string): MemberEvent => ({
    ...{ kind: "message", from, id: "x.1", time: 0, private: false },
    text,
  });
  const { stay, full } = stayIn("kitchen");
  for (let i = 0; i < 63; i++) stay.event(message("x".repeat(65_536)));
  assertEquals(full(), 0);
  stay.event(message("x".repeat(65_536)));
  assertEquals(full(), 1);
  const { told, conversation } = listener();
  stay.show(conversation);
  assertEquals(told.length, 64);
});
