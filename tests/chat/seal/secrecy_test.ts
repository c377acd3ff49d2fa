/**
 * What the keys that a member really holds open, and what they do not.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import type { OwnCredential } from "../../../lib/chat/identity/credential.ts";
import { CONTEXT, inContext } from "../../../lib/chat/identity/signing.ts";
import { messageKey, nextKey, vectorOf } from "../../../lib/chat/seal/chain.ts";
import { KeyReceiver } from "../../../lib/chat/seal/pairwise.ts";
import {
  type Conversation,
  readKeyFrame,
  readSealedFrame,
} from "../../../lib/chat/wire/envelope.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { shown, type Tamper, TestRoom } from "../room.ts";

/** Everything that came to one member. */
class Capture {
  readonly keys: Bytes[] = [];
  readonly sealed: Bytes[] = [];
  readonly tamper: Tamper = ({ kind, bytes }) => {
    if (kind === KIND.key) this.keys.push(bytes.slice(5));
    if (kind === KIND.sealed) this.sealed.push(bytes.slice(5));
    return [bytes];
  };
}

/** A chain key that a member was given. */
interface Held {
  readonly chain: number;
  readonly step: number;
  readonly conversation: Conversation;
  readonly key: Bytes;
}

/** The chain keys in key frames, by the private key that they were wrapped to. */
async function unwrap(room: Bytes, self: OwnCredential, frames: readonly Bytes[]): Promise<Held[]> {
  const receiver = new KeyReceiver(room, self.keys.session.privateKey);
  const held: Held[] = [];
  for (const bytes of frames) {
    const frame = readKeyFrame(bytes);
    const { chain, step, conversation } = frame.header;
    held.push({ chain, step, conversation, key: await receiver.open(frame) });
  }
  return held;
}

/** Tries every held key, at its step and the twenty after it, as any chain, on a frame. */
async function opens(room: Bytes, held: readonly Held[], bytes: Bytes): Promise<boolean> {
  const { header, headerBytes, ciphertext } = readSealedFrame(bytes);
  for (const { step, key } of held) {
    const { sender, conversation, chain } = header;
    const scope = { room, sender, conversation, chain };
    let current = key;
    for (let at = step; at <= step + 20; at++) {
      const open = await messageKey(scope, at, current, header.recipients, "decrypt");
      const algorithm = {
        name: "AES-GCM",
        iv: vectorOf(header.counter),
        additionalData: inContext(CONTEXT.sealed, room, headerBytes),
      };
      const plaintext = await crypto.subtle.decrypt(algorithm, open, ciphertext)
        .then(() => true, () => false);
      if (plaintext) return true;
      current = await nextKey(scope, at, current);
    }
  }
  return false;
}

Deno.test("who has left cannot read later messages, with the keys that it holds", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const atBo = new Capture();
  const atCy = new Capture();
  const bo = await room.join("bo", atBo.tamper);
  const cy = await room.join("cy", atCy.tamper);
  ada.member.enter("while bo is here");
  await room.settle();
  bo.member.leave();
  await room.settle();
  ada.member.enter("after bo has left");
  await room.settle();
  assertEquals(shown(cy), ["ada: while bo is here", "ada: after bo has left"]);
  const held = await unwrap(room.relay.room, bo.self, atBo.keys);
  assertEquals(held.length, 1);
  const [before, after] = atCy.sealed;
  assert(await opens(room.relay.room, held, before!), "what it was sent opens");
  assertEquals(await opens(room.relay.room, held, after!), false);
});

Deno.test("who has joined cannot read earlier messages, with the keys that it holds", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const atBo = new Capture();
  const atCy = new Capture();
  await room.join("bo", atBo.tamper);
  ada.member.enter("before cy");
  await room.settle();
  const cy = await room.join("cy", atCy.tamper);
  ada.member.enter("with cy");
  await room.settle();
  assertEquals(shown(cy), ["ada: with cy"]);
  const held = await unwrap(room.relay.room, cy.self, atCy.keys);
  assertEquals(held.map(({ chain, step }) => [chain, step]), [[0, 1]]);
  const [before, after] = atBo.sealed;
  assert(await opens(room.relay.room, held, after!), "what it was sent opens");
  assertEquals(await opens(room.relay.room, held, before!), false);
});

Deno.test("a private message opens to nobody else, though its chain and the group's are one sender's", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const atBo = new Capture();
  const atCy = new Capture();
  await room.join("bo", atBo.tamper);
  const cy = await room.join("cy", atCy.tamper);
  ada.member.enter("to all");
  ada.member.enter("to bo", "bo");
  await room.settle();
  assertEquals(shown(cy), ["ada: to all"]);
  const held = await unwrap(room.relay.room, cy.self, atCy.keys);
  const [group, personal] = atBo.sealed;
  assert(await opens(room.relay.room, held, group!));
  assertEquals(await opens(room.relay.room, held, personal!), false);
});

/** Every AES-GCM encryption of this process: the raw key, and the vector. */
async function recordingEncryptions(run: () => Promise<void>): Promise<string[]> {
  const { subtle } = crypto;
  const importKey = subtle.importKey;
  const encrypt = subtle.encrypt;
  const raw = new WeakMap<CryptoKey, string>();
  const uses: string[] = [];
  const hex = (bytes: BufferSource) => {
    const view = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
    return [...new Uint8Array(view.buffer, view.byteOffset, view.byteLength)].join(",");
  };
  // Set by reflection: the overloads of importKey cannot be spelled as one function.
  Reflect.set(
    subtle,
    "importKey",
    async (format: string, data: BufferSource, ...rest: unknown[]) => {
      const bytes = format === "raw" ? hex(data) : "";
      const key = await Reflect.apply(importKey, subtle, [format, data, ...rest]);
      if (format === "raw") raw.set(key, bytes);
      return key;
    },
  );
  subtle.encrypt = (algorithm, key, data) => {
    const { name, iv } = algorithm as AesGcmParams;
    if (name === "AES-GCM") uses.push(`${raw.get(key) ?? "unknown key"} with ${hex(iv)}`);
    return Reflect.apply(encrypt, subtle, [algorithm, key, data]);
  };
  try {
    await run();
  } finally {
    subtle.importKey = importKey;
    subtle.encrypt = encrypt;
  }
  return uses;
}

Deno.test("no key and vector meet twice, across steps, rekeys, private conversations and rooms", async () => {
  const uses = await recordingEncryptions(async () => {
    for (let rooms = 0; rooms < 2; rooms++) {
      const room = new TestRoom();
      const ada = await room.join("ada");
      const bo = await room.join("bo");
      const speak = async () => {
        for (const seat of [ada, bo]) {
          for (let i = 0; i < 3; i++) {
            seat.member.enter(`line ${i}`);
            seat.member.enter(`psst ${i}`, seat === ada ? "bo" : "ada");
          }
        }
        await room.settle();
      };
      await speak();
      const cy = await room.join("cy");
      await speak();
      cy.member.leave();
      await room.settle();
      await speak();
      room.clock.advance(60 * 60 * 1000);
      await speak();
    }
  });
  assert(uses.length > 50, `${uses.length} encryptions were seen`);
  assert(!uses.some((use) => use.startsWith("unknown")), "the key of every encryption is known");
  assertEquals(new Set(uses).size, uses.length);
});
