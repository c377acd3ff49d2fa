/**
 * What members and relays notice of a member that keeps to its own rules: credentials that no honest program
 * makes, and frames that are well signed and wrong.
 *
 * @module
 */

import { type Bytes, ByteWriter, MalformedError, secureRandom } from "../../../lib/base/bytes.ts";
import { checkCredential, CredentialError } from "../../../lib/chat/identity/credential.ts";
import { importSigningKey } from "../../../lib/chat/identity/signing.ts";
import { audienceDigest } from "../../../lib/chat/seal/chain.ts";
import { MAX_UNWRAPPED } from "../../../lib/chat/seal/pairwise.ts";
import { encodeAudience } from "../../../lib/chat/wire/control.ts";
import {
  CONVERSATION,
  encodeKeyBody,
  encodeKeyHeader,
  encodeProgressBody,
  encodeSigned,
  readSealedFrame,
} from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { exportSpki, importSpki, RsaKeyError } from "../../../lib/rsa.ts";
import { credentialWith, type Fields, ownCredentialWith } from "../crafted_credential.ts";
import { Eve } from "../eve.ts";
import { RawMember } from "../raw_member.ts";
import { count, credentialOf, faults, pooledKeys, shown, TestRoom, until } from "../room.ts";
import { unsignedFrame } from "../sealed_frame.ts";
// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertRejects } from "@std/assert";

const NOW = 1_700_000_000_000;

// Credentials, put together by hand.

async function assertRefused(fields: Fields, what: string): Promise<void> {
  const bytes = await credentialWith(fields, await pooledKeys(0));
  const error = await assertRejects(() => checkCredential(bytes, NOW), CredentialError, "", what);
  assertEquals(error.code, "BAD_CREDENTIAL", what);
}

Deno.test("a credential put together by hand holds where its fields do", async () => {
  const { name } = await checkCredential(await credentialWith({}, await pooledKeys(0)), NOW);
  assertEquals(name, "eve");
});

Deno.test("a credential whose name no program would make does not hold, though it is well signed", async () => {
  const names = {
    "not in NFKC": "ｂｏ",
    "decomposed": "Zoe\u0308",
    "an escape sequence": "a\x1b[2Jb",
    "a C1 control": "a\u009bb",
    "a line feed": "a\nb",
    "a bidirectional override": "a\u202eb",
    "a space": "bo I",
    "what a screen calls oneself": "you",
    "nothing": "",
    "33 characters": "x".repeat(33),
  };
  for (const [what, name] of Object.entries(names)) await assertRefused({ name }, what);
});

Deno.test("a credential with somebody else's identity, session or signing key in it: two of the three do not hold", async () => {
  const ada = await pooledKeys(1);
  const identity = await exportSpki(ada.identity.publicKey);
  await assertRefused({ identity }, "identity");
  const signing = new Uint8Array(await crypto.subtle.exportKey("raw", ada.signing.publicKey));
  await assertRefused({ signing }, "signing");
  // Nobody proves a session key, which opens nothing for whoever does not have it; two members with one are refused.
  const session = await exportSpki(ada.session.publicKey);
  await checkCredential(await credentialWith({ session }, await pooledKeys(0)), NOW);
});

/** A DER value (X.690 section 8.1). */
function der(tag: number, ...parts: readonly Uint8Array[]): Bytes {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const writer = new ByteWriter().u8(tag);
  if (length < 128) writer.u8(length);
  else if (length < 256) writer.u8(0x81).u8(length);
  else writer.u8(0x82).u16(length);
  for (const part of parts) writer.raw(part);
  return writer.finish();
}

const RSA_ENCRYPTION = new Uint8Array([6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]);
const NULL = new Uint8Array([5, 0]);

/** An RSA public key as SPKI, of a modulus that nobody has factored, or could have made. */
function spkiWith(modulus: Uint8Array, ...parameters: readonly Uint8Array[]): Bytes {
  const key = der(0x30, der(2, new Uint8Array([0]), modulus), der(2, new Uint8Array([1, 0, 1])));
  return der(
    0x30,
    der(0x30, RSA_ENCRYPTION, ...parameters),
    der(3, new Uint8Array([0]), key),
  );
}

Deno.test("RSA keys in an encoding that the runtime takes and would not write are refused", async () => {
  const { identity } = await pooledKeys(0);
  const { n } = await crypto.subtle.exportKey("jwk", identity.publicKey);
  const raw = atob(n!.replaceAll("-", "+").replaceAll("_", "/"));
  const modulus = Uint8Array.from(raw, (char) => char.charCodeAt(0));
  const canonical = await exportSpki(identity.publicKey);
  assertEquals(spkiWith(modulus, NULL), canonical);
  // Without the NULL that RFC 4055 section 1.2 wants: the same key by another hash.
  const other = spkiWith(modulus);
  const algorithm = { name: "RSA-PSS", hash: "SHA-512" };
  await crypto.subtle.importKey("spki", other, algorithm, true, ["verify"]);
  await assertRejects(() => importSpki(other, "sign"), RsaKeyError, "canonical");
  await assertRefused({ identity: other }, "the identity");
  await assertRefused({ session: other }, "the session key");
});

Deno.test("a join with an even modulus, as identity or as session key, is refused, and the others chat on", async () => {
  for (const restricted of [false, true]) {
    const room = new TestRoom(restricted ? { allows: () => true } : {});
    const [ada, bo] = [await room.join("ada"), await room.join("bo")];
    const keys = await pooledKeys(9);
    for (const field of ["identity", "session"] as const) {
      const spki = await exportSpki(keys[field].publicKey);
      spki[spki.length - 6]! ^= 1;
      const raw = await RawMember.join(
        room.relay,
        await ownCredentialWith({ [field]: spki }, keys),
      );
      assertEquals([raw.bye, room.relay.size], ["BAD_CREDENTIAL", 2], field);
    }
    ada.member.enter("still here");
    await room.settle();
    assertEquals([shown(bo), room.relay.tally.failures], [["ada: still here"], 0]);
  }
});

Deno.test("RSA keys over 4096 bits are refused, whatever they would cost to use", async () => {
  const modulus = (bits: number) => new Uint8Array(bits / 8).fill(0xab);
  await importSpki(spkiWith(modulus(4096), NULL), "encrypt");
  const large = spkiWith(modulus(4104), NULL);
  await assertRejects(() => importSpki(large, "encrypt"), RsaKeyError, "4104 bits");
});

Deno.test("signing keys in an encoding of their own are refused, which the runtime would take", async () => {
  const p = (1n << 255n) - 19n;
  for (const y of [p + 2n, p + 3n, p + 18n]) {
    const raw = new Uint8Array(32).map((_, i) => Number((y >> BigInt(8 * i)) & 255n));
    await crypto.subtle.importKey("raw", raw, { name: "Ed25519" }, true, ["verify"]);
    await assertRejects(() => importSigningKey(raw), MalformedError, "canonical");
  }
});

// Frames, well signed.

Deno.test("a member cannot give a key in another's name", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const eve = await Eve.join(room);
  await eve.give(bo, await eve.chain(CONVERSATION.group, 0), undefined, ada.self.member);
  await until(() => eve.raw.ended, "the connection has ended");
  assertEquals(eve.raw.bye, "NOT_YOURS");
});

Deno.test("a member cannot show two members two texts in one frame", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const eve = await Eve.join(room);
  const [one, other] = [
    await eve.chain(CONVERSATION.group, 0),
    await eve.chain(CONVERSATION.group, 0),
  ];
  await eve.give(ada, one);
  // bo is given another key under the same commitment, as it must be if one frame is to open to both.
  await eve.give(bo, other, one.grant.commitment);
  const all = [eve.self.member, ada.self.member, bo.self.member];
  await eve.say(one, "yes", 0, await audienceDigest(all));
  assertEquals([shown(ada), faults(ada)], [["eve: yes"], []]);
  assertEquals([shown(bo), faults(bo)], [[], ["BAD_KEY", "NO_KEY"]]);
});

Deno.test("a stay of a sender has at most eight pairwise keys: one more is not taken", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const eve = await Eve.join(room);
  const digest = await audienceDigest([eve.self.member, ada.self.member]);
  for (let number = 1; number <= MAX_UNWRAPPED + 1; number++) {
    // Each chain is given under a pairwise key of its own.
    const chain = await eve.chain(CONVERSATION.group, number);
    await eve.give(ada, chain);
    await eve.say(chain, `under key ${number}`, 0, digest, number);
  }
  const taken = Array.from({ length: MAX_UNWRAPPED }, (_, i) => `eve: under key ${i + 1}`);
  assertEquals(shown(ada), taken);
  assertEquals(faults(ada), ["BAD_KEY", "NO_KEY"]);
});

Deno.test("two frames under one number of one chain: the second is not shown, and its sender named", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const eve = await Eve.join(room);
  const key = secureRandom(32);
  const one = await eve.chain(CONVERSATION.group, 0, key);
  const other = await eve.chain(CONVERSATION.group, 0, key);
  await eve.give(ada, one);
  const digest = await audienceDigest([eve.self.member, ada.self.member]);
  await eve.say(one, "yes", 0, digest);
  await eve.say(other, "no", 0, digest, 2);
  assertEquals([shown(ada), faults(ada)], [["eve: yes"], ["ALTERED"]]);
});

Deno.test("a message that is sealed again in another frame is shown once", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const eve = await Eve.join(room);
  const chain = await eve.chain(CONVERSATION.group, 0);
  await eve.give(ada, chain);
  const digest = await audienceDigest([eve.self.member, ada.self.member]);
  for (let i = 0; i < 2; i++) await eve.say(chain, "once", 0, digest, 5);
  await eve.say(chain, "late", 0, digest, 4);
  await eve.say(chain, "next", 0, digest, 6);
  assertEquals(shown(ada), ["eve: once", "eve: next"]);
});

Deno.test("a member that breaks its commitment is not followed a thousand steps again and again", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const eve = await Eve.join(room);
  const { deriveBits } = crypto.subtle;
  let derived = 0;
  crypto.subtle.deriveBits = (...args) => {
    derived += 1;
    return Reflect.apply(deriveBits, crypto.subtle, args);
  };
  const digest = await audienceDigest([eve.self.member, ada.self.member, bo.self.member]);
  const costs: number[] = [];
  try {
    for (let chain = 0; chain < 3; chain++) {
      const given = await eve.chain(CONVERSATION.group, chain);
      await eve.give(ada, given);
      // The same number of another chain, far ahead: signed by eve, and committed to what ada does not have.
      const far = await eve.chain(CONVERSATION.group, chain);
      for (let step = 0; step < 50; step++) await eve.skip(far);
      const before = derived;
      await eve.say(far, "follow me", 0, digest, chain + 1);
      costs.push(derived - before);
    }
  } finally {
    crypto.subtle.deriveBits = deriveBits;
  }
  // What is left is eve's own key, and once the way along the chain.
  assertEquals(costs, [1 + 51, 1, 1]);
  assertEquals(shown(ada), []);
  assertEquals(new Set(faults(ada)), new Set(["BAD_COMMITMENT"]));
  bo.member.enter("unmoved");
  await room.settle();
  assertEquals(shown(ada), ["bo: unmoved"]);
});

Deno.test("a private frame that is sealed for others too is not shown", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const eve = await Eve.join(room);
  eve.raw.send(encodeAudience(1, [ada.self.member, bo.self.member]));
  const chain = await eve.chain(CONVERSATION.private, 0);
  await eve.give(ada, chain);
  await eve.give(bo, chain);
  // ada and bo would each be told that it is for nobody else.
  const three = await audienceDigest([eve.self.member, ada.self.member, bo.self.member]);
  await eve.say(chain, "only for you", 1, three);
  assertEquals([shown(ada), faults(ada)], [[], ["NOT_ADDRESSED"]]);
  const pair = await audienceDigest([eve.self.member, ada.self.member]);
  await eve.say(chain, "for ada", 1, pair);
  assertEquals([shown(ada), shown(bo)], [["eve: for ada"], []]);
});

Deno.test("who is named twice in an audience receives once, so that one frame fills nobody's queue", async () => {
  const room = new TestRoom({ queue: { frames: 20, bytes: 1 << 20 } });
  const ada = await room.join("ada");
  const eve = await Eve.join(room);
  eve.raw.send(encodeAudience(1, Array.from({ length: 1000 }, () => ada.self.member)));
  const chain = await eve.chain(CONVERSATION.private, 0);
  await eve.give(ada, chain);
  const pair = await audienceDigest([eve.self.member, ada.self.member]);
  await eve.say(chain, "once", 1, pair);
  assertEquals([shown(ada), ada.member.repeated], [["eve: once"], 0]);
  assertEquals(room.relay.size, 2);
});

Deno.test("a text that was sealed as no program would is not shown, and its sender named", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const eve = await Eve.join(room);
  const chain = await eve.chain(CONVERSATION.group, 0);
  await eve.give(ada, chain);
  const digest = await audienceDigest([eve.self.member, ada.self.member]);
  const to = { audience: 0, membership: 2, newest: 2, recipients: digest };
  const { privateKey } = eve.self.keys.signing;
  eve.raw.send(await chain.seal(to, new Uint8Array([0xff]), privateKey));
  await room.settle();
  assertEquals(faults(ada), ["BAD_TEXT"]);
});

Deno.test("one step serves two sets of recipients, each under a key of its own", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const eve = await Eve.join(room);
  const chain = await eve.chain(CONVERSATION.group, 0);
  const keys: unknown[] = [];
  const { encrypt } = crypto.subtle;
  crypto.subtle.encrypt = (algorithm, key, data) => {
    if ((algorithm as AesGcmParams).name === "AES-GCM") keys.push(key);
    return Reflect.apply(encrypt, crypto.subtle, [algorithm, key, data]);
  };
  try {
    for (const other of [ada.self.member, secureRandom(32)]) {
      const recipients = await audienceDigest([eve.self.member, other]);
      const to = { audience: 0, membership: 2, newest: 2, recipients };
      const frame = await chain.seal(to, new Uint8Array(9), eve.self.keys.signing.privateKey);
      assertEquals(readSealedFrame(frame.slice(5)).header.step, 0);
    }
  } finally {
    crypto.subtle.encrypt = encrypt;
  }
  assertEquals(new Set(keys).size, 2);
});

/** Frames of each kind that a relay passes on, in the name of a member. */
function passedOn(self: Bytes, other: Bytes): Record<string, Bytes> {
  const zeros = new Uint8Array(32);
  const signature = new Uint8Array(64);
  const header = { sender: self, recipient: other, conversation: CONVERSATION.group };
  const key = encodeKeyHeader({ ...header, chain: 0, step: 0, firstCounter: 0, commitment: zeros });
  const body = encodeKeyBody(key, new Uint8Array(256), 0, new Uint8Array(48));
  const progress = encodeProgressBody({ sender: self, recipient: other, asks: true, shown: 0 });
  return {
    sealed: unsignedFrame(self),
    key: encodeSigned(KIND.key, body, signature),
    progress: encodeSigned(KIND.progress, progress, signature),
  };
}

for (const kind of ["sealed", "key", "progress"]) {
  Deno.test(`whatever byte of a ${kind} frame is not as it should be, it ends nobody but its sender`, async () => {
    const room = new TestRoom();
    const ada = await room.join("ada");
    const eve = await credentialOf("eve", 5, room.clock.now);
    const frame = passedOn(eve.member, ada.self.member)[kind]!;
    let raw = await RawMember.join(room.relay, eve);
    let refused = 0;
    // The kind and the length are the stream's; a few bytes of what is sealed stand for all of it.
    for (let at = FRAME_HEADER_BYTES; at < Math.min(frame.length, 360); at++) {
      const changed = frame.with(at, 0xff);
      raw.send(changed);
      await room.settle();
      assertEquals([ada.member.isIn, count(ada, "ended")], [true, 0], `byte ${at}`);
      if (!raw.ended) continue;
      assertEquals(["BAD_FRAME", "NOT_YOURS"].includes(raw.bye!), true, raw.bye);
      refused += 1;
      raw = await RawMember.join(room.relay, eve);
    }
    // Its sender's hash at the least.
    assertEquals(refused >= 32, true, `${refused} were refused`);
  });
}
