// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { readSealed } from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
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

Deno.test("a private message reaches its recipient", async () => {
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

Deno.test("members that have left are no recipients, and members that have joined are", async () => {
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

Deno.test("a chain makes a step for a newcomer, starts afresh when a holder has left, and otherwise stays", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const places: number[][] = [];
  const bo = await room.join("bo", ({ kind, bytes }) => {
    if (kind === KIND.sealed) {
      const { chain, step, number } = readSealed(bytes.slice(FRAME_HEADER_BYTES)).header;
      places.push([chain, step, number]);
    }
    return [bytes];
  });
  const say = async () => {
    ada.member.enter("tick");
    await room.settle();
  };
  await say();
  // Time alone changes no key. Somebody speaks before anybody looks at the clock.
  room.clock.advance(30 * 60_000);
  await say();
  const cy = await room.join("cy");
  await say();
  cy.member.leave();
  await room.settle();
  await say();
  assertEquals(places, [[0, 0, 1], [0, 0, 2], [0, 1, 3], [1, 0, 4]]);
  assertEquals([shown(bo).length, shown(cy).length], [4, 1]);
  assertEquals([faults(bo), faults(cy)], [[], []]);
});

Deno.test("a member that leaves and rejoins between two lines causes a fresh chain", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const [bo, cy] = [await room.join("bo"), await room.join("cy")];
  assert(ada.member.enter("one").ok);
  await room.settle();
  cy.member.leave();
  await room.settle();
  const again = await room.join("cy");
  assert(ada.member.enter("two").ok);
  await room.settle();
  const chains = ada.sent.filter((bytes) => bytes[4] === KIND.sealed)
    .map((bytes) => readSealed(bytes.slice(FRAME_HEADER_BYTES)).header.chain);
  assertEquals(chains, [0, 1]);
  assertEquals([shown(bo), shown(again)], [["ada: one", "ada: two"], ["ada: two"]]);
});

Deno.test("in a room of two, a private message differs from one to everyone", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  for (const to of [undefined, "bo", undefined]) {
    ada.member.enter("hello", to);
    await room.settle();
  }
  const told = bo.events.flatMap((e) => e.kind === "message" ? [e.private] : []);
  assertEquals(told, [false, true, false]);
  assertEquals(faults(bo), []);
});

Deno.test("silent members stay because they answer the relay's pings", async () => {
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

Deno.test("a member that leaves while the roster is checked leaves at once, and says so", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.enter("bo");
  await until(() => bo.member.isIn, "the roster has come");
  bo.member.leave();
  await room.settle();
  assertEquals(bo.events.at(-1), { kind: "ended", reason: "LEFT", detail: "" });
  assertEquals([count(ada, "left"), room.relay.size], [1, 1]);
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
