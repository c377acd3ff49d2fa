/**
 * The fixed vectors of the protocol, both ways: what is made equals them, and they are read.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
// @ts-types="../../../types/std.d.ts"
import { decodeHex, encodeHex } from "@std/encoding/hex";
import { type Bytes, MalformedError, utf8 } from "../../../lib/base/bytes.ts";
import {
  checkCredential,
  CredentialError,
  joinStatement,
  presenceStatement,
} from "../../../lib/chat/identity/credential.ts";
import { readRenewal, renewalStatement } from "../../../lib/chat/identity/renewal.ts";
import { CONTEXT, inContext, sign, verify } from "../../../lib/chat/identity/signing.ts";
import { RosterPages } from "../../../lib/chat/relay/fan_out.ts";
import {
  audienceDigest,
  commitmentTo,
  nextKey,
  OpenError,
  ReceivingChain,
  SendingChain,
} from "../../../lib/chat/seal/chain.ts";
import { KeyReceiver } from "../../../lib/chat/seal/pairwise.ts";
import { safetyNumber } from "../../../lib/chat/trust/known_peers.ts";
import {
  encodeAudience,
  encodeBye,
  encodeChallenge,
  encodeCount,
  encodeEmpty,
  encodeJoin,
  encodeJoined,
  encodeLeft,
  encodePresence,
  encodeRenew,
  encodeResume,
  readAudience,
  readBye,
  readChallenge,
  readCount,
  readJoin,
  readJoined,
  readLeft,
  readPresence,
  readResume,
  readRosterPage,
  resumeStatement,
} from "../../../lib/chat/wire/control.ts";
import {
  encodeProgressBody,
  encodeTexts,
  readKeyFrame,
  readProgressFrame,
  readSealedFrame,
  readTexts,
} from "../../../lib/chat/wire/envelope.ts";
import { FrameReader } from "../../../lib/chat/wire/frame.ts";
import {
  BOUND,
  encodeGreeting,
  KIND,
  kindName,
  readGreeting,
} from "../../../lib/chat/wire/kinds.ts";
import vectors from "../../vectors/chat.json" with { type: "json" };

const NOW = vectors.expiresAt - 1000;
const room = bytes(vectors.room);
const [ada, bo] = vectors.members as [typeof vectors.members[0], typeof vectors.members[0]];
const frames: Record<string, string> = vectors.frames;

function bytes(hex: string): Bytes {
  return decodeHex(hex).slice();
}

/** The payload of a frame among the vectors, through the reader of frames. */
function payload(name: string): Bytes {
  const [frame, ...rest] = new FrameReader(() => BOUND.frame).push(bytes(frames[name]!));
  assertEquals(rest, []);
  assertEquals(kindName(frame!.kind), name.split(",")[0]);
  return frame!.payload;
}

function signingKey(): Promise<CryptoKey> {
  return crypto.subtle.importKey("pkcs8", bytes(ada.signing), "Ed25519", false, ["sign"]);
}

function boSessionKey(): Promise<CryptoKey> {
  const algorithm = { name: "RSA-OAEP", hash: "SHA-256" };
  return crypto.subtle.importKey("pkcs8", bytes(bo.session), algorithm, false, ["decrypt"]);
}

const scope = { room, sender: bytes(ada.member), conversation: 0, chain: 7 } as const;

Deno.test("vectors: the greeting", () => {
  assertEquals(encodeHex(encodeGreeting()), vectors.greeting);
  assertEquals(readGreeting(bytes(vectors.greeting)), { state: "whole", versions: [1], length: 8 });
});

Deno.test("vectors: there is one of every kind", () => {
  const names = new Set(Object.keys(frames).map((name) => name.split(",")[0]));
  assertEquals(names, new Set(Object.keys(KIND)));
});

Deno.test("vectors: frames are made as they are, and read as what they are", () => {
  const { dialled } = vectors;
  const nonce = bytes(vectors.nonce);
  const challenge = { version: 1, room, nonce, graceMs: 120_000 };
  assertEquals(readChallenge(payload("challenge")), challenge);
  assertEquals(encodeHex(encodeChallenge(challenge)), frames.challenge);

  const join = readJoin(payload("join"));
  assertEquals([encodeHex(join.credential), join.dialled], [ada.credential, dialled]);
  assertEquals(encodeHex(encodeJoin(join)), frames.join);

  const { presence, renewal } = join;
  const listing = { number: 1, credential: bytes(ada.credential), presence, renewal };
  assertEquals(readJoined(payload("joined")), listing);
  assertEquals(encodeHex(encodeJoined(listing)), frames.joined);
  assertEquals(readRosterPage(payload("roster")), { number: 2, last: true, listings: [listing] });
  assertEquals(new RosterPages([listing]).pages(2).map(encodeHex).join(""), frames.roster);

  assertEquals(payload("renew"), renewal);
  assertEquals(encodeHex(encodeRenew(renewal)), frames.renew);

  const left = { number: 3, member: bytes(ada.member), reason: "LOST" } as const;
  assertEquals(readLeft(payload("left")), left);
  assertEquals(encodeHex(encodeLeft(left)), frames.left);

  const members = [bytes(ada.member), bytes(bo.member)];
  assertEquals(readAudience(payload("audience")), { id: 5, members });
  assertEquals(encodeHex(encodeAudience(5, members)), frames.audience);

  const counts = { ack: 258, accepted: 1, delivered: 2 ** 40, resumed: 299 } as const;
  for (const [name, count] of Object.entries(counts)) {
    assertEquals(readCount(payload(name)), count);
    assertEquals(encodeHex(encodeCount(KIND[name as keyof typeof counts], count)), frames[name]);
  }
  for (const name of ["ping", "pong", "leave", "unknown"] as const) {
    assertEquals(payload(name).length, 0);
    assertEquals(encodeHex(encodeEmpty(KIND[name])), frames[name]);
  }
  for (const name of ["away", "back"] as const) {
    assertEquals(readPresence(payload(name)), members[1]);
    assertEquals(encodeHex(encodePresence(KIND[name], members[1]!)), frames[name]);
  }
  const resume = readResume(payload("resume"));
  assertEquals([resume.member, resume.received, resume.sent], [members[0], 7, 300]);
  assertEquals(encodeHex(encodeResume(resume)), frames.resume);

  assertEquals(readBye(payload("bye")), "NAME_TAKEN");
  assertEquals(encodeHex(encodeBye("NAME_TAKEN")), frames.bye);
});

Deno.test("vectors: a frame that is cut short or goes on is refused", () => {
  const readers: Record<string, (payload: Bytes) => unknown> = {
    challenge: readChallenge,
    join: readJoin,
    roster: readRosterPage,
    joined: readJoined,
    left: readLeft,
    audience: readAudience,
    ack: readCount,
    bye: readBye,
    key: readKeyFrame,
    resume: readResume,
    away: readPresence,
    progress: readProgressFrame,
    renew: readRenewal,
  };
  for (const [name, read] of Object.entries(readers)) {
    const whole = payload(name).slice();
    assertThrows(() => read(whole.slice(0, -1)), MalformedError, "", `${name}, cut short`);
    assertThrows(
      () => read(new Uint8Array([...whole, 0])),
      MalformedError,
      "",
      `${name}, going on`,
    );
  }
  assertThrows(() => readSealedFrame(payload("sealed").slice(0, 200)), MalformedError);
});

Deno.test("vectors: credentials hold, name their members, and no other bytes do", async () => {
  for (const expected of vectors.members) {
    const credential = await checkCredential(bytes(expected.credential), NOW);
    assertEquals(
      [credential.name, encodeHex(credential.member), credential.fingerprint],
      [expected.name, expected.member, expected.fingerprint],
    );
  }
  const changed = bytes(ada.credential);
  changed[6] = changed[6]! ^ 1;
  await assertRejects(() => checkCredential(changed, NOW), CredentialError);
});

Deno.test("vectors: a credential that has expired holds by its renewal, and by no other bytes", async () => {
  const credential = bytes(ada.credential);
  const renewal = payload("renew").slice();
  const { renewedTo } = vectors;
  assertEquals(readRenewal(renewal).expiresAt, renewedTo);
  assertEquals(
    encodeHex(renewalStatement(bytes(ada.member), renewedTo)),
    vectors.statements.renewal,
  );
  assertEquals((await checkCredential(credential, renewedTo, renewal)).expiresAt, renewedTo);
  for (const at of [7, 12]) {
    const changed = renewal.slice();
    changed[at] = changed[at]! ^ 1;
    await assertRejects(() => checkCredential(credential, renewedTo, changed), CredentialError);
  }
});

Deno.test("vectors: what is signed to join", async () => {
  const { dialled } = vectors;
  const join = joinStatement(room, bytes(vectors.nonce), dialled, bytes(ada.member));
  const presence = presenceStatement(room, bytes(ada.member));
  assertEquals([encodeHex(join), encodeHex(presence)], [
    vectors.statements.join,
    vectors.statements.presence,
  ]);
  const sent = readJoin(payload("join"));
  const key = await signingKey();
  const resume = readResume(payload("resume"));
  const goingOn = resumeStatement(room, bytes(vectors.nonce), resume);
  assertEquals(encodeHex(goingOn), vectors.statements.resume);
  assertEquals(encodeHex(await sign(key, goingOn)), encodeHex(resume.proof));
  // Ed25519 is deterministic: the signatures themselves are fixed.
  assertEquals(encodeHex(await sign(key, join)), encodeHex(sent.proof));
  assertEquals(encodeHex(await sign(key, presence)), encodeHex(sent.presence));
});

Deno.test("vectors: the safety number of two identities", async () => {
  const [a, b] = vectors.members;
  const number = await safetyNumber(a!.fingerprint, b!.fingerprint);
  assertEquals(number.join(" "), vectors.safetyNumber);
});

Deno.test("vectors: how far a member says that it has shown another's messages", async () => {
  const frame = readProgressFrame(payload("progress").slice());
  const { sender, recipient, asks, shown } = frame;
  const pair = [bytes(ada.member), bytes(bo.member)];
  assertEquals([[sender, recipient], asks, shown], [pair, false, 41]);
  assertEquals(encodeProgressBody(frame), frame.signed);
  const signed = inContext(CONTEXT.progress, room, frame.signed);
  assertEquals(await sign(await signingKey(), signed), frame.signature);
});

Deno.test("vectors: the steps of a chain, their commitments, the digest of an audience", async () => {
  const { keys, commitments } = vectors.chain;
  for (const [step, key] of keys.entries()) {
    assertEquals(encodeHex(await commitmentTo(scope, step, bytes(key))), commitments[step]);
    if (step + 1 < keys.length) {
      assertEquals(encodeHex(await nextKey(scope, step, bytes(key))), keys[step + 1]);
    }
  }
  const digest = await audienceDigest([bytes(bo.member), bytes(ada.member)]);
  assertEquals(encodeHex(digest), vectors.audienceDigest);
});

Deno.test("vectors: key frames open to the chain key, the second without RSA", async () => {
  const { signing } = await checkCredential(bytes(ada.credential), NOW);
  const receiver = new KeyReceiver(room, await boSessionKey());
  for (const name of ["key", "key, the pairwise key known"]) {
    const frame = readKeyFrame(payload(name).slice());
    assertEquals(frame.wrappedPairwise.length, name === "key" ? 256 : 0);
    const signed = inContext(CONTEXT.key, room, frame.signed);
    assert(await verify(signing, frame.signature, signed));
    assertEquals(encodeHex(await receiver.open(frame)), vectors.chain.keys[0]);
  }
});

Deno.test("vectors: a sealed frame is made as it is, and opens to its texts", async () => {
  const key = bytes(vectors.chain.keys[0]!);
  const chain = await SendingChain.start(scope, () => key, 0);
  const texts = encodeTexts(vectors.texts.map((one) => ({ ...one, text: utf8(one.text) })));
  const to = { audience: 0, membership: 2, newest: 2, recipients: bytes(vectors.audienceDigest) };
  assertEquals(encodeHex(await chain.seal(to, texts, await signingKey())), frames.sealed);

  const frame = readSealedFrame(payload("sealed").slice());
  const grant = { step: 0, key, commitment: bytes(vectors.chain.commitments[0]!), firstCounter: 0 };
  const receiving = await ReceivingChain.take(scope, grant);
  assertEquals(readTexts(await receiving.open(frame)), vectors.texts);
  frame.ciphertext[0] = frame.ciphertext[0]! ^ 1;
  assertEquals((await assertRejects(() => receiving.open(frame), OpenError)).fault, "SEAL");
});
