// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
// @ts-types="../../../types/std.d.ts"
import { concat } from "@std/bytes/concat";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { Acknowledger } from "../../../lib/chat/member/acknowledger.ts";
import { Outbox } from "../../../lib/chat/relay/outbox.ts";
import { encodeFrame, FrameReader } from "../../../lib/chat/wire/frame.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { Clock, count, shown, TestRoom, until } from "../room.ts";

Deno.test("a message is delivered once every recipient has shown it, and not before", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const cy = await room.join("cy");
  cy.showing = false;
  ada.member.enter("hello");
  await room.settle();
  assertEquals([shown(bo).length, shown(cy).length], [1, 1]);
  assertEquals([count(ada, "sent"), count(ada, "delivered")], [1, 0]);
  assertEquals(ada.member.backlog, { lines: 1, bytes: 5, unsent: 0 });
  cy.member.displayed(cy.events.length);
  await room.settle();
  assertEquals(count(ada, "delivered"), 1);
  assertEquals(ada.member.backlog, { lines: 0, bytes: 0, unsent: 0 });
});

Deno.test("a message that has come is not delivered by one before it having been shown", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  bo.showing = false;
  for (const text of ["one", "two"]) {
    ada.member.enter(text);
    await room.settle();
  }
  assertEquals([shown(bo).length, count(ada, "delivered")], [2, 0]);
  bo.member.displayed(bo.events.findIndex(({ kind }) => kind === "message") + 1);
  await room.settle();
  assertEquals(count(ada, "delivered"), 1);
});

Deno.test("a message is delivered once those who have not shown it have left", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  bo.showing = false;
  ada.member.enter("hello");
  await room.settle();
  assertEquals(count(ada, "delivered"), 0);
  bo.member.leave();
  await until(() => count(ada, "delivered") === 1, "it is delivered");
});

Deno.test("what waits behind an undelivered message is not delivered before it", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const cy = await room.join("cy");
  cy.showing = false;
  ada.member.enter("to all");
  await room.settle();
  ada.member.enter("to bo", "bo");
  await room.settle();
  assertEquals(shown(bo).length, 2);
  assertEquals(count(ada, "delivered"), 0);
  cy.member.displayed(cy.events.length);
  await room.settle();
  assertEquals(count(ada, "delivered"), 2);
});

Deno.test("an acknowledger says at once in a room of two, and waits for others in a room of many", () => {
  const clock = new Clock();
  const said: number[] = [];
  const make = () =>
    new Acknowledger({ now: clock.now, send: (frames) => said.push(frames), wake: () => {} });
  const two = make();
  two.emitted();
  two.processed(1, 100, true, 2);
  assertEquals(said, []);
  two.displayed(1, 2);
  assertEquals(said, [1]);

  const many = make();
  for (let i = 1; i <= 3; i++) {
    many.emitted();
    many.processed(1, 100, true, 1000);
    many.displayed(i, 1000);
  }
  assertEquals(said, [1]);
  clock.advance(999);
  many.tick();
  assertEquals(said, [1]);
  clock.advance(1);
  many.tick();
  assertEquals(said, [1, 3]);

  const hundred = make();
  hundred.emitted();
  hundred.processed(1, 100, true, 100);
  hundred.displayed(1, 100);
  clock.advance(99);
  hundred.tick();
  assertEquals(said, [1, 3]);
  clock.advance(1);
  hundred.tick();
  assertEquals(said, [1, 3, 1]);
});

Deno.test("an acknowledger waits no longer than 512 frames, or 256 KiB", () => {
  const said: number[] = [];
  const one = new Acknowledger({ now: () => 0, send: (n) => said.push(n), wake: () => {} });
  for (let i = 0; i < 511; i++) one.processed(1, 10, true, 1000);
  assertEquals(said, []);
  one.processed(1, 10, true, 1000);
  assertEquals(said, [512]);
  one.processed(1, 256 << 10, true, 1000);
  assertEquals(said, [512, 513]);
});

Deno.test("an acknowledger counts nothing that was not shown", () => {
  const said: number[] = [];
  const one = new Acknowledger({ now: () => 0, send: (n) => said.push(n), wake: () => {} });
  one.emitted();
  one.processed(5, 10, true, 2);
  one.emitted();
  one.processed(6, 10, true, 2);
  assertEquals([one.displayedMembership, said], [0, []]);
  one.displayed(1, 2);
  assertEquals([one.displayedMembership, said], [5, [1]]);
  one.displayed(99, 2);
  assertEquals([one.displayedMembership, said], [6, [1, 2]]);
});

/** Frames of no meaning, one behind the other, with so many bytes in all; each says which it is. */
function frames(count: number, length: number, first = 1): Bytes {
  const size = Math.floor(length / count);
  const rest = length - size * (count - 1);
  return concat(
    Array.from({ length: count }, (_, i) => {
      const payload = new Uint8Array((i === count - 1 ? rest : size) - 5).fill(first + i);
      return encodeFrame(KIND.sealed, payload);
    }),
  );
}

Deno.test("an outbox keeps what was not acknowledged, to be sent again from any frame on", () => {
  const outbox = new Outbox({ frames: 100, bytes: 1000 });
  outbox.push({ frames: 1, bytes: frames(1, 10, 1), batch: undefined });
  outbox.push({ frames: 3, bytes: frames(3, 30, 2), batch: undefined });
  outbox.push({ frames: 2, bytes: frames(2, 20, 5), batch: undefined });
  const after = (count: number) =>
    [...outbox.after(count)].flatMap((bytes) => {
      const reader = new FrameReader(() => 100);
      return [...reader.push(bytes)].map(({ payload }) => payload[0]);
    });
  assertEquals(after(0), [1, 2, 3, 4, 5, 6]);
  assertEquals(after(2), [3, 4, 5, 6]);
  outbox.acknowledge(3);
  // The frames around what was acknowledged came as one, and are still whole.
  assertEquals(after(3), [4, 5, 6]);
  assertEquals(after(5), [6]);
  assertEquals(after(6), []);
});

Deno.test("an outbox knows what is on its way, and its bounds", () => {
  let settled = 0;
  const sender = { settled: () => settled += 1 };
  const outbox = new Outbox({ frames: 5, bytes: 1000 });
  const batch = { sender, before: 0, waiting: 1 };
  assertEquals(outbox.push({ frames: 3, bytes: frames(3, 300), batch }), true);
  assertEquals(outbox.push({ frames: 2, bytes: frames(2, 300), batch: undefined }), true);
  assertEquals([outbox.sent, outbox.bytes], [5, 600]);
  assertEquals(outbox.acknowledge(2), true);
  assertEquals([settled, outbox.bytes], [0, 600]);
  assertEquals(outbox.acknowledge(3), true);
  assertEquals([settled, outbox.bytes], [1, 300]);
  assertEquals(outbox.acknowledge(2), false);
  assertEquals(outbox.acknowledge(6), false);
  assertEquals(outbox.push({ frames: 4, bytes: frames(4, 40), batch: undefined }), false);
  const big = new Outbox({ frames: 5, bytes: 1000 });
  assertEquals(big.push({ frames: 1, bytes: frames(1, 1001), batch: undefined }), false);
});
