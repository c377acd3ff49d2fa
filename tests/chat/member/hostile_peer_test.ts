/**
 * What a member that keeps to the protocol's form and to nothing else can do to another one.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import type { Credential } from "../../../lib/chat/identity/credential.ts";
import { PairLines, REPAIRS } from "../../../lib/chat/member/contacts.ts";
import { Ledger } from "../../../lib/chat/member/deliveries.ts";
import type { RoomContext } from "../../../lib/chat/member/options.ts";
import type { OwnChain } from "../../../lib/chat/member/own_chains.ts";
import { MAX_UNWRAPPED } from "../../../lib/chat/seal/pairwise.ts";
import {
  encodeMessages,
  encodeTexts,
  type PairMessage,
  readPairMessages,
  readReceipt,
  STREAM,
} from "../../../lib/chat/wire/content.ts";
import { readEntries, readPair } from "../../../lib/chat/wire/envelope.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { Eve } from "../eve.ts";
import { Copies, count, faults, type Seat, shown, TestRoom } from "../room.ts";

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

/** Several members of eve's, each of which has been sent two lines by ada, and says that it lacks the first. */
async function liars(room: TestRoom, ada: Seat, names: readonly string[]) {
  const eves: Eve[] = [];
  for (const name of names) eves.push(await Eve.join(room, name));
  for (const eve of eves) await eve.here();
  await room.settle();
  for (const text of ["x".repeat(60_000), "y"]) {
    ada.member.enter(text);
    await room.settle();
  }
  const keyed = await Promise.all(
    eves.map(async (eve) => ({ eve, receiver: await eve.receiver(ada) })),
  );
  return async () => {
    for (const { eve, receiver } of keyed) {
      await eve.receipt(ada, receiver, [{
        stream: STREAM.group,
        through: 0,
        seen: 2,
        withheld: 0,
      }]);
    }
    await room.settle();
  };
}

/** The kinds of the large frames that a member has sent after the first `from` frames. */
function kindsOf({ sent }: Seat, from: number): number[] {
  return sent.slice(from).map((bytes) => bytes[4]!)
    .filter((kind) => kind === KIND.sealed || kind === KIND.pair);
}

Deno.test("a recipient that never takes what is sent again gets it after 1, 2, 4 seconds and up to half a minute", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const lie = await liars(room, ada, ["eve"]);
  const at: number[] = [];
  let noted = ada.sent.length;
  const note = (second: number) => {
    at.push(...kindsOf(ada, noted).map(() => second));
    noted = ada.sent.length;
  };
  for (let second = 0; second < 95; second++) {
    await lie();
    note(second);
    await room.pass(1_000);
    note(second + 1);
  }
  assertEquals(at, [0, 1, 3, 7, 15, 31, 61, 91]);
});

Deno.test("a line to everyone comes between two repairs", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const lie = await liars(room, ada, ["evea", "eveb"]);
  await lie();
  await lie();
  const before = ada.sent.length;
  room.clock.advance(2_000);
  ada.member.tick();
  ada.member.enter("between");
  await room.settle();
  assertEquals(kindsOf(ada, before), [KIND.pair, KIND.sealed, KIND.pair]);
});

Deno.test("what is sent again to all contacts together is bounded", () => {
  let now = 0;
  const ledger = new Ledger(() => {});
  const contacts = Array.from({ length: 200 }, (_, i) => {
    const credential = { key: `${i}`, folded: `${i}` } as Credential;
    return ledger.add({ number: i + 1, credential, confirmed: true, away: false }, 0, 0);
  });
  const text = "x".repeat(60_000);
  const line = { id: "", stream: STREAM.group, number: 1, time: 0, text, bytes: 60_000 };
  ledger.enter(
    { ...line, to: undefined, version: 200, leftOut: new Set() },
    new Uint8Array(32),
    0,
  );
  const chain = { isHolder: () => false } as unknown as OwnChain;
  const lines = new PairLines({ ledger, now: () => now } as RoomContext, chain);
  const repaired = () => {
    let bytes = 0;
    for (const contact of contacts) {
      contact.streams[STREAM.group].send(1);
      contact.streams[STREAM.group].lose(1);
      if (!lines.isRepairDue(contact)) continue;
      for (const one of lines.messagesTo(contact, [])) bytes += one.kind === "line" ? 60_000 : 0;
    }
    return bytes;
  };
  const within = (bytes: number, bound: number) =>
    assert(bytes > bound - 120_000 && bytes <= bound + 60_000, `${bytes} of ${bound} bytes`);
  within(repaired(), REPAIRS.burst);
  now += 2_000;
  within(repaired(), 2 * REPAIRS.perSecond);
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
  // A kind that is reserved takes a number, which is withheld, and is skipped.
  await eve.seal(chain, padded(9, 0, 0, 2, 7, 7));
  await eve.say(chain, "two", { number: 2 });
  assertEquals([shown(ada), faults(ada).length, count(ada, "ended")], [["eve: two"], 3, 0]);
  const [entry] = readEntries(eve.raw.frames(KIND.receipt).at(-1)!);
  const opened = await (await eve.pair(ada)).openReceipt(entry!, (await eve.at()).context);
  assertEquals(readReceipt(opened!)[0], {
    stream: STREAM.group,
    through: 2,
    seen: 2,
    withheld: 1,
  });
  // So is a line of a stream that is not known.
  const line = encodeMessages([
    { kind: "line", stream: STREAM.private, number: 1, last: 0, time: 0, text: "psst" },
  ]);
  await eve.tell(ada, line.with(4, 77));
  await eve.tell(ada, line);
  await room.settle();
  assertEquals([shown(ada), faults(ada).length], [["eve: two", "eve: psst"], 3]);
});

Deno.test("the two newest chains of a sender are kept, and an older one or an older step of one is not taken", async () => {
  const { ada, eve } = await withEve();
  const chains = await Promise.all([5, 6, 7, 3].map((chain) => eve.chain(chain)));
  for (const chain of chains) await eve.grant(ada, chain, { next: 3, last: 2 });
  for (const [i, chain] of chains.entries()) {
    await eve.say(chain, `${chain.scope.chain}`, { number: 3 + i });
  }
  assertEquals(shown(ada), ["eve: 6", "eve: 7"]);
  // The numbers of a grant whose key is ignored count all the same.
  assertEquals(faults(ada), ["GAP", "NO_KEY", "GAP", "NO_KEY"]);
  const newest = chains[2]!;
  const { grant } = newest;
  for (let i = 0; i < 3; i++) await newest.advance();
  await eve.grant(ada, newest, { next: 6, last: 5 });
  await eve.grant(ada, newest, { next: 6, last: 5, key: new Uint8Array(32) });
  const old = { kind: "grant" as const, chain: 7, ...grant, next: 6, last: 5 };
  await eve.tell(ada, [old]);
  await eve.say(newest, "three steps on", { number: 6 });
  assertEquals(shown(ada), ["eve: 6", "eve: 7", "eve: three steps on"]);
});

Deno.test("what is sent again brings no key of a chain from which its recipient was excluded", async () => {
  const room = new TestRoom();
  let isExcluded = false;
  const isEve = ({ credential }: { credential: Credential }) => credential.name === "eve";
  room.policies.set("ada", {
    obstacle: (peer) => isExcluded && isEve(peer) ? "is excluded" : undefined,
    hides: () => false,
  });
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const eve = await Eve.join(room);
  ada.member.enter("one");
  await room.settle();
  const receiver = await eve.receiver(ada);
  isExcluded = true;
  ada.member.enter("not for eve");
  await room.settle();
  isExcluded = false;
  const before = eve.raw.frames(KIND.pair).length;
  await eve.receipt(ada, receiver, [{ stream: STREAM.group, through: 0, seen: 1, withheld: 0 }]);
  await room.settle();
  await room.pass(1000);
  const again = await Promise.all(
    eve.raw.frames(KIND.pair).slice(before).map(async (payload) => {
      const frame = readPair(payload);
      const { context } = await eve.at(frame.header.version);
      const { plaintext } = await receiver.open(frame, context);
      return readPairMessages(plaintext).map(({ kind }) => kind);
    }),
  );
  assertEquals(again, [["line"]]);
  assertEquals(shown(bo), ["ada: one", "ada: not for eve"]);
});

Deno.test("`gone` closes gaps of its sender's streams only, and is reported", async () => {
  const { room, ada, bo, eve } = await withEve();
  const chain = await eve.chain(0);
  await eve.grant(ada, chain);
  await eve.say(chain, "one");
  await eve.tell(ada, [{ kind: "gone", stream: STREAM.group, number: 1_000 }]);
  await room.settle();
  await eve.say(chain, "too late", { number: 500 });
  await eve.seal(chain, encodeTexts([{ time: 0, text: "after" }]), { number: 1_001 });
  bo.member.enter("unmoved");
  await room.settle();
  assertEquals(shown(ada), ["eve: one", "eve: after", "bo: unmoved"]);
  assertEquals(faults(ada), ["GAP"]);
});

Deno.test("a frame whose messages have numbers above 48 bits is not shown", async () => {
  const { room, ada, eve } = await withEve();
  const chain = await eve.chain(0);
  await eve.grant(ada, chain);
  await room.settle();
  const number = 2 ** 48 - 1;
  const two = ["last", "one more"].map((text) => ({ time: 0, text }));
  await eve.seal(chain, encodeTexts(two), { number });
  assertEquals([shown(ada), faults(ada)], [[], ["BAD_CONTENT"]]);
  await eve.say(chain, "last", { number });
  assertEquals([shown(ada), faults(ada)], [["eve: last"], ["BAD_CONTENT", "GAP"]]);
});
