// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { count, faults, shown, TestRoom, until } from "../room.ts";

const TEXTS = {
  "1 byte": "x",
  "54 bytes, which ended the tutorial's program": "x".repeat(54),
  "64 KiB": "y".repeat(65_536),
  "64 KiB of Chinese": "中".repeat(21_845),
  Chinese: "你好，世界",
  "an emoji sequence": "👩‍👩‍👧‍👦 🏳️‍🌈",
  "right to left": "שלום عليكم",
  "control characters": "a\x1b[2Jb\0c\r\nd",
  "a lone combining mark": "\u0301",
};

Deno.test("texts of every kind arrive as they were entered", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  for (const text of Object.values(TEXTS)) assert(ada.member.enter(text).ok);
  await until(() => shown(bo).length === Object.keys(TEXTS).length, "bo has read all");
  assertEquals(shown(bo), Object.values(TEXTS).map((text) => `ada: ${text}`));
  assertEquals(faults(bo), []);
});

Deno.test("a text above the limit is refused with the limit, and the chat continues", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  for (const text of ["x".repeat(65_537), "中".repeat(21_846)]) {
    const refused = ada.member.enter(text);
    assert(!refused.ok);
    assertEquals(refused.code, "TEXT_TOO_LARGE");
    assert(refused.message.includes("65536 bytes (64 KiB)"), refused.message);
  }
  assertEquals(ada.member.enter("").ok, false);
  assert(ada.member.enter("after").ok);
  await until(() => shown(bo).length === 1, "bo has read it");
  assertEquals(shown(bo), ["ada: after"]);
});

Deno.test("a line is taken once the roster is displayed, and none after the end", async () => {
  const room = new TestRoom();
  const ada = await room.enter("ada");
  ada.showing = false;
  await until(() => count(ada, "ready") === 1, "ada is in");
  await room.settle();
  const code = () => {
    const entered = ada.member.enter("hello");
    return entered.ok ? "taken" : entered.code;
  };
  assertEquals(code(), "NOT_JOINED");
  ada.member.displayed(ada.events.length);
  assertEquals(code(), "taken");
  ada.member.close();
  await room.settle();
  assertEquals(code(), "NOT_JOINED");
});

Deno.test("lines to nobody, to oneself and before joining are refused or told", async () => {
  const room = new TestRoom();
  const starting = await room.enter("ada");
  const early = starting.member.enter("too early");
  assert(!early.ok && early.code === "NOT_JOINED");
  await room.settle();
  const nobody = starting.member.enter("hello", "nobody");
  assert(!nobody.ok && nobody.code === "NO_SUCH_MEMBER");
  const self = starting.member.enter("hello", "ada");
  assert(!self.ok && self.code === "TO_SELF");
  assert(starting.member.enter("is anybody there?").ok);
  await until(() => starting.events.at(-1)?.kind === "unheard", "it is told");
  assertEquals(starting.member.backlog, { lines: 0, held: 0, bytes: 0, unsent: 0 });
});
