/**
 * Prints new test vectors of the chat: `deno run scripts/vectors.ts > tests/vectors/chat.json`.
 *
 * Keys are made anew each time. They are for tests and protect nothing.
 *
 * @module
 */

// @ts-types="../types/std.d.ts"
import { concat } from "@std/bytes/concat";
// @ts-types="../types/std.d.ts"
import { encodeHex } from "@std/encoding/hex";
import { type Bytes, type Random, utf8 } from "../lib/base/bytes.ts";
import {
  joinStatement,
  makeCredential,
  presenceStatement,
} from "../lib/chat/identity/credential.ts";
import { makeRenewal, renewalStatement } from "../lib/chat/identity/renewal.ts";
import { CONTEXT, inContext, sign } from "../lib/chat/identity/signing.ts";
import { RosterPages } from "../lib/chat/relay/fan_out.ts";
import { audienceDigest, commitmentTo, nextKey, SendingChain } from "../lib/chat/seal/chain.ts";
import { KeySender } from "../lib/chat/seal/pairwise.ts";
import { safetyNumber } from "../lib/chat/trust/known_peers.ts";
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
  resumeStatement,
} from "../lib/chat/wire/control.ts";
import { encodeProgressBody, encodeSigned, encodeTexts } from "../lib/chat/wire/envelope.ts";
import { encodeGreeting, KIND } from "../lib/chat/wire/kinds.ts";

const EXPIRES_AT = 1_800_000_000_000;
const RENEWED_TO = EXPIRES_AT + 43_200_000;

/** Bytes that count up, so that a vector can be recognized. */
function countingBytes(): Random {
  let next = 0;
  return (length) => new Uint8Array(length).map(() => next++ & 0xff);
}

async function memberOf(name: string) {
  const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const identity = await crypto.subtle.generateKey(
    { name: "RSA-PSS", hash: "SHA-512", ...rsa },
    true,
    ["sign", "verify"],
  );
  const session = await crypto.subtle.generateKey(
    { name: "RSA-OAEP", hash: "SHA-256", ...rsa },
    true,
    ["encrypt", "decrypt"],
  );
  const signing = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
  const keys = { identity, session, signing: signing as CryptoKeyPair };
  return await makeCredential(name, keys, EXPIRES_AT);
}

async function pkcs8(key: CryptoKey): Promise<string> {
  return encodeHex(new Uint8Array(await crypto.subtle.exportKey("pkcs8", key)));
}

const random = countingBytes();
const room = random(32);
const nonce = random(32);
const dialled = { host: "chat.example", port: 4396 };
const ada = await memberOf("ada");
const bo = await memberOf("bo");
const { privateKey } = ada.keys.signing;

const statements = {
  join: joinStatement(room, nonce, dialled, ada.member),
  presence: presenceStatement(room, ada.member),
  renewal: renewalStatement(ada.member, RENEWED_TO),
};
const proof = await sign(privateKey, statements.join);
const presence = await sign(privateKey, statements.presence);
const renewal = await makeRenewal(ada.keys.identity.privateKey, ada.member, RENEWED_TO);
const listing = { number: 1, credential: ada.bytes, presence, renewal };

const scope = { room, sender: ada.member, conversation: 0, chain: 7 } as const;
const chain = await SendingChain.start(scope, random, 0);
const chainKey = chain.grant.key;
const steps = [chainKey];
for (let step = 0; step < 3; step++) steps.push(await nextKey(scope, step, steps[step]!));
const commitments = await Promise.all(steps.map((key, step) => commitmentTo(scope, step, key)));

const { key, ...grant } = chain.grant;
const sender = await KeySender.to(room, ada.member, bo, random);
const firstKey = await sender.give({ conversation: 0, chain: 7, ...grant }, key, privateKey);
const secondKey = await sender.give({ conversation: 0, chain: 8, ...grant }, key, privateKey);
const recipients = await audienceDigest([ada.member, bo.member]);
const texts = [
  { number: 1, time: 1_700_000_000_000, text: "hello" },
  { number: 2, time: 1_700_000_000_001, text: "你好 🙂" },
];
const sealed = await chain.seal(
  { audience: 0, membership: 2, newest: 2, recipients },
  encodeTexts(texts.map((one) => ({ ...one, text: utf8(one.text) }))),
  privateKey,
);

const claim = { member: ada.member, received: 7, sent: 300 };
const resume = resumeStatement(room, nonce, claim);
const progress = encodeProgressBody({
  sender: ada.member,
  recipient: bo.member,
  asks: false,
  shown: 41,
});

const hex = (bytes: Bytes) => encodeHex(bytes);
const frames: Record<string, Bytes> = {
  challenge: encodeChallenge({ version: 1, room, nonce, graceMs: 120_000 }),
  join: encodeJoin({ credential: ada.bytes, dialled, proof, presence, renewal }),
  roster: concat(new RosterPages([listing]).pages(2)),
  joined: encodeJoined(listing),
  left: encodeLeft({ number: 3, member: ada.member, reason: "LOST" }),
  audience: encodeAudience(5, [ada.member, bo.member]),
  ack: encodeCount(KIND.ack, 258),
  accepted: encodeCount(KIND.accepted, 1),
  delivered: encodeCount(KIND.delivered, 2 ** 40),
  ping: encodeEmpty(KIND.ping),
  pong: encodeEmpty(KIND.pong),
  leave: encodeEmpty(KIND.leave),
  bye: encodeBye("NAME_TAKEN"),
  resume: encodeResume({ ...claim, proof: await sign(privateKey, resume) }),
  resumed: encodeCount(KIND.resumed, 299),
  key: firstKey,
  "key, the pairwise key known": secondKey,
  sealed,
  progress: encodeSigned(
    KIND.progress,
    progress,
    await sign(privateKey, inContext(CONTEXT.progress, room, progress)),
  ),
  away: encodePresence(KIND.away, bo.member),
  back: encodePresence(KIND.back, bo.member),
  unknown: encodeEmpty(KIND.unknown),
  renew: encodeRenew(renewal),
};

const vectors = {
  description: "Fixed vectors of parley's chat protocol, version 1. The keys are for tests only.",
  greeting: hex(encodeGreeting()),
  room: hex(room),
  nonce: hex(nonce),
  dialled,
  expiresAt: EXPIRES_AT,
  renewedTo: RENEWED_TO,
  members: await Promise.all([ada, bo].map(async (one) => ({
    name: one.name,
    credential: hex(one.bytes),
    member: hex(one.member),
    fingerprint: one.fingerprint,
    identity: await pkcs8(one.keys.identity.privateKey),
    session: await pkcs8(one.keys.session.privateKey),
    signing: await pkcs8(one.keys.signing.privateKey),
  }))),
  statements: {
    join: hex(statements.join),
    presence: hex(statements.presence),
    renewal: hex(statements.renewal),
    resume: hex(resume),
  },
  chain: { number: 7, keys: steps.map(hex), commitments: commitments.map(hex) },
  audienceDigest: hex(recipients),
  safetyNumber: (await safetyNumber(ada.fingerprint, bo.fingerprint)).join(" "),
  texts,
  frames: Object.fromEntries(Object.entries(frames).map(([name, bytes]) => [name, hex(bytes)])),
};
console.log(JSON.stringify(vectors, null, 2));
