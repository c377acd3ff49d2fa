/**
 * Notices: what a member's program tells that of one peer, beside the lines.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertThrows } from "@std/assert";
import { type Bytes, MalformedError, utf8 } from "../../../lib/base/bytes.ts";
import { EVERYONE, type Policy } from "../../../lib/chat/member/roster.ts";
import { MAX_NOTICE_BYTES, type Notice } from "../../../lib/chat/wire/content.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { withBroken } from "../broken_runtime.ts";
import { Eve } from "../eve.ts";
import { count, faults, type Seat, shown, TestRoom } from "../room.ts";

/** A room of ada and bo. */
async function roomOf(policies: Record<string, Policy> = {}) {
  const room = new TestRoom();
  for (const [name, policy] of Object.entries(policies)) room.policies.set(name, policy);
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  return { room, ada, bo };
}

/** Sends somebody a notice; returns whether it is sent. */
function notify(from: Seat, to: string, text: string, notice: Notice = "words"): boolean {
  const peer = from.member.peers().find(({ credential }) => credential.name === to)!;
  return from.member.sendNotice(peer, notice, utf8(text));
}

/** The notices that a member was told of, as `name, what about: text`. */
function notices({ events }: Seat): string[] {
  return events.flatMap((event) =>
    event.kind === "notice"
      ? [`${event.peer.credential.name}, ${event.notice}: ${new TextDecoder().decode(event.body)}`]
      : []
  );
}

/** A notice as eve sends it, with a body that may be too long. */
function plaintextOf(body: Bytes): Bytes {
  return new Uint8Array([16, 0, body.length >> 8, body.length & 255, ...body]);
}

Deno.test("a notice comes to its recipient alone, in order, and is no line", async () => {
  const { room, ada, bo } = await roomOf();
  const cy = await room.join("cy");
  const sent = [notify(ada, "bo", "one", "invitation"), notify(ada, "bo", "two")];
  await room.settle();
  assertEquals(notify(bo, "ada", "three"), true);
  await room.settle();
  assertEquals(sent, [true, true]);
  assertEquals(notices(bo), ["ada, invitation: one", "ada, words: two"]);
  assertEquals([notices(ada), notices(cy)], [["bo, words: three"], []]);
  for (const seat of [ada, bo, cy]) {
    assertEquals([shown(seat), faults(seat), count(seat, "delivered")], [[], [], 0]);
    assertEquals(seat.member.backlog.lines, 0);
  }
  assertEquals(ada.sent.filter((bytes) => bytes[4] === KIND.sealed).length, 0);
});

Deno.test("a notice arrives beside lines to everyone and to one member", async () => {
  const { room, ada, bo } = await roomOf();
  ada.member.enter("a line");
  ada.member.enter("a secret", "bo");
  notify(ada, "bo", "a notice");
  await room.settle();
  const kinds = bo.events.map(({ kind }) => kind).filter((kind) => /message|notice/.test(kind));
  assertEquals([kinds.length, notices(bo)], [3, ["ada, words: a notice"]]);
  assertEquals(shown(bo), ["ada: a line", "ada: a secret"]);
});

Deno.test("a body has at most 256 bytes: a longer one is neither sent nor taken", async () => {
  const { room, ada, bo } = await roomOf();
  const peer = ada.member.roster.byName("bo")!;
  const longest = new Uint8Array(MAX_NOTICE_BYTES).fill(65);
  const tooLong = new Uint8Array(MAX_NOTICE_BYTES + 1).fill(66);
  assertThrows(() => ada.member.sendNotice(peer, "words", tooLong), MalformedError, "257 bytes");
  assertEquals(ada.member.sendNotice(peer, "words", longest), true);
  const eve = await Eve.join(room);
  // Nothing of a frame with a longer one has an effect.
  await eve.tell(bo, new Uint8Array([...plaintextOf(utf8("short")), ...plaintextOf(tooLong)]));
  await eve.tell(bo, plaintextOf(longest));
  await room.settle();
  const texts = [`ada, words: ${"A".repeat(256)}`, `eve, words: ${"A".repeat(256)}`];
  assertEquals([notices(bo), faults(bo)], [texts, ["BAD_CONTENT"]]);
});

Deno.test("repeated and reordered frames deliver each notice at most once and in order", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const held: Bytes[] = [];
  let pairs = 0;
  const bo = await room.join("bo", ({ kind, bytes }) => {
    if (kind !== KIND.pair) return [bytes];
    pairs += 1;
    if (pairs === 2) {
      held.push(bytes);
      return [];
    }
    return [bytes, bytes, ...held];
  });
  for (const text of ["one", "two", "three"]) {
    notify(ada, "bo", text);
    await room.settle();
  }
  assertEquals([pairs, notices(bo)], [3, ["ada, words: one", "ada, words: three"]]);
  assertEquals(faults(bo), []);
});

Deno.test("a notice in a sealed frame makes it malformed", async () => {
  const { room, bo } = await roomOf();
  const eve = await Eve.join(room);
  const chain = await eve.chain(0);
  await eve.grant(bo, chain);
  for (const kind of [5, 16]) await eve.seal(chain, new Uint8Array(32).with(0, kind).with(3, 28));
  assertEquals([notices(bo), faults(bo)], [[], ["BAD_CONTENT", "BAD_CONTENT"]]);
});

Deno.test("a notice comes once over a lost connection, and is gone with the stay", async () => {
  const { room, ada, bo } = await roomOf();
  ada.cut();
  assertEquals(notify(ada, "bo", "waits"), true);
  ada.connect();
  await room.settle();
  assertEquals(notices(bo), ["ada, words: waits"]);
  // The relay forgets everyone: what waited belongs to a stay that is over.
  room.restart();
  assertEquals(notify(ada, "bo", "lost"), true);
  for (const seat of [ada, bo]) seat.connect();
  await room.settle();
  assertEquals([count(ada, "reconnected"), count(bo, "reconnected")], [2, 1]);
  assertEquals(notify(ada, "bo", "again"), true);
  await room.settle();
  assertEquals(notices(bo), ["ada, words: waits", "ada, words: again"]);
});

Deno.test("a member outside the present room is sent no notice", async () => {
  const { room, ada, bo } = await roomOf();
  const peer = ada.member.roster.byName("bo")!;
  room.restart();
  ada.connect();
  await room.settle();
  assertEquals(ada.member.sendNotice(peer, "words", utf8("to who is not back")), false);
  bo.connect();
  await room.settle();
  // The peer as the earlier room listed it stands for the same member.
  assertEquals(ada.member.sendNotice(peer, "words", utf8("to who is back")), true);
  await room.settle();
  assertEquals(notices(bo), ["ada, words: to who is back"]);
  bo.member.leave();
  await room.settle();
  assertEquals(ada.member.sendNotice(peer, "words", utf8("to who has left")), false);
  ada.member.close();
  await room.settle();
  assertEquals(ada.member.sendNotice(peer, "words", utf8("after the end")), false);
});

Deno.test("a member that is behind is sent notices before the lines that it missed", async () => {
  const { room, ada, bo } = await roomOf();
  await room.join("cy");
  bo.cut();
  for (let i = 0; i < 82; i++) {
    ada.member.enter("x".repeat(64_000));
    await room.settle();
  }
  bo.receives = false;
  bo.connect();
  await room.settle();
  assertEquals(notify(ada, "bo", "a notice"), true);
  await room.settle();
  bo.cut();
  bo.receives = true;
  bo.connect();
  await room.settle();
  assertEquals(notices(bo), ["ada, words: a notice"]);
  const [first] = bo.events.flatMap((event, i) => event.kind === "notice" ? [i] : []);
  const before = bo.events.slice(0, first).filter(({ kind }) => kind === "message").length;
  for (let i = 0; i < 20 && ada.member.backlog.lines > 0; i++) await room.pass(1_000);
  assertEquals([shown(bo).length, before < 82], [82, true]);
});

Deno.test("an excluded member is sent no notice, unless the policy allows it, and then nothing else", async () => {
  const excluded: Policy = { ...EVERYONE, obstacle: () => "is excluded" };
  const { room, ada, bo } = await roomOf({ ada: excluded });
  assertEquals(notify(ada, "bo", "no"), false);
  room.policies.set("cy", { ...excluded, mayNotify: ({ credential }) => credential.name === "bo" });
  const cy = await room.join("cy");
  assertEquals([notify(cy, "bo", "yes"), notify(cy, "ada", "no")], [true, false]);
  cy.member.enter("to nobody");
  await room.settle();
  assertEquals([notices(bo), shown(bo), notices(ada)], [["cy, words: yes"], [], []]);
});

Deno.test("a policy that changes while a notice waits keeps it back", async () => {
  let isExcluded = false;
  const policy: Policy = { ...EVERYONE, obstacle: () => isExcluded ? "is excluded" : undefined };
  const { room, ada, bo } = await roomOf({ ada: policy });
  ada.cut();
  assertEquals(notify(ada, "bo", "no"), true);
  isExcluded = true;
  ada.connect();
  await room.settle();
  isExcluded = false;
  ada.member.enter("hello");
  await room.settle();
  assertEquals([notices(bo), shown(bo)], [[], ["ada: hello"]]);
});

Deno.test("notices of a hidden peer are ignored", async () => {
  const { room, ada, bo } = await roomOf({ bo: { ...EVERYONE, hides: () => true } });
  assertEquals(notify(ada, "bo", "unheard"), true);
  await room.settle();
  assertEquals([notices(bo), faults(bo)], [[], []]);
});

Deno.test("16 notices of one identity and one more a second are handled, and a sender keeps 8 for each peer", async () => {
  const { room, ada, bo } = await roomOf();
  const eve = await Eve.join(room);
  const frame = new Uint8Array(
    Array.from({ length: 20 }, () => [...plaintextOf(utf8("!"))]).flat(),
  );
  for (let i = 0; i < 5; i++) await eve.tell(bo, frame);
  await room.settle();
  assertEquals(notices(bo).length, 16);
  await room.pass(3_000);
  await eve.tell(bo, frame);
  await room.settle();
  assertEquals(notices(bo).length, 19);
  // What eve causes is not charged to others.
  ada.cut();
  assertEquals(Array.from({ length: 9 }, (_, i) => notify(ada, "bo", `${i}`)), [
    ...Array(8).fill(true),
    false,
  ]);
  ada.connect();
  await room.settle();
  assertEquals(notices(bo).filter((one) => one.startsWith("ada")).length, 8);
});

Deno.test("a peer whose session key encrypts nothing is sent no notice, and the others are", async () => {
  const { room, ada, bo } = await roomOf();
  await room.join("cy");
  const wraps = (...[algorithm]: readonly unknown[]) =>
    (algorithm as Algorithm).name === "RSA-OAEP";
  await withBroken("encrypt", async () => {
    assertEquals(notify(ada, "bo", "taken, and in vain"), true);
    await room.settle();
  }, wraps);
  assertEquals(faults(ada), ["UNREACHABLE"]);
  assertEquals([notify(ada, "bo", "no"), notify(ada, "cy", "yes")], [false, true]);
  await room.settle();
  assertEquals([notices(room.seats[2]!), notices(bo)], [["ada, words: yes"], []]);
});
