/**
 * What a relay notices of a member that keeps to its own rules: credentials that no honest program makes, frames that
 * are almost well-formed, and bytes that are not.
 *
 * @module
 */

import { type Bytes, ByteWriter, MalformedError, mapKey } from "../../../lib/base/bytes.ts";
import {
  checkCredential,
  type Credential,
  type CredentialCheck,
  CredentialError,
} from "../../../lib/chat/identity/credential.ts";
import { importSigningKey } from "../../../lib/chat/identity/signing.ts";
import {
  encodeCount,
  encodeEmpty,
  encodeMember,
  encodeRenew,
  encodeRoute,
} from "../../../lib/chat/wire/control.ts";
import { encodeEntries } from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES, FrameReader } from "../../../lib/chat/wire/frame.ts";
import { encodeGreeting, KIND, relayBound } from "../../../lib/chat/wire/kinds.ts";
import { exportSpki, importSpki, RsaKeyError } from "../../../lib/rsa.ts";
import { credentialWith, type Fields, ownCredentialWith } from "../crafted_credential.ts";
import { pooledKeys } from "../keys.ts";
import { fakeLink } from "../links.ts";
import {
  concatBytes,
  entryFor,
  hereFrame,
  pairFrame,
  provenJoin,
  provenResume,
  sealedFrame,
} from "../raw_frames.ts";
import { DIALLED, RawMember } from "../raw_member.ts";
import { heard, RelayRoom } from "./relay_room.ts";
// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";

const NOW = 1_700_000_000_000;

// Credentials, put together by hand.

async function assertRefused(fields: Fields, what: string): Promise<void> {
  const bytes = await credentialWith(fields, await pooledKeys(0));
  const error = await assertRejects(() => checkCredential(bytes, NOW), CredentialError, "", what);
  assertEquals(error.code, "BAD_CREDENTIAL", what);
}

Deno.test("a hand-made credential is valid if its fields are", async () => {
  const { name } = await checkCredential(await credentialWith({}, await pooledKeys(0)), NOW);
  assertEquals(name, "eve");
});

Deno.test("a correctly signed credential is invalid if no program makes its name", async () => {
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

Deno.test("a credential with another's identity or signing key is refused, and one with another's session key is valid", async () => {
  const ada = await pooledKeys(1);
  const identity = await exportSpki(ada.identity.publicKey);
  await assertRefused({ identity }, "identity");
  const signing = new Uint8Array(await crypto.subtle.exportKey("raw", ada.signing.publicKey));
  await assertRefused({ signing }, "signing");
  // Nobody proves a session key: it opens nothing for whoever does not have it.
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

Deno.test("RSA keys in a non-canonical encoding that the runtime accepts are refused", async () => {
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

Deno.test("a join with an even modulus in the identity or session key is refused, and the others are served", async () => {
  for (const restricted of [false, true]) {
    const room = new RelayRoom(restricted ? { allows: () => true } : {});
    const [ada, bo] = [await room.join("ada"), await room.join("bo")];
    const keys = await pooledKeys(9);
    for (const field of ["identity", "session"] as const) {
      const spki = await exportSpki(keys[field].publicKey);
      spki[spki.length - 6]! ^= 1;
      const raw = await room.enter(await ownCredentialWith({ [field]: spki }, keys));
      assertEquals([raw.bye, room.relay.size], ["BAD_CREDENTIAL", 2], field);
    }
    ada.raw.say();
    await room.settle();
    assertEquals([heard(bo.raw), room.relay.tally.failures], [[1], 0]);
  }
});

Deno.test("RSA keys over 4096 bits are refused", async () => {
  const modulus = (bits: number) => new Uint8Array(bits / 8).fill(0xab);
  await importSpki(spkiWith(modulus(4096), NULL), "encrypt");
  const large = spkiWith(modulus(4104), NULL);
  await assertRejects(() => importSpki(large, "encrypt"), RsaKeyError, "4104 bits");
});

Deno.test("signing keys in a non-canonical encoding that the runtime accepts are refused", async () => {
  const p = (1n << 255n) - 19n;
  for (const y of [p + 2n, p + 3n, p + 18n]) {
    const raw = new Uint8Array(32).map((_, i) => Number((y >> BigInt(8 * i)) & 255n));
    await crypto.subtle.importKey("raw", raw, { name: "Ed25519" }, true, ["verify"]);
    await assertRejects(() => importSigningKey(raw), MalformedError, "canonical");
  }
});

// Frames.

/** Frames of each kind that a relay forwards, of member 2 to member 1. */
const FORWARDED: Readonly<Record<string, Bytes>> = {
  sealed: sealedFrame({ sender: 2 }),
  pair: pairFrame(2, 1),
  here: hereFrame(2),
  receipt: encodeEntries(KIND.receipt, [entryFor(1, 1)])[0]!,
  ask: encodeEntries(KIND.ask, [entryFor(1, 1)])[0]!,
};

for (const [kind, frame] of Object.entries(FORWARDED)) {
  Deno.test(`whatever byte of a ${kind} frame is changed, it ends nobody but its sender`, async () => {
    const room = new RelayRoom();
    const ada = await room.join("ada");
    const eve = await room.credential("eve");
    let raw = await room.enter(eve);
    let refused = 0;
    for (let at = FRAME_HEADER_BYTES; at < frame.length; at++) {
      const own = concatBytes(frame);
      new DataView(own.buffer).setUint32(FRAME_HEADER_BYTES, raw.number);
      if (kind === "receipt" || kind === "ask") own.set(frame);
      raw.send(own.with(at, 0xff));
      // The links are memory: one turn of the event loop carries a frame from end to end.
      await new Promise((resolve) => setTimeout(resolve));
      assertEquals(ada.raw.ended, false, `byte ${at}`);
      if (!raw.ended) continue;
      assert(["BAD_FRAME", "NOT_YOURS"].includes(raw.bye!), raw.bye);
      refused += 1;
      raw = await RawMember.join(room.relay, eve);
    }
    assert(refused >= 2, `${refused} were refused`);
    assertEquals(room.failures, []);
  });
}

/** Reads what a relay sends as a member would: a wrong kind or a frame over its bound throws. */
class Reader {
  readonly #frames = new FrameReader(relayBound);
  isOver = false;
  isIn = false;
  challenge: Bytes = new Uint8Array(0);
  readonly link = fakeLink({
    send: (bytes) => {
      for (const { kind, payload } of this.#frames.push(bytes)) {
        if (kind === KIND.challenge) this.challenge = payload.slice();
        if (kind === KIND.roster) this.isIn = true;
      }
    },
    end: () => void (this.isOver = true),
  });
}

/** Numbers that are the same in each run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return ((state ^ (state >>> 13)) >>> 0) % below;
  };
}

Deno.test("60,000 random and mutated inputs end at most their own connection, and the others are served", async () => {
  // Thousands join with one credential, which is checked once; every proof is verified.
  const checked = new Map<string, Promise<Credential>>();
  const check: CredentialCheck = (bytes, now, renewal) => {
    const key = mapKey(bytes);
    const known = checked.get(key) ?? checkCredential(bytes, now, renewal);
    if (key === eve.key) checked.set(key, known);
    return known;
  };
  const room = new RelayRoom({
    check,
    limits: { joinsPerSecond: 1e6, rejoins: 1e6, fanoutPerSecond: 1e12 },
  });
  const own = await room.credential("eve", 5);
  const eve = { ...own, key: mapKey(own.bytes) };
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  const next = numbers(14);
  const raw = new RawMember(room.relay);
  const { transcript } = await raw.challenge();
  const nothing = { room: room.relay.room, counted: 0, sent: 0 };
  const proven = [
    await provenJoin(eve, transcript, DIALLED),
    await provenResume(eve, transcript, nothing),
    encodeEmpty(KIND.leave),
  ];
  const members = (self: number) => [
    sealedFrame({ sender: self, route: next(3) }),
    pairFrame(self, next(4)),
    hereFrame(self),
    encodeRoute({ route: 1 + next(3), except: next(2) === 0, members: [next(9), next(9)] }),
    encodeMember(KIND.rejoin, next(9)),
    encodeEntries(next(2) === 0 ? KIND.receipt : KIND.ask, [entryFor(next(4), next(99))])[0]!,
    encodeCount(KIND.ack, next(20)),
    encodeRenew(new Uint8Array(20)),
    encodeEmpty(KIND.ping),
    encodeEmpty(KIND.leave),
  ];
  const mutate = (frame: Bytes) => {
    const bytes = concatBytes(frame);
    const kind = next(4);
    if (kind === 0) return bytes.map(() => next(256));
    if (kind === 1) return bytes.subarray(0, next(bytes.length + 1)).slice();
    for (let i = next(3); i >= 0; i--) bytes[next(bytes.length)] = next(256);
    return bytes;
  };
  let inputs = 0;
  let joined = 0;
  while (inputs < 60_000) {
    const reader = new Reader();
    const connection = room.relay.connect(reader.link);
    connection.receive(encodeGreeting(""));
    // Some connections are a member's: the relay has more to do for those.
    if (next(4) === 0) {
      const transcript = concatBytes(encodeGreeting(""), reader.challenge);
      connection.receive(await provenJoin(eve, transcript, DIALLED));
      while (!reader.isIn && !reader.isOver) await new Promise((resolve) => setTimeout(resolve));
      joined += reader.isIn ? 1 : 0;
    }
    for (let i = 0; i < 40 && !reader.isOver; i++, inputs++) {
      const isMember = [...room.relay.members()].find((stay) => stay.connection === connection);
      const frames = isMember === undefined ? proven : members(isMember.number);
      const frame = frames[next(frames.length)]!;
      connection.receive(next(2) === 0 && isMember !== undefined ? frame : mutate(frame));
    }
    connection.end("LEFT");
    connection.disconnected();
    if (next(200) === 0) await room.settle();
  }
  await room.settle();
  assert(joined > 100, `${joined} joined`);
  assertEquals([room.failures, ada.raw.ended, bo.raw.ended], [[], false, false]);
  assertEquals(room.relay.connections, 3);
  ada.raw.say({ number: 999_999 });
  await room.settle();
  assertEquals(heard(bo.raw).at(-1), 999_999);
});
