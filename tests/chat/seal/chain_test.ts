import { type Bytes, secureRandom } from "../../../lib/base/bytes.ts";
import { generateSigningKeys } from "../../../lib/chat/identity/signing.ts";
import {
  audienceDigest,
  FRAMES_A_STEP,
  MAX_STEPS,
  OpenError,
  ReceivingChain,
  SendingChain,
  STEP_LIFE_MS,
} from "../../../lib/chat/seal/chain.ts";
import { CONVERSATION, encodeTexts, readSealedFrame } from "../../../lib/chat/wire/envelope.ts";
// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";

const sender = secureRandom(32);
const scope = { room: secureRandom(32), sender, conversation: CONVERSATION.group, chain: 3 };
const recipients = await audienceDigest([sender, secureRandom(32)]);
const to = { audience: 0, membership: 5, newest: 4, recipients };
const { privateKey } = await generateSigningKeys();

function text(word: string): Bytes {
  return encodeTexts([{ number: 1, time: 0, text: new TextEncoder().encode(word) }]);
}

async function pair(): Promise<{ sending: SendingChain; receiving: ReceivingChain }> {
  const sending = await SendingChain.start(scope, secureRandom, 0);
  return { sending, receiving: await ReceivingChain.take(scope, sending.grant) };
}

async function seal(chain: SendingChain, word: string) {
  return readSealedFrame((await chain.seal(to, text(word), privateKey)).slice(5));
}

Deno.test("a chain opens what it sealed, through steps that the receiver was never told of", async () => {
  const { sending, receiving } = await pair();
  for (let step = 0; step < 5; step++) {
    const frame = await seal(sending, `step ${step}`);
    assertEquals(frame.header.step, step);
    assertEquals(receiving.placeOf(frame), { is: "next" });
    assertEquals(await receiving.open(frame), text(`step ${step}`));
    receiving.pass(frame);
    await sending.advance(0);
  }
});

Deno.test("a chain follows as many steps as the counter has gone on by, and no more", async () => {
  const { sending, receiving } = await pair();
  const [first, second] = [await seal(sending, "first"), await seal(sending, "second")];
  await receiving.open(first);
  receiving.pass(first);
  for (let step = 0; step < 3; step++) await sending.advance(0);
  // The third frame is two further than the last that came, and three steps further.
  const third = await seal(sending, "third");
  assertEquals([receiving.stepsTo(second), receiving.stepsTo(third)], [0, 3]);
  assertEquals((await assertRejects(() => receiving.open(third), OpenError)).fault, "STEPS");
  assertEquals(await receiving.open(await seal(sending, "fourth")), text("fourth"));
});

Deno.test("a chain follows 1024 steps at a time and no more", async () => {
  const { sending, receiving } = await pair();
  const early = await ReceivingChain.take(scope, sending.grant);
  for (let step = 0; step < MAX_STEPS; step++) {
    await sending.advance(0);
    await seal(sending, "on its way");
  }
  const last = await seal(sending, "far");
  assertEquals(await receiving.open(last), text("far"));
  await sending.advance(0);
  const error = await assertRejects(
    async () => early.open(await seal(sending, "too far")),
    OpenError,
  );
  assertEquals(error.fault, "STEPS");
});

Deno.test("a chain does not go back", async () => {
  const { sending, receiving } = await pair();
  const before = await seal(sending, "before");
  await sending.advance(0);
  await receiving.open(await seal(sending, "after"));
  const error = await assertRejects(() => receiving.open(before), OpenError);
  assertEquals(error.fault, "STEPS");
});

Deno.test("two texts in one frame: a ciphertext opens only under the key that it commits to", async () => {
  // A sender gives two members two keys, and each the same frame. GCM alone would not tell.
  const one = await pair();
  const other = await pair();
  const frame = await seal(one.sending, "for one");
  const error = await assertRejects(() => other.receiving.open(frame), OpenError);
  assertEquals(error.fault, "COMMITMENT");
  // Nor can a key be given under the commitment to another.
  const grant = { ...other.sending.grant, commitment: one.sending.grant.commitment };
  const refused = await assertRejects(() => ReceivingChain.take(scope, grant), OpenError);
  assertEquals(refused.fault, "COMMITMENT");
});

Deno.test("a commitment that does not hold leaves the chain where it is", async () => {
  const { sending, receiving } = await pair();
  const frame = await seal(sending, "one");
  const forged = { ...frame, header: { ...frame.header, step: 7 } };
  await assertRejects(() => receiving.open(forged), OpenError);
  assertEquals(await receiving.open(frame), text("one"));
});

Deno.test("a frame is begun where its key is at hand, and opened by what was begun", async () => {
  const { sending, receiving } = await pair();
  const first = await seal(sending, "first");
  assertEquals(receiving.begin(first), undefined);
  await receiving.open(first);
  const second = await seal(sending, "second");
  const begun = receiving.begin(second);
  assertEquals(await begun, text("second"));
  // Of what was begun, and not of a second decryption: this one could not be.
  const torn = { ...second, ciphertext: second.ciphertext.slice(1) };
  assertEquals(await receiving.open(torn, begun), text("second"));
});

Deno.test("a begun frame is refused like any other: broken, of an old step, of another commitment", async () => {
  const { sending, receiving } = await pair();
  await receiving.open(await seal(sending, "first"));
  const frame = await seal(sending, "second");
  const broken = { ...frame, ciphertext: frame.ciphertext.map((byte) => byte ^ 1) };
  const refused = await assertRejects(
    () => receiving.open(broken, receiving.begin(broken)),
    OpenError,
  );
  assertEquals(refused.fault, "SEAL");
  const header = { ...frame.header, commitment: secureRandom(32) };
  const lying = { ...frame, header };
  const lie = await assertRejects(() => receiving.open(lying, receiving.begin(lying)), OpenError);
  assertEquals(lie.fault, "COMMITMENT");
  const begun = receiving.begin(frame);
  await sending.advance(0);
  await receiving.open(await seal(sending, "third"));
  const old = await assertRejects(() => receiving.open(frame, begun), OpenError);
  assertEquals(old.fault, "STEPS");
});

Deno.test("places: next, gap, repeated, altered, reordered", async () => {
  const { sending, receiving } = await pair();
  const frames = [];
  for (let i = 0; i < 4; i++) frames.push(await seal(sending, `frame ${i}`));
  const [first, second, third] = frames;
  receiving.pass(first!);
  assertEquals(receiving.placeOf(first!), { is: "repeated" });
  const altered = { ...first!, signature: first!.signature.map((byte) => byte ^ 1) };
  assertEquals(receiving.placeOf(altered), { is: "altered" });
  assertEquals(receiving.placeOf(third!), { is: "gap", missing: 1 });
  receiving.pass(third!);
  assertEquals(receiving.placeOf(second!), { is: "reordered" });
});

Deno.test("a chain is worn after 1024 frames or an hour, and fresh after a step", async () => {
  const { sending } = await pair();
  for (let i = 0; i < FRAMES_A_STEP - 1; i++) await sending.seal(to, text("x"), privateKey);
  assertEquals(sending.isWorn(0), false);
  await sending.seal(to, text("x"), privateKey);
  assertEquals(sending.isWorn(0), true);
  await sending.advance(10);
  assertEquals(sending.isWorn(10 + STEP_LIFE_MS - 1), false);
  assertEquals(sending.isWorn(10 + STEP_LIFE_MS), true);
});

Deno.test("equal texts have different ciphertexts, and counters of their own", async () => {
  const { sending } = await pair();
  const [one, other] = await Promise.all([seal(sending, "same"), seal(sending, "same")]);
  assert(one.ciphertext.some((byte, i) => byte !== other.ciphertext[i]));
  assertEquals([one.header.counter, other.header.counter], [0, 1]);
});

Deno.test("the digest of an audience does not depend on the order of its members", async () => {
  const members = [secureRandom(32), secureRandom(32), secureRandom(32)];
  assertEquals(await audienceDigest(members), await audienceDigest(members.toReversed()));
});
