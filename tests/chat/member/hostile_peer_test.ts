/**
 * What a member that keeps to the protocol's form and to nothing else can do to another one.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../../lib/base/bytes.ts";
import { MAX_UNWRAPPED } from "../../../lib/chat/seal/pairwise.ts";
import {
  encodeMessages,
  encodeTexts,
  type PairMessage,
  STREAM,
} from "../../../lib/chat/wire/content.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { Eve } from "../eve.ts";
import { Copies, count, faults, shown, TestRoom } from "../room.ts";

/** A room of ada, bo and eve. */
async function withEve() {
  const room = new TestRoom();
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  return { room, ada, bo, eve: await Eve.join(room) };
}

Deno.test("steps beyond the frame's number are refused, and other steps are followed at a limited rate", async () => {
  const { room, ada, eve } = await withEve();
  const chain = await eve.chain(0);
  await eve.grant(ada, chain);
  let number = 0;
  const jump = async (steps: number, by = steps) => {
    number += by;
    for (let i = 0; i < steps; i++) await chain.advance();
    await eve.say(chain, `${number}`, { number });
  };
  await jump(3, 1);
  assertEquals([shown(ada), faults(ada)], [[], ["BAD_STEP"]]);
  const again = await eve.chain(1);
  await eve.grant(ada, again, { next: 2 });
  // 64 steps beyond the first, for an identity; 8 more a second.
  for (let i = 0; i < 60; i++) await again.advance();
  await eve.say(again, "60 steps on", { number: 70 });
  assertEquals(shown(ada), ["eve: 60 steps on"]);
  for (let i = 0; i < 1_024; i++) await again.advance();
  await eve.say(again, "1,024 steps on", { number: 2_000 });
  await room.pass(8_000);
  await eve.say(again, "and after 8 s", { number: 2_001 });
  assertEquals(shown(ada), ["eve: 60 steps on"]);
  assertEquals(faults(ada).filter((code) => code === "BAD_STEP").length, 3);
});

Deno.test("a chain that was refused for its steps continues after a grant", async () => {
  const { ada, eve } = await withEve();
  const chain = await eve.chain(0);
  await eve.grant(ada, chain);
  for (let i = 0; i < 500; i++) await chain.advance();
  await eve.say(chain, "too far", { number: 500 });
  assertEquals(faults(ada), ["BAD_STEP"]);
  await eve.grant(ada, chain, { next: 501, last: 0 });
  await eve.say(chain, "granted", { number: 501 });
  assertEquals(shown(ada), ["eve: granted"]);
});

/** Counts how often a method of the runtime's cryptography is called. Dispose of it at the end of the test. */
class Calls implements Disposable {
  readonly #name: "deriveBits";
  readonly #method: unknown;
  count = 0;

  constructor(name: "deriveBits") {
    this.#name = name;
    const method = this.#method = Reflect.get(SubtleCrypto.prototype, name);
    const counted = () => this.count++;
    Reflect.set(SubtleCrypto.prototype, name, function (this: SubtleCrypto, ...args: unknown[]) {
      counted();
      return Reflect.apply(method, this, args);
    });
  }

  [Symbol.dispose](): void {
    Reflect.set(SubtleCrypto.prototype, this.#name, this.#method);
  }
}

Deno.test("a frame with two grants derives no key, and the keys of 256 grants of one identity are taken at once", async () => {
  const { room, ada, eve } = await withEve();
  const key = new Uint8Array(32);
  const grant = (chain: number): PairMessage => (
    { kind: "grant", chain, step: 0, key, next: 1, last: 0 }
  );
  await eve.tell(ada, []);
  await room.settle();
  using derived = new Calls("deriveBits");
  await eve.tell(ada, [grant(0), grant(1)]);
  await room.settle();
  assertEquals([faults(ada), derived.count], [["BAD_CONTENT"], 0]);
  for (let chain = 0; chain < 300; chain++) await eve.tell(ada, [grant(chain)]);
  await room.settle();
  // The commitment and the message key of each.
  assertEquals(derived.count, 2 * 256);
  const chain = await eve.chain(300);
  await eve.grant(ada, chain);
  await eve.say(chain, "too many");
  assertEquals([shown(ada), faults(ada)], [[], ["BAD_CONTENT", "NO_KEY"]]);
  await room.pass(1_000);
  await eve.grant(ada, chain);
  await eve.say(chain, "and after a second");
  assertEquals(shown(ada), ["eve: and after a second"]);
});

Deno.test("a flood of asks is answered at a limited rate and costs nobody else", async () => {
  const { room, ada, bo, eve } = await withEve();
  const chain = await eve.chain(0);
  await eve.grant(ada, chain);
  await eve.say(chain, "hello");
  const receipts = () => ada.sent.filter((bytes) => bytes[4] === KIND.receipt).length;
  const before = receipts();
  for (let i = 0; i < 200; i++) await eve.ask(ada);
  await room.settle();
  assert(receipts() - before <= 2, `${receipts() - before} answers`);
  for (let i = 0; i < 4; i++) await room.pass(250);
  assert(receipts() - before <= 6, `${receipts() - before} answers in a second`);
  ada.member.enter("still here");
  await room.settle();
  assertEquals([shown(bo), count(ada, "ended")], [["ada: still here"], 0]);
});

Deno.test("a member unwraps a limited number of pairwise keys of one stay", async () => {
  const { room, ada, eve } = await withEve();
  for (let i = 0; i < MAX_UNWRAPPED + 4; i++) {
    await eve.pair(ada, true);
    await eve.tell(ada, []);
  }
  await room.settle();
  assertEquals(faults(ada), ["BAD_KEY", "BAD_KEY", "BAD_KEY", "BAD_KEY"]);
});

Deno.test("a frame opens under one key only, because its signature covers a commitment to the key", async () => {
  const { ada, bo, eve } = await withEve();
  const [chain, other] = [await eve.chain(0), await eve.chain(0)];
  await eve.grant(ada, chain);
  await eve.grant(bo, other);
  await eve.say(chain, "for ada");
  assertEquals([shown(ada), faults(ada)], [["eve: for ada"], []]);
  assertEquals([shown(bo), faults(bo)], [[], ["BAD_SIGNATURE"]]);
});

Deno.test("a second text under a number that was shown is dropped", async () => {
  const { ada, bo, eve } = await withEve();
  using copies = new Copies();
  const chain = await eve.chain(0);
  for (const seat of [ada, bo]) await eve.grant(seat, chain);
  await eve.say(chain, "yes");
  await eve.say(chain, "no");
  assertEquals([shown(ada), shown(bo)], [["eve: yes"], ["eve: yes"]]);
  assertEquals(copies.count, 2, "one at each of them");
});

Deno.test("content that is malformed, or of unknown kinds, is not shown, and what follows is", async () => {
  const { room, ada, eve } = await withEve();
  const chain = await eve.chain(0);
  await eve.grant(ada, chain);
  const padded = (...head: number[]) => new Uint8Array(32).with(0, 0).map((_, i) => head[i] ?? 0);
  // No message; a text without text; padding that is not zero.
  for (const plaintext of [padded(), padded(1, 0, 0, 6), padded(0, 1)]) {
    await eve.seal(chain, plaintext);
  }
  assertEquals([shown(ada), faults(ada)], [[], ["BAD_CONTENT", "BAD_CONTENT", "BAD_CONTENT"]]);
  // A kind that is reserved takes a number, and is skipped.
  await eve.seal(chain, padded(9, 0, 0, 2, 7, 7));
  await eve.say(chain, "two", { number: 2 });
  assertEquals([shown(ada), count(ada, "ended")], [["eve: two"], 0]);
  // So is a line of a stream that is not known.
  const line = encodeMessages([
    { kind: "line", stream: STREAM.private, number: 1, last: 0, time: 0, text: utf8("psst") },
  ]);
  await eve.tell(ada, line.with(4, 77));
  await eve.tell(ada, line);
  await room.settle();
  assertEquals(shown(ada), ["eve: two", "eve: psst"]);
});

Deno.test("`gone` closes gaps of its sender's streams only, and is reported", async () => {
  const { room, ada, bo, eve } = await withEve();
  const chain = await eve.chain(0);
  await eve.grant(ada, chain);
  await eve.say(chain, "one");
  await eve.tell(ada, [{ kind: "gone", stream: STREAM.group, number: 1_000 }]);
  await room.settle();
  await eve.say(chain, "too late", { number: 500 });
  await eve.seal(chain, encodeTexts([{ time: 0, text: utf8("after") }]), { number: 1_001 });
  bo.member.enter("unmoved");
  await room.settle();
  assertEquals(shown(ada), ["eve: one", "eve: after", "bo: unmoved"]);
  assertEquals(faults(ada), ["GAP"]);
});
