/**
 * A connection that is half open: something on the way swallows every byte, and neither side is told.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { count, shown, TestRoom, until } from "./room.ts";

Deno.test("a half-open connection is found by its silence, by the relay and by the member", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  let swallowing = false;
  // From the relay to the member nothing passes, and what the member sends answers nothing.
  const bo = await room.join("bo", ({ bytes }) => swallowing ? [] : [bytes]);
  const cy = await room.join("cy");
  swallowing = true;
  await room.pass(15_000); // the relay asks
  await room.pass(29_999);
  assertEquals([room.relay.connections, count(bo, "disconnected")], [3, 0]);
  await room.pass(1);
  assertEquals(room.relay.connections, 2);
  await until(() => count(bo, "disconnected") === 1, "bo has noticed");
  const lost = bo.events.find((event) => event.kind === "disconnected");
  assertEquals(lost?.reason, "NO_ANSWER");
  await room.pass(10_000);
  await until(() => count(ada, "away") === 1, "ada has heard of it");
  ada.member.enter("still here");
  await until(() => shown(cy).length === 1, "cy has read it");
});
