/**
 * What the keys that a member really holds open, and what they do not.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import type { OwnCredential } from "../../../lib/chat/identity/credential.ts";
import { commitmentTo, messageKey, nextKey, vectorOf } from "../../../lib/chat/seal/chain.ts";
import { PairError, PairReceiver } from "../../../lib/chat/seal/pairwise.ts";
import { readPairMessages } from "../../../lib/chat/wire/content.ts";
import { readRosterPage } from "../../../lib/chat/wire/control.ts";
import { readPair, readSealed, sealedBound } from "../../../lib/chat/wire/envelope.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { pooledKeys, type Seat, shown, type Tamper, TestRoom } from "../room.ts";

/** Everything that came to one member. */
class Capture {
  room: Bytes = new Uint8Array(0);
  readonly pairs: Bytes[] = [];
  readonly sealed: Bytes[] = [];
  readonly tamper: Tamper = ({ kind, bytes }) => {
    if (kind === KIND.roster) this.room = readRosterPage(bytes.slice(5)).room;
    if (kind === KIND.pair) this.pairs.push(bytes.slice(5));
    if (kind === KIND.sealed) this.sealed.push(bytes.slice(5));
    return [bytes];
  };
}

/** A chain key that a member was given. */
interface Held {
  readonly chain: number;
  readonly step: number;
  readonly key: Bytes;
}

/** The context of a version, as a member that saw it computed it. */
function contextAt({ member }: Seat, version: number): Bytes {
  return member.roster.history.at(version)!;
}

/** The chain keys of one sender that came to a member. */
async function chainKeysOf(
  from: Seat,
  self: OwnCredential,
  { room, pairs }: Capture,
): Promise<Held[]> {
  const pair = { room, sender: from.self.member, recipient: self.member };
  const receiver = new PairReceiver(pair, self.keys.session.privateKey, from.self.signing);
  const held: Held[] = [];
  for (const frame of pairs.map(readPair)) {
    if (frame.header.sender !== from.member.roster.byName(from.self.name)?.number) continue;
    const { plaintext } = await receiver.open(frame, contextAt(from, frame.header.version));
    for (const message of readPairMessages(plaintext)) {
      if (message.kind === "grant") held.push(message);
    }
  }
  return held;
}

/** Tries every held key, at its step and the twenty after it, as a key of the frame's chain. */
async function opens(
  room: Bytes,
  from: Seat,
  held: readonly Held[],
  bytes: Bytes,
): Promise<boolean> {
  const { header, ciphertext } = readSealed(bytes);
  const { member: sender } = from.self;
  const context = contextAt(from, header.version);
  const scope = { room, sender, chain: header.chain };
  for (const { step, key } of held) {
    let current = key;
    for (let at = step; at <= step + 20; at++) {
      const commitment = await commitmentTo(scope, at, current);
      const additionalData = sealedBound(header, { room, sender, context, commitment });
      const raw = await messageKey(scope, at, current);
      const open = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
      const algorithm = { name: "AES-GCM", iv: vectorOf(header.number), additionalData };
      const plaintext = await crypto.subtle.decrypt(algorithm, open, ciphertext)
        .then(() => true, () => false);
      if (plaintext) return true;
      current = await nextKey(scope, at, current);
    }
  }
  return false;
}

Deno.test("the keys of a member that has left open no later message", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const [atBo, atCy] = [new Capture(), new Capture()];
  const bo = await room.join("bo", atBo.tamper);
  const cy = await room.join("cy", atCy.tamper);
  ada.member.enter("while bo is here");
  await room.settle();
  bo.member.leave();
  await room.settle();
  ada.member.enter("after bo has left");
  await room.settle();
  assertEquals(shown(cy), ["ada: while bo is here", "ada: after bo has left"]);
  const held = await chainKeysOf(ada, bo.self, atBo);
  assertEquals(held.length, 1);
  const [before, after] = atCy.sealed;
  assert(await opens(atCy.room, ada, held, before!), "what it was sent opens");
  assertEquals(await opens(atCy.room, ada, held, after!), false);
});

Deno.test("the keys of a newcomer open no earlier message", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const [atBo, atCy] = [new Capture(), new Capture()];
  await room.join("bo", atBo.tamper);
  ada.member.enter("before cy");
  await room.settle();
  const cy = await room.join("cy", atCy.tamper);
  ada.member.enter("with cy");
  await room.settle();
  assertEquals(shown(cy), ["ada: with cy"]);
  const held = await chainKeysOf(ada, cy.self, atCy);
  assertEquals(held.map(({ step }) => step), [1], "cy is given the key of the next step");
  const [before, after] = atBo.sealed;
  assert(await opens(atBo.room, ada, held, after!), "what it was sent opens");
  assertEquals(await opens(atBo.room, ada, held, before!), false);
});

Deno.test("a private message is forwarded only to its recipient, and no other session key opens it", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const [atBo, atCy] = [new Capture(), new Capture()];
  const bo = await room.join("bo", atBo.tamper);
  const cy = await room.join("cy", atCy.tamper);
  ada.member.enter("to all");
  await room.settle();
  ada.member.enter("to bo", "bo");
  await room.settle();
  assertEquals([shown(bo), shown(cy)], [["ada: to all", "ada: to bo"], ["ada: to all"]]);
  const carried = [...atCy.pairs, ...atCy.sealed];
  const cyNumber = ada.member.roster.byName("cy")!.number;
  assert(atCy.pairs.every((bytes) => readPair(bytes).header.recipient === cyNumber));
  assertEquals(carried.filter((bytes) => bytes.length > 0).length, carried.length);
  const pair = { room: atBo.room, sender: ada.self.member, recipient: bo.self.member };
  const thief = new PairReceiver(pair, cy.self.keys.session.privateKey, ada.self.signing);
  for (const frame of atBo.pairs.map(readPair)) {
    await assertRejects(
      () => thief.open(frame, contextAt(ada, frame.header.version)),
      PairError,
    );
  }
});

function textOf(data: BufferSource): string {
  const view = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
  return [...new Uint8Array(view.buffer, view.byteOffset, view.byteLength)].join(",");
}

/** Every AES-GCM encryption of this process: what its key was made of, and the vector. */
async function recordingEncryptions(run: () => Promise<void>): Promise<string[]> {
  const { subtle } = crypto;
  const { importKey, deriveKey, encrypt } = subtle;
  const origins = new WeakMap<CryptoKey, string>();
  const uses: string[] = [];
  // Set by reflection: the overloads of importKey cannot be spelled as one function.
  Reflect.set(
    subtle,
    "importKey",
    async (format: string, data: BufferSource, ...rest: unknown[]) => {
      const bytes = format === "raw" ? textOf(data) : "";
      const key = await Reflect.apply(importKey, subtle, [format, data, ...rest]);
      if (format === "raw") origins.set(key, bytes);
      return key;
    },
  );
  Reflect.set(subtle, "deriveKey", async (algorithm: HkdfParams, base: CryptoKey, ...rest: []) => {
    const key = await Reflect.apply(deriveKey, subtle, [algorithm, base, ...rest]);
    const { salt, info } = algorithm;
    origins.set(key, `${origins.get(base)} for ${textOf(salt)} and ${textOf(info)}`);
    return key;
  });
  subtle.encrypt = (algorithm, key, data) => {
    const { name, iv } = algorithm as AesGcmParams;
    if (name === "AES-GCM") uses.push(`${origins.get(key) ?? "unknown key"} with ${textOf(iv)}`);
    return Reflect.apply(encrypt, subtle, [algorithm, key, data]);
  };
  try {
    await run();
  } finally {
    Object.assign(subtle, { importKey, deriveKey, encrypt });
  }
  return uses;
}

Deno.test("a stolen identity key opens no message, neither directly nor in another run", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const atBo = new Capture();
  const bo = await room.join("bo", atBo.tamper);
  ada.member.enter("to all");
  ada.member.enter("to bo", "bo");
  await room.settle();
  assertEquals(shown(bo), ["ada: to all", "ada: to bo"]);
  const stolen = await crypto.subtle.exportKey("pkcs8", bo.self.keys.identity.privateKey);
  const oaep = { name: "RSA-OAEP", hash: "SHA-256" };
  const asSession = await crypto.subtle.importKey("pkcs8", stolen, oaep, false, ["decrypt"]);
  // Another run of the person has the identity, and a session key of its own.
  const { session } = await pooledKeys(7);
  const pair = { room: atBo.room, sender: ada.self.member, recipient: bo.self.member };
  assertEquals(atBo.pairs.length, 2);
  for (const key of [asSession, session.privateKey]) {
    const thief = new PairReceiver(pair, key, ada.self.signing);
    for (const frame of atBo.pairs.map(readPair)) {
      const opening = () => thief.open(frame, contextAt(ada, frame.header.version));
      await assertRejects(opening, PairError);
    }
  }
});

Deno.test("no key is used twice with one vector, over steps, chains, private lines, receipts, asks and rooms", async () => {
  const uses = await recordingEncryptions(async () => {
    const room = new TestRoom();
    const ada = await room.join("ada");
    const bo = await room.join("bo");
    const speak = async () => {
      for (const seat of [ada, bo]) {
        for (let i = 0; i < 3; i++) {
          assert(seat.member.enter(`line ${i}`).ok);
          assert(seat.member.enter(`psst ${i}`, seat === ada ? "bo" : "ada").ok);
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
    // What is not taken is asked for, and sent again on another connection.
    bo.receives = false;
    ada.member.enter("not heard");
    for (let i = 0; i < 4; i++) await room.pass(6000);
    bo.receives = true;
    bo.cut();
    bo.connect();
    await speak();
    // The same members with the same credentials in another room.
    room.restart();
    for (const seat of [ada, bo]) seat.connect();
    await room.settle();
    await speak();
    await speak();
  });
  assert(uses.length > 50, `${uses.length} encryptions were seen`);
  assert(!uses.some((use) => use.startsWith("un")), "the key of every encryption is known");
  assertEquals(new Set(uses).size, uses.length);
});
