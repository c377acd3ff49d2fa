import { type Bytes, secureRandom } from "../../../lib/base/bytes.ts";
import { generateSigningKeys } from "../../../lib/chat/identity/signing.ts";
import {
  commitmentTo,
  LAST_STEP,
  MAX_STEPS,
  nextKey,
  OpenError,
  type OpenFault,
  ReceivingChain,
  type SealedPlace,
  SendingChain,
} from "../../../lib/chat/seal/chain.ts";
import { encodeTexts } from "../../../lib/chat/wire/content.ts";
import { readSealed, type SealedFrame } from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";

const scope = { room: secureRandom(32), sender: secureRandom(32), chain: 3 };
const context = secureRandom(32);
const place = { sender: 4, route: 0, version: 9, context };
const { privateKey, publicKey } = await generateSigningKeys();

function text(word: string): Bytes {
  return encodeTexts([{ time: 0, text: word }]);
}

/** A sender's chain and a recipient's, which expects the message with number 1. */
async function pair(): Promise<{ sending: SendingChain; receiving: ReceivingChain }> {
  const sending = await SendingChain.start(scope, secureRandom);
  return { sending, receiving: await receiverOf(sending) };
}

function receiverOf({ scope, grant }: SendingChain, next = 1): Promise<ReceivingChain> {
  return ReceivingChain.take(scope, publicKey, { ...grant, next });
}

async function seal(
  chain: SendingChain,
  number: number,
  to: Partial<SealedPlace> = {},
): Promise<SealedFrame> {
  const frame = await chain.seal({ ...place, number, ...to }, text(`text ${number}`), privateKey);
  return readSealed(frame.slice(FRAME_HEADER_BYTES));
}

/** Takes steps without sealing. */
async function advance(chain: SendingChain, steps: number): Promise<void> {
  for (let i = 0; i < steps; i++) await chain.advance();
}

async function fault(chain: ReceivingChain, frame: SealedFrame, at = context): Promise<OpenFault> {
  return (await assertRejects(() => chain.open(frame, at), OpenError)).fault;
}

Deno.test("a chain opens what it sealed, through steps that the receiver was never told of", async () => {
  const { sending, receiving } = await pair();
  for (let number = 1; number <= 5; number++) {
    const frame = await seal(sending, number);
    assertEquals(frame.header.step, number - 1);
    assertEquals(await receiving.open(frame, context), text(`text ${number}`));
    assertEquals(receiving.step, number - 1);
    receiving.expect(number + 1);
    await sending.advance();
  }
});

Deno.test("a chain follows as many steps as the number is beyond the expected one, and one more", async () => {
  const { sending, receiving } = await pair();
  await advance(sending, 3);
  // Number 3 is 2 beyond number 1, which is expected: 3 steps may be taken, and 4 may not.
  assertEquals(receiving.stepsTo(await seal(sending, 3)), 3);
  assertEquals(await receiving.open(await seal(sending, 3), context), text("text 3"));
  receiving.expect(4);
  await advance(sending, 2);
  const error = await assertRejects(
    async () => receiving.open(await seal(sending, 4), context),
    OpenError,
  );
  assertEquals(error.fault, "BAD_STEP");
  assertEquals(await receiving.open(await seal(sending, 5), context), text("text 5"));
});

Deno.test("a number below the expected one explains no step", async () => {
  const { sending } = await pair();
  const receiving = await receiverOf(sending, 10);
  assertEquals(await receiving.open(await seal(sending, 8), context), text("text 8"));
  await sending.advance();
  assertEquals(await fault(receiving, await seal(sending, 8)), "BAD_STEP");
  assertEquals(await fault(receiving, await seal(sending, 9)), "BAD_STEP");
  assertEquals(await receiving.open(await seal(sending, 10), context), text("text 10"));
});

Deno.test("a chain follows 1024 steps at a time and no more", async () => {
  const { sending, receiving } = await pair();
  const early = await receiverOf(sending);
  await advance(sending, MAX_STEPS);
  assertEquals(await receiving.open(await seal(sending, 5000), context), text("text 5000"));
  await sending.advance();
  assertEquals(await fault(early, await seal(sending, 5000)), "BAD_STEP");
});

Deno.test("a chain does not go back", async () => {
  const { sending, receiving } = await pair();
  const before = await seal(sending, 1);
  await sending.advance();
  await receiving.open(await seal(sending, 2), context);
  assertEquals(await fault(receiving, before), "BAD_STEP");
});

/** Takes steps whose keys are zeros: 65,535 real ones would take long. */
async function skip(chain: SendingChain, steps: number): Promise<void> {
  const { deriveBits, importKey } = crypto.subtle;
  const key = await crypto.subtle.importKey("raw", new Uint8Array(32), "AES-GCM", false, [
    "encrypt",
  ]);
  Reflect.set(crypto.subtle, "deriveBits", () => Promise.resolve(new ArrayBuffer(32)));
  Reflect.set(crypto.subtle, "importKey", () => Promise.resolve(key));
  await advance(chain, steps).finally(() =>
    Object.assign(crypto.subtle, { deriveBits, importKey })
  );
}

Deno.test("a chain is spent at its last step, under which it still seals", async () => {
  const sending = await SendingChain.start(scope, secureRandom);
  await skip(sending, LAST_STEP - 1);
  assertEquals([sending.grant.step, sending.isSpent], [LAST_STEP - 1, false]);
  await sending.advance();
  assertEquals([sending.grant.step, sending.isSpent], [LAST_STEP, true]);
  const receiving = await receiverOf(sending);
  assertEquals(await receiving.open(await seal(sending, 1), context), text("text 1"));
});

Deno.test("two texts in one frame: the signature holds only with the commitment to the receiver's key", async () => {
  // A sender gives two members two keys, and each the same frame. AES-GCM alone would not tell.
  const one = await pair();
  const other = await pair();
  assertNotEquals(
    await commitmentTo(scope, 0, one.sending.grant.key),
    await commitmentTo(scope, 0, other.sending.grant.key),
  );
  assertEquals(await fault(other.receiving, await seal(one.sending, 1)), "BAD_SIGNATURE");
});

Deno.test("nothing changes unless the signature and the seal hold", async () => {
  const { sending, receiving } = await pair();
  const first = await seal(sending, 1);
  await sending.advance();
  const ahead = await seal(sending, 2);
  const signature = ahead.signature.map((byte) => byte ^ 1);
  assertEquals(await fault(receiving, { ...ahead, signature }), "BAD_SIGNATURE");
  const header = { ...ahead.header, step: 0 };
  assertEquals(await fault(receiving, { ...ahead, header }), "BAD_SIGNATURE");
  assertEquals(receiving.step, 0);
  assertEquals(await receiving.open(first, context), text("text 1"));
});

Deno.test("a frame that its sender signed under a wrong ciphertext does not open, and changes nothing", async () => {
  // The signature covers the broken ciphertext: it holds, and the tag does not.
  const { sending, receiving } = await pair();
  const { key } = sending.grant;
  const subtleEncrypt = crypto.subtle.encrypt;
  crypto.subtle.encrypt = async (...args) => {
    const sealed = new Uint8Array(await Reflect.apply(subtleEncrypt, crypto.subtle, args));
    sealed[0] = sealed[0]! ^ 1;
    return sealed.buffer;
  };
  await sending.advance();
  const frame = await seal(sending, 1).finally(() => crypto.subtle.encrypt = subtleEncrypt);
  assertEquals(await fault(receiving, frame), "BAD_SEAL");
  assertEquals(receiving.step, 0);
  assertEquals(await nextKey(scope, 0, key), sending.grant.key);
});

Deno.test("a sealed frame does not verify with another header, room, sender, chain or context", async () => {
  const { sending, receiving } = await pair();
  const frame = await seal(sending, 2);
  const moves = {
    route: { route: 1 },
    number: { number: 3 },
    version: { version: 10 },
    "chain in the header": { chain: 4 },
  };
  for (const [what, change] of Object.entries(moves)) {
    const header = { ...frame.header, ...change };
    assertEquals(await fault(receiving, { ...frame, header }), "BAD_SIGNATURE", what);
  }
  assertEquals(await fault(receiving, frame, secureRandom(32)), "BAD_SIGNATURE", "context");
  const others = {
    room: { ...scope, room: secureRandom(32) },
    sender: { ...scope, sender: secureRandom(32) },
    chain: { ...scope, chain: 4 },
  };
  for (const [what, other] of Object.entries(others)) {
    const chain = await ReceivingChain.take(other, publicKey, { ...sending.grant, next: 1 });
    assertEquals(await fault(chain, frame), "BAD_SIGNATURE", what);
  }
  assertEquals(await receiving.open(frame, context), text("text 2"));
});

Deno.test("a sealed frame signed by another member does not verify", async () => {
  const { sending } = await pair();
  const { publicKey: other } = await generateSigningKeys();
  const receiving = await ReceivingChain.take(scope, other, { ...sending.grant, next: 1 });
  assertEquals(await fault(receiving, await seal(sending, 1)), "BAD_SIGNATURE");
});

Deno.test("a frame is begun where its step is at hand, and opened by what was begun", async () => {
  const { sending, receiving } = await pair();
  const ahead = await SendingChain.start(scope, () => sending.grant.key.slice());
  await ahead.advance();
  assertEquals(receiving.begin(await seal(ahead, 2), context), undefined);
  const frame = await seal(sending, 1);
  const begun = receiving.begin(frame, context);
  assertEquals(await begun!.plaintext, text("text 1"));
  // By what was begun, and not by a second decryption: this one would not open.
  const torn = { ...frame, ciphertext: frame.ciphertext.slice(1) };
  assertEquals(await receiving.open(torn, context, begun), text("text 1"));
});

Deno.test("a begun frame is refused like any other: broken, or of a step that has passed", async () => {
  const { sending, receiving } = await pair();
  const frame = await seal(sending, 1);
  const broken = { ...frame, ciphertext: frame.ciphertext.map((byte) => byte ^ 1) };
  const begunBroken = receiving.begin(broken, context);
  const refused = await assertRejects(
    () => receiving.open(broken, context, begunBroken),
    OpenError,
  );
  assertEquals(refused.fault, "BAD_SIGNATURE");
  const begun = receiving.begin(frame, context);
  await sending.advance();
  await receiving.open(await seal(sending, 2), context);
  const old = await assertRejects(() => receiving.open(frame, context, begun), OpenError);
  assertEquals(old.fault, "BAD_STEP");
});

Deno.test("equal texts have different ciphertexts", async () => {
  const { sending } = await pair();
  const plaintext = text("same");
  const frames = await Promise.all(
    [1, 2].map((number) => sending.seal({ ...place, number }, plaintext, privateKey)),
  );
  const [one, other] = frames.map((frame) => readSealed(frame.slice(FRAME_HEADER_BYTES)));
  assert(one!.ciphertext.some((byte, i) => byte !== other!.ciphertext[i]));
});

Deno.test("a sealed frame has 120 bytes besides its text and padding", async () => {
  const { sending } = await pair();
  // 22 bytes of text and the 10 of a message's head fill a plaintext of 32 bytes.
  const plaintext = encodeTexts([{ time: 0, text: "A".repeat(22) }]);
  assertEquals(plaintext.length, 32);
  const frame = await sending.seal({ ...place, number: 1 }, plaintext, privateKey);
  assertEquals(frame.length - 22, 120);
});

Deno.test("a grant in the middle of a chain opens what follows it and nothing before", async () => {
  const { sending } = await pair();
  const before = await seal(sending, 1);
  await sending.advance();
  const newcomer = await receiverOf(sending, 2);
  assertEquals(await fault(newcomer, before), "BAD_STEP");
  const header = { ...before.header, step: 1 };
  assertEquals(await fault(newcomer, { ...before, header }), "BAD_SIGNATURE");
  assertEquals(await newcomer.open(await seal(sending, 2), context), text("text 2"));
});
