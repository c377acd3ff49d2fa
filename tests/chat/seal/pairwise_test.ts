import { type Bytes, secureRandom, utf8 } from "../../../lib/base/bytes.ts";
import {
  MAX_UNWRAPPED,
  PairError,
  type PairFault,
  PairReceiver,
  PairSender,
} from "../../../lib/chat/seal/pairwise.ts";
import { type Entry, type PairFrame, readPair } from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { Clock, credentialOf } from "../keys.ts";
// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";

const clock = new Clock();
const ada = await credentialOf("ada", 0, clock.now);
const bo = await credentialOf("bo", 1, clock.now);
const cy = await credentialOf("cy", 2, clock.now);
const room = secureRandom(32);
const context = secureRandom(32);
const at = { version: 7, context };
const pair = { room, sender: ada.member, recipient: bo.member };
const numbers = { sender: 1, recipient: 2 };
const NOTHING = new Uint8Array(0);

function sender(): Promise<PairSender> {
  return PairSender.to(pair, bo.keys.session.publicKey, secureRandom);
}

function receiver(other = pair, sessionKey = bo.keys.session.privateKey): PairReceiver {
  return new PairReceiver(other, sessionKey, ada.keys.signing.publicKey);
}

async function seal(from: PairSender, plaintext: Bytes): Promise<PairFrame> {
  const frame = await from.seal(numbers, at, plaintext, ada.keys.signing.privateKey);
  return readPair(frame.slice(FRAME_HEADER_BYTES));
}

async function fault(to: PairReceiver, frame: PairFrame, of = context): Promise<PairFault> {
  return (await assertRejects(() => to.open(frame, of), PairError)).fault;
}

/** A speaker and a recipient that has its key. */
async function met(): Promise<{ from: PairSender; to: PairReceiver }> {
  const [from, to] = [await sender(), receiver()];
  await to.open(await seal(from, utf8("hello")), context);
  return { from, to };
}

Deno.test("a pair frame carries the wrapped key until a receipt has proved that it came", async () => {
  const [from, to] = [await sender(), receiver()];
  const first = await seal(from, utf8("one"));
  const second = await seal(from, utf8("two"));
  assertEquals([first.wrapped.length, second.wrapped.length], [256, 256]);
  assertEquals(first.wrapped, second.wrapped, "it is wrapped once");
  assertEquals([first.header.use, second.header.use], [0, 1]);
  assert(!to.hasKey);
  // The first frame is lost, and the second one brings the key.
  assertEquals(await to.open(second, context), { plaintext: utf8("two"), isNewKey: true });
  assertEquals(await to.open(first, context), { plaintext: utf8("one"), isNewKey: false });
  assert(to.hasKey);
  assert(!from.isProven);
  const receipt = await to.receipt(1, at, utf8("taken"));
  assertEquals(await from.openReceipt(receipt, context), utf8("taken"));
  assert(from.isProven);
  const third = await seal(from, utf8("three"));
  assertEquals([third.wrapped.length, third.header.use], [0, 2]);
  assertEquals(await to.open(third, context), { plaintext: utf8("three"), isNewKey: false });
});

Deno.test("a receipt that does not open has no effect", async () => {
  const { from, to } = await met();
  const receipt = await to.receipt(1, at, utf8("taken"));
  const broken = { ...receipt, box: receipt.box.map((byte) => byte ^ 1) };
  assertEquals(await from.openReceipt(broken, context), undefined);
  assert(!from.isProven);
  assertEquals(
    await from.openReceipt(receipt, context),
    utf8("taken"),
    "its sequence is not used up",
  );
});

Deno.test("only receipts and asks with a higher sequence than before are accepted", async () => {
  const { from, to } = await met();
  const receipts = [];
  for (const word of ["one", "two", "three"]) receipts.push(await to.receipt(1, at, utf8(word)));
  assertEquals(await from.openReceipt(receipts[1]!, context), utf8("two"));
  assertEquals(await from.openReceipt(receipts[1]!, context), undefined);
  assertEquals(await from.openReceipt(receipts[0]!, context), undefined);
  assertEquals(await from.openReceipt(receipts[2]!, context), utf8("three"));
  const asks = [];
  for (let i = 0; i < 3; i++) asks.push(await from.ask(2, at, NOTHING));
  assertEquals(await to.openAsk(asks[1]!, context), NOTHING);
  assertEquals(await to.openAsk(asks[1]!, context), undefined);
  assertEquals(await to.openAsk(asks[0]!, context), undefined);
  assertEquals(await to.openAsk(asks[2]!, context), NOTHING);
});

Deno.test("a receipt received twice at the same time counts once", async () => {
  const { from, to } = await met();
  const receipt = await to.receipt(1, at, utf8("taken"));
  const opened = await Promise.all([1, 2].map(() => from.openReceipt(receipt, context)));
  assertEquals(opened.filter((one) => one !== undefined).length, 1);
});

Deno.test("an ask that does not open has no effect, and one received twice counts once", async () => {
  const { from, to } = await met();
  const ask = await from.ask(2, at, NOTHING);
  const broken = { ...ask, box: ask.box.map((byte) => byte ^ 1) };
  assertEquals(await to.openAsk(broken, context), undefined);
  const opened = await Promise.all([1, 2].map(() => to.openAsk(ask, context)));
  assertEquals(opened, [NOTHING, undefined]);
  assertEquals(await to.openAsk(ask, context), undefined);
});

Deno.test("a receipt or an ask does not open as the other or at another place", async () => {
  const { from, to } = await met();
  const receipt = await to.receipt(1, at, NOTHING);
  const ask = await from.ask(2, at, NOTHING);
  assertEquals(await to.openAsk({ ...receipt, sequence: 1 }, context), undefined);
  assertEquals(await to.openAsk(receipt, context), undefined);
  assertEquals(await from.openReceipt(ask, context), undefined);
  const moves: Record<string, [Entry, Bytes]> = {
    sequence: [{ ...receipt, sequence: 1 }, context],
    version: [{ ...receipt, version: 8 }, context],
    context: [receipt, secureRandom(32)],
  };
  for (const [what, [entry, of]] of Object.entries(moves)) {
    assertEquals(await from.openReceipt(entry, of), undefined, what);
  }
  const other = await sender();
  assertEquals(await other.openReceipt(receipt, context), undefined, "another key");
  // The relay replaces the number of the member on the way: it is not bound.
  assertEquals(await from.openReceipt({ ...receipt, member: 9 }, context), NOTHING);
});

Deno.test("an ask without a key is passed over", async () => {
  const from = await sender();
  assertEquals(await receiver().openAsk(await from.ask(2, at, NOTHING), context), undefined);
});

Deno.test("a stay that begins anew brings a pairwise key of its own, which is taken", async () => {
  const to = receiver();
  const [first, second] = [await sender(), await sender()];
  const opens = async (from: PairSender, isNewKey: boolean) => {
    const plaintext = utf8("x");
    assertEquals(await to.open(await seal(from, plaintext), context), { plaintext, isNewKey });
  };
  await opens(first, true);
  await opens(first, false);
  const early = [await to.receipt(1, at, NOTHING), await to.receipt(1, at, NOTHING)];
  assertEquals(early.map(({ sequence }) => sequence), [0, 1]);
  for (let i = 0; i < 2; i++) assert(await to.openAsk(await first.ask(2, at, NOTHING), context));
  await opens(second, true);
  // Receipts go under the key that opened last. Their sequences go on: an earlier key may come back. Asks have a new key.
  const receipt = await to.receipt(1, at, NOTHING);
  assertEquals(receipt.sequence, 2);
  assertEquals(await first.openReceipt(receipt, context), undefined);
  assertEquals(await second.openReceipt(receipt, context), NOTHING);
  const ask = await second.ask(2, at, NOTHING);
  assertEquals([ask.sequence, await to.openAsk(ask, context)], [0, NOTHING]);
});

Deno.test("a recipient unwraps eight keys for one stay of a sender, and no more", async () => {
  const to = receiver();
  for (let i = 0; i < MAX_UNWRAPPED; i++) {
    assert((await to.open(await seal(await sender(), utf8("x")), context)).isNewKey);
  }
  assertEquals(MAX_UNWRAPPED, 8);
  assertEquals(await fault(to, await seal(await sender(), utf8("x"))), "BAD_KEY");
});

Deno.test("a wrapped key that does not unwrap counts among the eight", async () => {
  const to = receiver();
  const frame = await seal(await sender(), utf8("x"));
  const torn = { ...frame, wrapped: frame.wrapped.map((byte) => byte ^ 1) };
  for (let i = 0; i < MAX_UNWRAPPED; i++) assertEquals(await fault(to, torn), "BAD_KEY");
  assertEquals(await fault(to, frame), "BAD_KEY");
});

Deno.test("a key is kept only if it opened something", async () => {
  const { from, to } = await met();
  const other = await seal(await sender(), utf8("x"));
  const broken = { ...other, ciphertext: other.ciphertext.map((byte) => byte ^ 1) };
  assertEquals(await fault(to, broken), "BAD_KEY");
  assertEquals((await to.open(await seal(from, utf8("more")), context)).isNewKey, false);
  const receipt = await to.receipt(1, at, NOTHING);
  assertEquals(await from.openReceipt(receipt, context), NOTHING);
});

Deno.test("a frame without a wrapped key does not open for whom never got one", async () => {
  const { from, to } = await met();
  await from.openReceipt(await to.receipt(1, at, NOTHING), context);
  assertEquals(await fault(receiver(), await seal(from, utf8("x"))), "BAD_KEY");
});

Deno.test("a frame without a wrapped key does not count among the eight", async () => {
  const to = receiver();
  const frame = await seal(await sender(), utf8("x"));
  for (let i = 0; i < MAX_UNWRAPPED; i++) {
    assertEquals(await fault(to, { ...frame, wrapped: NOTHING }), "BAD_KEY");
  }
  assert((await to.open(frame, context)).isNewKey);
});

Deno.test("a pairwise key that does not have 32 bytes is not taken", async () => {
  const short = await PairSender.to(pair, bo.keys.session.publicKey, () => secureRandom(31));
  assertEquals(await fault(receiver(), await seal(short, utf8("x"))), "BAD_KEY");
});

Deno.test("the label of a wrapped key binds it to the room, the sender and the recipient", async () => {
  const frame = await seal(await sender(), utf8("x"));
  for (
    const other of [
      { ...pair, room: secureRandom(32) },
      { ...pair, sender: cy.member },
      { ...pair, recipient: cy.member },
    ]
  ) assertEquals(await fault(receiver(other), frame), "BAD_KEY");
  assertEquals(await fault(receiver(pair, cy.keys.session.privateKey), frame), "BAD_KEY");
});

Deno.test("a pair frame neither verifies nor opens with another header, context, sender or room", async () => {
  const { from, to } = await met();
  const frame = await seal(from, utf8("x"));
  assert(await to.verify(frame, context));
  const moves: Record<string, PairFrame> = {
    use: { ...frame, header: { ...frame.header, use: 9 } },
    version: { ...frame, header: { ...frame.header, version: 8 } },
  };
  for (const [what, moved] of Object.entries(moves)) {
    assertEquals(await to.verify(moved, context), false, what);
    assertEquals(await fault(to, { ...moved, wrapped: NOTHING }), "BAD_KEY", what);
  }
  assertEquals(await to.verify(frame, secureRandom(32)), false, "context");
  assertEquals(await fault(to, { ...frame, wrapped: NOTHING }, secureRandom(32)), "BAD_KEY");
  assertEquals(await to.verify({ ...frame, wrapped: NOTHING }, context), false, "wrapped");
  const ciphertext = frame.ciphertext.map((byte) => byte ^ 1);
  assertEquals(await to.verify({ ...frame, ciphertext }, context), false, "ciphertext");
  for (const other of [{ ...pair, room: secureRandom(32) }, { ...pair, sender: cy.member }]) {
    assertEquals(await receiver(other).verify(frame, context), false);
  }
  const byCy = new PairReceiver(pair, bo.keys.session.privateKey, cy.keys.signing.publicKey);
  assertEquals(await byCy.verify(frame, context), false, "another signer");
});

Deno.test("a pairwise key is not wrapped to a session key that cannot encrypt", async () => {
  const { publicKey } = bo.keys.identity;
  await assertRejects(() => PairSender.to(pair, publicKey, secureRandom));
});
