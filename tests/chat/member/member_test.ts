// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { STEP_LIFE_MS } from "../../../lib/chat/seal/chain.ts";
import { readSealedFrame } from "../../../lib/chat/wire/envelope.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { count, faults, shown, TestRoom, until } from "../room.ts";

Deno.test("members read each other whole, in order, once", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const cy = await room.join("cy");
  for (let i = 1; i <= 50; i++) {
    for (const seat of [ada, bo, cy]) assert(seat.member.enter(`line ${i}`).ok);
  }
  await until(() => [ada, bo, cy].every((seat) => shown(seat).length === 100), "all have read all");
  for (const seat of [ada, bo, cy]) {
    for (const other of [ada, bo, cy].filter((one) => one !== seat)) {
      const lines = shown(seat).filter((line) => line.startsWith(`${other.self.name}:`));
      assertEquals(
        lines,
        Array.from({ length: 50 }, (_, i) => `${other.self.name}: line ${i + 1}`),
      );
    }
    assertEquals(faults(seat), []);
    await until(() => count(seat, "delivered") === 50, "everything is delivered");
    assertEquals(count(seat, "sent"), 50);
  }
});

Deno.test("a private message reaches the one whom it is for", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const cy = await room.join("cy");
  assert(ada.member.enter("psst", "BO").ok);
  assert(ada.member.enter("hello").ok);
  await until(() => shown(bo).length === 2 && shown(cy).length === 1, "all have read");
  assertEquals(shown(bo), ["ada: psst", "ada: hello"]);
  assertEquals(shown(cy), ["ada: hello"]);
  assertEquals(
    bo.events.flatMap((e) => e.kind === "message" ? [e.private] : []),
    [true, false],
  );
  assertEquals([...faults(bo), ...faults(cy)], []);
});

Deno.test("who has left is out of the audience, who has joined is in it", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  assert(ada.member.enter("one").ok);
  await room.settle();
  const cy = await room.join("cy");
  assert(ada.member.enter("two").ok);
  await room.settle();
  bo.member.leave();
  await until(() => count(ada, "left") === 1 && count(cy, "left") === 1, "bo has left");
  assertEquals(bo.events.at(-1), { kind: "ended", reason: "LEFT", detail: "" });
  assert(ada.member.enter("three").ok);
  await room.settle();
  assertEquals(shown(bo), ["ada: one", "ada: two"]);
  assertEquals(shown(cy), ["ada: two", "ada: three"]);
  assertEquals(faults(cy), []);
});

Deno.test("a sender goes a step on after an hour, and its readers follow", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const places: number[][] = [];
  const bo = await room.join("bo", ({ kind, bytes }) => {
    if (kind === KIND.sealed) {
      const { chain, step, counter } = readSealedFrame(bytes.slice(5)).header;
      places.push([chain, step, counter]);
    }
    return [bytes];
  });
  for (const wait of [0, STEP_LIFE_MS - 1, 1]) {
    room.clock.advance(wait);
    ada.member.enter("tick");
    await room.settle();
  }
  assertEquals(places, [[0, 0, 0], [0, 0, 1], [0, 1, 2]]);
  assertEquals([shown(bo).length, faults(bo)], [3, []]);
});

Deno.test("a private message is told from one to everyone in a room of two, where both go to one", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  for (const to of [undefined, "bo", undefined]) ada.member.enter("hello", to);
  await room.settle();
  const told = bo.events.flatMap((e) => e.kind === "message" ? [e.private] : []);
  assertEquals(told, [false, true, false]);
  assertEquals(faults(bo), []);
});

Deno.test("members who say nothing stay, because they answer the relay's pings", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  for (let i = 0; i < 12; i++) await room.pass(15_000);
  assertEquals(room.relay.size, 2);
  assertEquals([count(ada, "ended"), count(bo, "left")], [0, 0]);
  assert(ada.member.enter("still here").ok);
  await room.settle();
  assertEquals(shown(bo), ["ada: still here"]);
});

Deno.test("a member whose stay is over has nothing more to do, whatever is shown late", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  assert(bo.member.enter("one last thing").ok);
  await until(() => shown(ada).length === 1, "ada has read it");
  ada.member.close();
  await until(() => count(ada, "ended") === 1, "it is over");
  ada.member.displayed(ada.events.length);
  assertEquals(ada.member.wakeAt, Infinity);
});
