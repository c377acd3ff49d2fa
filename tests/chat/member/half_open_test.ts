/**
 * A connection that is half open: something on the way swallows every byte, in one direction or in both, and
 * neither side is told.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { count, type Seat, shown, TestRoom, until } from "../room.ts";

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

/** Ada, and bo whose connection swallows what goes one way; each says something before and meanwhile. */
async function halfOpen(way: "sends" | "receives"): Promise<[TestRoom, Seat, Seat]> {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  ada.member.enter("ada before");
  bo.member.enter("bo before");
  await room.settle();
  bo[way] = false;
  ada.member.enter("ada meanwhile");
  bo.member.enter("bo meanwhile");
  await room.settle();
  return [room, ada, bo];
}

/** Bo comes back over another connection, over which everything passes. */
async function comeBack(room: TestRoom, bo: Seat): Promise<void> {
  Object.assign(bo, { sends: true, receives: true });
  bo.connect();
  await room.settle();
  assertEquals([count(bo, "disconnected"), count(bo, "reconnected")], [1, 1]);
}

/** Nothing is lost, nothing is doubled, nobody has left, and every line is told to be delivered once. */
async function assertNothingLost(room: TestRoom, ada: Seat, bo: Seat): Promise<void> {
  ada.member.enter("ada after");
  bo.member.enter("bo after");
  await room.pass(1_000);
  const saidBy = (name: string) => ["before", "meanwhile", "after"].map((it) => `${name} ${it}`);
  assertEquals(shown(bo), saidBy("ada").map((text) => `ada: ${text}`));
  assertEquals(shown(ada), saidBy("bo").map((text) => `bo: ${text}`));
  for (const seat of [ada, bo]) {
    const lines = [count(seat, "sent"), count(seat, "delivered"), count(seat, "left")];
    assertEquals(lines, [3, 3, 0]);
    assertEquals(seat.member.backlog.lines, 0);
  }
  assertEquals([room.relay.size, room.relay.connections], [2, 2]);
}

Deno.test("a connection that swallows what a member sends is found by the relay, and nothing is lost or doubled", async () => {
  const [room, ada, bo] = await halfOpen("sends");
  // Bo hears ada, and does not notice: what it says goes nowhere, and nobody is told that it arrived.
  assertEquals([shown(bo).length, shown(ada).length, count(bo, "sent")], [2, 1, 1]);
  assertEquals([count(ada, "delivered"), count(bo, "disconnected")], [1, 0]);
  await room.pass(15_000); // the relay asks; the answer is swallowed
  await room.pass(29_999);
  assertEquals([room.relay.connections, count(bo, "disconnected")], [2, 0]);
  await room.pass(1); // the relay gives it up, and says so
  await until(() => count(bo, "disconnected") === 1, "bo has heard");
  const lost = bo.events.find((event) => event.kind === "disconnected");
  assertEquals(lost?.reason, "SILENT");
  await comeBack(room, bo);
  await assertNothingLost(room, ada, bo);
});

Deno.test("a connection that swallows what a member is sent is found by the member, and nothing is lost or doubled", async () => {
  const [room, ada, bo] = await halfOpen("receives");
  // The relay has bo's line, and ada reads it; bo is not told, and hears nothing.
  assertEquals([shown(bo).length, shown(ada).length, count(bo, "sent")], [1, 2, 1]);
  await room.pass(15_000); // bo asks; the answer is swallowed
  await room.pass(29_999);
  assertEquals(count(bo, "disconnected"), 0);
  await room.pass(1);
  await until(() => count(bo, "disconnected") === 1, "bo has noticed");
  const lost = bo.events.find((event) => event.kind === "disconnected");
  assertEquals(lost?.reason, "NO_ANSWER");
  await comeBack(room, bo);
  await assertNothingLost(room, ada, bo);
});

Deno.test("a member that comes back while its relay still holds the half-open connection takes its place", async () => {
  const [room, ada, bo] = await halfOpen("receives");
  await room.pass(15_000);
  // The network has changed under bo, which knows; the relay does not hear of it, and has the old connection still.
  bo.sends = false;
  bo.cut();
  assertEquals(room.relay.connections, 2);
  await comeBack(room, bo);
  await assertNothingLost(room, ada, bo);
  assertEquals(count(ada, "away"), 0);
});
