// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { MAX_BATCH_LINES } from "../../../lib/chat/member/contacts.ts";
import { MAX_MESSAGES } from "../../../lib/chat/wire/content.ts";
import { readSealed } from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { RawMember } from "../raw_member.ts";
import { count, credentialOf, shown, TestRoom, until } from "../room.ts";

Deno.test("at most 1,024 lines of a stream share a frame, and four such parts and a grant are within a frame's bound", async () => {
  assertEquals(4 * MAX_BATCH_LINES + 5 < MAX_MESSAGES, true);
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  ada.member.enter("first");
  await room.settle();
  const sealed = () => ada.sent.filter((bytes) => bytes[4] === KIND.sealed).length;
  const before = sealed();
  for (let i = 0; i < 3_000; i++) ada.member.enter("x");
  await room.settle();
  // One at once, and the others in three frames.
  assertEquals([shown(bo).length, sealed() - before], [3_001, 4]);
});

Deno.test("lines that were entered at different versions do not share a frame", async () => {
  const room = new TestRoom();
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  const { encrypt } = crypto.subtle;
  const gate = Promise.withResolvers<void>();
  crypto.subtle.encrypt = async (...args) => {
    await gate.promise;
    return await encrypt.apply(crypto.subtle, args);
  };
  try {
    for (const text of ["zero", "one"]) ada.member.enter(text);
    await RawMember.join(room.relay, await credentialOf("cy", 5, room.clock.now));
    await until(() => count(ada, "joined") === 2, "ada is told of cy");
    await Promise.resolve(); // until it is displayed
    ada.member.enter("two");
    gate.resolve();
    await room.settle();
  } finally {
    crypto.subtle.encrypt = encrypt;
  }
  const places = ada.sent.filter((bytes) => bytes[4] === KIND.sealed).map((bytes) => {
    const { number, version } = readSealed(bytes.subarray(FRAME_HEADER_BYTES)).header;
    return [number, version];
  });
  assertEquals(places, [[1, 2], [3, 3]]);
  assertEquals(shown(bo), ["ada: zero", "ada: one", "ada: two"]);
});

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
  assertEquals(ada.member.backlog, { lines: 1, held: 1, bytes: 5, unsent: 0 });
  cy.member.displayed(cy.events.length);
  await room.settle();
  assertEquals(count(ada, "delivered"), 1);
  assertEquals(ada.member.backlog, { lines: 0, held: 0, bytes: 0, unsent: 0 });
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

Deno.test("a message counts as delivered when every member that has not shown it has left", async () => {
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

Deno.test("a private line is delivered although an earlier line to the group is not shown yet", async () => {
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
  const delivered = () =>
    ada.events.flatMap((event) => event.kind === "delivered" ? [event.line.text] : []);
  assertEquals(delivered(), ["to bo"]);
  cy.member.displayed(cy.events.length);
  await room.settle();
  assertEquals(delivered(), ["to bo", "to all"]);
});

Deno.test("a private line does not overtake a line to everyone that was entered before it", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  // The first line waits for its keys; the private one is entered meanwhile.
  for (const [text, to] of [["one"], ["two", "bo"], ["three"], ["four", "bo"]] as const) {
    ada.member.enter(text, to);
  }
  await room.settle();
  assertEquals(shown(bo).map((line) => line.replace(/^.* /, "")), ["one", "two", "three", "four"]);
});
