/**
 * The fixed vectors of what members seal, both ways: what is made equals them, and they are read.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
// @ts-types="../../../types/std.d.ts"
import { concat } from "@std/bytes/concat";
// @ts-types="../../../types/std.d.ts"
import { encodeHex } from "@std/encoding/hex";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { checkCredential } from "../../../lib/chat/identity/credential.ts";
import { CONTEXT, inContext, sign } from "../../../lib/chat/identity/signing.ts";
import {
  commitmentTo,
  messageKey,
  nextKey,
  OpenError,
  ReceivingChain,
  SendingChain,
  vectorOf,
} from "../../../lib/chat/seal/chain.ts";
import { PairReceiver, PairSender } from "../../../lib/chat/seal/pairwise.ts";
import {
  encodeMessages,
  encodeReceipt,
  encodeTexts,
  type GoneMessage,
  type GrantMessage,
  messageIds,
  paddedLength,
  readPairMessages,
  readReceipt,
  readTexts,
} from "../../../lib/chat/wire/content.ts";
import {
  encodeEntries,
  encodePair,
  encodeSealed,
  readEntries,
  readPair,
  readSealed,
} from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { checkOf } from "../../../lib/chat/wire/history.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import vectors from "../../vectors/chat.json" with { type: "json" };
import {
  ada,
  assertFrame,
  at,
  bo,
  boSessionKey,
  bytes,
  context,
  NONE,
  NOW,
  pair,
  payload,
  room,
  scope,
  signingKey,
  version,
} from "./vectors.ts";

Deno.test("vectors: the steps of a chain, their commitments and message keys", async () => {
  const { keys, commitments, messageKeys } = vectors.chain;
  for (const [step, hex] of keys.entries()) {
    const key = bytes(hex);
    assertEquals(encodeHex(await commitmentTo(scope, step, key)), commitments[step]);
    assertEquals(encodeHex(await messageKey(scope, step, key)), messageKeys[step]);
    if (step + 1 < keys.length) {
      assertEquals(encodeHex(await nextKey(scope, step, key)), keys[step + 1]);
    }
  }
});

Deno.test("vectors: a sealed frame is made as it is, and opens to its texts", async () => {
  const { first, messages, plaintext } = vectors.texts;
  const texts = encodeTexts(messages);
  assertEquals(encodeHex(texts), plaintext);
  const chain = await SendingChain.start(scope, () => bytes(vectors.chain.keys[0]!));
  await chain.advance();
  await chain.advance();
  const place = { sender: 1, route: 0, number: first, ...at };
  assertFrame("sealed", await chain.seal(place, texts, await signingKey()));

  const frame = readSealed(payload("sealed").slice());
  assertEquals(frame.header, {
    sender: 1,
    route: 0,
    chain: scope.chain,
    step: 2,
    number: first,
    version,
    check: checkOf(context),
  });
  assertFrame("sealed", encodeSealed(frame));
  const { signing } = await checkCredential(bytes(ada.credential), NOW);
  const grant = { step: 0, key: bytes(vectors.chain.keys[0]!), next: first - 1 };
  const receiving = await ReceivingChain.take(scope, signing, grant);
  assertEquals(
    readTexts(await receiving.open(frame, context)),
    messages.map((one) => ({
      kind: "text" as const,
      ...one,
    })),
  );
  frame.ciphertext[0] = frame.ciphertext[0]! ^ 1;
  const error = await assertRejects(() => receiving.open(frame, context), OpenError);
  assertEquals(error.fault, "BAD_SIGNATURE");
});

/** What ada told bo in the pair frame: a line first. */
const LINE = {
  kind: "line",
  stream: 1,
  number: 3,
  last: 1,
  time: 1_700_000_000_002,
} as const;
const REST: (GrantMessage | GoneMessage)[] = [
  { kind: "grant", chain: 7, step: 2, key: bytes(vectors.chain.keys[2]!), next: 41, last: 39 },
  { kind: "gone", stream: 0, number: 38 },
];

Deno.test("vectors: a line, a grant and a gone message", () => {
  const { plaintext } = vectors.messages;
  const text = "between us";
  assertEquals(encodeHex(encodeMessages([{ ...LINE, text }, ...REST])), plaintext);
  assertEquals(readPairMessages(bytes(plaintext)), [{ ...LINE, text }, ...REST]);
});

Deno.test("vectors: a message of mistrust", () => {
  const { plaintext } = vectors.mistrust;
  const mistrust = { kind: "notice", notice: "mistrust", body: new Uint8Array(0) } as const;
  assertEquals(encodeHex(encodeMessages([mistrust])), plaintext);
  assertEquals(readPairMessages(bytes(plaintext)), [mistrust]);
});

async function aesKey(hex: string): Promise<CryptoKey> {
  return await crypto.subtle.importKey("raw", bytes(hex), "AES-GCM", false, ["decrypt"]);
}

async function gcm(key: string, number: number, additional: Bytes, box: Bytes): Promise<Bytes> {
  const algorithm = { name: "AES-GCM", iv: vectorOf(number), additionalData: additional };
  return new Uint8Array(await crypto.subtle.decrypt(algorithm, await aesKey(key), box));
}

/** The version and its context, as they stand in what is bound. */
const boundAt = concat([new Uint8Array([0, 0, 0, version]), context]);

Deno.test("vectors: pair frames open to their messages, the second without RSA", async () => {
  const { signing } = await checkCredential(bytes(ada.credential), NOW);
  const receiver = new PairReceiver(pair, await boSessionKey(), signing);
  const plaintexts = { pair: vectors.messages.plaintext, "pair, the pairwise key proven": "" };
  for (const [use, [name, plaintext]] of Object.entries(plaintexts).entries()) {
    const frame = readPair(payload(name).slice());
    assertEquals(frame.header, {
      sender: 1,
      recipient: 2,
      use,
      version,
      check: checkOf(context),
    });
    assertEquals(frame.wrapped.length, use === 0 ? 256 : 0);
    assertFrame(name, encodePair(frame));
    assert(await receiver.verify(frame, context));
    const opened = await receiver.open(frame, context);
    assertEquals([encodeHex(opened.plaintext), opened.isNewKey], [plaintext, use === 0]);
    const bound = concat([
      ...[CONTEXT.pair, room, pair.sender, pair.recipient],
      ...[new Uint8Array([0, 0, 0, 0, 0, use]), boundAt],
    ]);
    const byHand = await gcm(vectors.pairwise.pairKey, use, bound, frame.ciphertext);
    assertEquals(encodeHex(byHand), plaintext);
    const wrapped = concat([new Uint8Array([use === 0 ? 1 : 0, 0]), frame.wrapped]);
    assertEquals(
      encodeHex(await sign(await signingKey(), concat([bound, wrapped, frame.ciphertext]))),
      encodeHex(frame.signature),
    );
  }
});

Deno.test("vectors: the pairwise key is wrapped under its label", async () => {
  const { key, label } = vectors.pairwise;
  const { wrapped } = readPair(payload("pair"));
  assertEquals(
    encodeHex(inContext(CONTEXT.pairwise, room, pair.sender, pair.recipient)),
    label,
  );
  const algorithm = { name: "RSA-OAEP", label: bytes(label) };
  const raw = await crypto.subtle.decrypt(algorithm, await boSessionKey(), wrapped.slice());
  assertEquals(encodeHex(new Uint8Array(raw)), key);
});

Deno.test("vectors: receipts and an ask are made as they are, and open", async () => {
  const { key } = vectors.pairwise;
  const { publicKey } = await crypto.subtle.generateKey(
    {
      name: "RSA-OAEP",
      hash: "SHA-256",
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
    },
    false,
    ["encrypt", "decrypt"],
  );
  const speaker = await PairSender.to(pair, publicKey, () => bytes(key));
  assertFrame("ask", encodeEntries(KIND.ask, [await speaker.ask(2, at, NONE)]));
  const { streams, plaintext } = vectors.receipt;
  const receipt = readReceipt(bytes(plaintext));
  assertEquals(receipt, streams as unknown);
  assertEquals(encodeHex(encodeReceipt(receipt)), plaintext);

  const entries = readEntries(payload("receipt"));
  assertEquals(entries.map(({ member, sequence }) => [member, sequence]), [[1, 0], [1, 1]]);
  const opened = [];
  for (const entry of entries) opened.push(await speaker.openReceipt(entry, context));
  assertEquals(opened.map((one) => encodeHex(one!)), [plaintext, ""]);
  for (const name of ["receipt", "ask"] as const) {
    const [first] = readEntries(payload(name));
    const bound = concat([
      ...[CONTEXT[name], room, pair.sender, pair.recipient, new Uint8Array(6), boundAt],
    ]);
    const byHand = await gcm(vectors.pairwise[`${name}Key`], 0, bound, first!.box);
    assertEquals(encodeHex(byHand), name === "receipt" ? plaintext : "");
  }

  const { signing } = await checkCredential(bytes(ada.credential), NOW);
  const recipient = new PairReceiver(pair, await boSessionKey(), signing);
  await recipient.open(readPair(payload("pair").slice()), context);
  const made = [];
  for (const one of opened) made.push(await recipient.receipt(1, at, one!));
  assertFrame("receipt", encodeEntries(KIND.receipt, made));
  assertEquals(await recipient.openAsk(readEntries(payload("ask"))[0]!, context), NONE);
});

Deno.test("vectors: the lengths of plaintexts, and the ids of messages", () => {
  for (const [length, padded] of vectors.padding) assertEquals(paddedLength(length!), padded);
  const { number, group, private: personal } = vectors.ids;
  assertEquals(messageIds(bytes(ada.member))(number), group);
  assertEquals(messageIds(bytes(ada.member), bytes(bo.member))(number), personal);
  assertEquals(FRAME_HEADER_BYTES, 5);
});
