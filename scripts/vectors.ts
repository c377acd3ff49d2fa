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
import { type Bytes, type Random, sha256, utf8 } from "../lib/base/bytes.ts";
import {
  makeCredential,
  makeRenewal,
  NO_RENEWAL,
  type OwnCredential,
  renewalStatement,
} from "../lib/chat/identity/credential.ts";
import { CONTEXT, inContext, sign } from "../lib/chat/identity/signing.ts";
import { RosterPages } from "../lib/chat/relay/member.ts";
import { commitmentTo, messageKey, nextKey, SendingChain } from "../lib/chat/seal/chain.ts";
import { PairReceiver, PairSender } from "../lib/chat/seal/pairwise.ts";
import { safetyNumber } from "../lib/chat/trust/known_peers.ts";
import {
  commitmentOf,
  encodeWordsMessage,
  wordNumbers,
  wordsWith,
} from "../lib/chat/trust/words.ts";
import {
  encodeMessages,
  encodeReceipt,
  encodeTexts,
  messageIds,
  paddedLength,
  type PairMessage,
} from "../lib/chat/wire/content.ts";
import {
  encodeBehind,
  encodeBye,
  encodeChallengePayload,
  encodeCount,
  encodeEmpty,
  encodeJoined,
  encodeJoinRequest,
  encodeLeft,
  encodeMember,
  encodeProven,
  encodeRenew,
  encodeResumeRequest,
  encodeRoute,
  joinStatement,
  resumeStatement,
} from "../lib/chat/wire/control.ts";
import {
  checkOf,
  encodeHere,
  encodeLeavePayload,
  firstContext,
  type RosterEvent,
  RosterHistory,
  statementAt,
} from "../lib/chat/wire/history.ts";
import { encodeEntries, readPair } from "../lib/chat/wire/envelope.ts";
import { encodeFrame, FRAME_HEADER_BYTES } from "../lib/chat/wire/frame.ts";
import {
  encodeInvitationNotice,
  encodeProof,
  invitationLink,
  inviterOf,
  inviterStatement,
  openInvitation,
  relayStatement,
  signProof,
} from "../lib/chat/wire/invitation.ts";
import { encodeGreeting, KIND } from "../lib/chat/wire/kinds.ts";

const EXPIRES_AT = 1_800_000_000_000;
const RENEWED_TO = EXPIRES_AT + 43_200_000;
/** The key of a chain at its start, and the pairwise key: recognizable bytes. */
const CHAIN_KEY = new Uint8Array(32).fill(0xc0);
const PAIRWISE_KEY = new Uint8Array(32).fill(0xb0);

/** Bytes that count up, so that a vector can be recognized. */
function countingBytes(): Random {
  let next = 0;
  return (length) => new Uint8Array(length).map(() => next++ & 0xff);
}

async function memberOf(name: string): Promise<OwnCredential> {
  const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const pss = { name: "RSA-PSS", hash: "SHA-512", ...rsa };
  const oaep = { name: "RSA-OAEP", hash: "SHA-256", ...rsa };
  const identity = await crypto.subtle.generateKey(pss, true, ["sign", "verify"]);
  const session = await crypto.subtle.generateKey(oaep, true, ["encrypt", "decrypt"]);
  const signing = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
  const keys = { identity, session, signing: signing as CryptoKeyPair };
  return await makeCredential(name, keys, EXPIRES_AT);
}

async function pkcs8(key: CryptoKey): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.exportKey("pkcs8", key)));
}

function hex(bytes: Bytes): string {
  return encodeHex(bytes);
}

/** Derives as the protocol's section 2 says: HKDF with the room's id as the salt. */
async function hkdf(key: Bytes, salt: Bytes, info: Bytes): Promise<Bytes> {
  const secret = await crypto.subtle.importKey("raw", key, "HKDF", false, ["deriveBits"]);
  const algorithm = { name: "HKDF", hash: "SHA-256", salt, info };
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, secret, 256));
}

const random = countingBytes();
const room = random(32);
const nonce = random(32);
const roomName = "Grüße";
const dialled = { host: "chat.example", port: 4396 };
const [ada, bo] = [await memberOf("ada"), await memberOf("bo")];
const cy = await sha256(utf8("the credential of cy, which is refused"));
const { privateKey } = ada.keys.signing;

// Section 8: joining, and the room's history. ada joins, then bo, then cy, and cy leaves.
const greeting = encodeGreeting(roomName);
const challenge = encodeChallengePayload({ version: 2, nonce, graceMs: 120_000 });
const transcript = concat([greeting, challenge]);
const renewal = await makeRenewal(ada.keys.identity.privateKey, ada.member, RENEWED_TO);
const joinRequest = encodeJoinRequest({ credential: ada.bytes, renewal, dialled });
const resumeRequest = encodeResumeRequest({ room, member: ada.member, received: 7, sent: 300 });

const events: [RosterEvent, Bytes][] = [
  ["joined", ada.member],
  ["joined", bo.member],
  ["joined", cy],
  ["left", cy],
];
/** A relay lists ada twice, and one of the two leaves. */
const listedTwice: [RosterEvent, Bytes][] = [
  ["joined", ada.member],
  ["joined", bo.member],
  ["joined", ada.member],
  ["left", ada.member],
];

/** Returns the contexts of all versions of a room with these events. */
async function contextsOf(events: readonly [RosterEvent, Bytes][]): Promise<Bytes[]> {
  const context = await firstContext(room);
  const history = new RosterHistory({ room, version: 0, context, members: [] });
  const contexts = [await history.newest];
  for (const [event, member] of events) contexts.push(await history.add(event, member));
  return contexts;
}

const contexts = await contextsOf(events);
const version = events.length;
const context = contexts[version]!;
const check = checkOf(context);
const place = { room, member: ada.member, version, context };

const statements = {
  renewal: renewalStatement(ada.member, RENEWED_TO),
  join: joinStatement(transcript, joinRequest),
  resume: resumeStatement(transcript, resumeRequest),
  here: statementAt("here", place),
  leave: statementAt("leave", place),
};
const leave = encodeLeavePayload({ version, signature: await sign(privateKey, statements.leave) });
const listing = { number: 1, credential: ada.bytes, renewal };

// Section 9.1 and 9.2: a chain of ada's, and a sealed frame under its step 2.
const scope = { room, sender: ada.member, chain: 7 };
const steps = [CHAIN_KEY];
for (let step = 0; step < 3; step++) steps.push(await nextKey(scope, step, steps[step]!));
const chain = await SendingChain.start(scope, () => CHAIN_KEY);
await chain.advance();
await chain.advance();
const texts = [
  { time: 1_700_000_000_000, text: "hello" },
  { time: 1_700_000_000_001, text: "你好 🙂" },
];
const sealedText = encodeTexts(texts);
const sealed = await chain.seal(
  { sender: 1, route: 0, number: 41, version, context },
  sealedText,
  privateKey,
);

// Section 9.3 and 9.4: the pairwise key of ada for bo, and pair frames under it.
const pair = { room, sender: ada.member, recipient: bo.member };
const sender = await PairSender.to(pair, bo.keys.session.publicKey, () => PAIRWISE_KEY);
const at = { version, context };
const mistrust = { kind: "notice", notice: "mistrust", body: new Uint8Array(0) } as const;
const messages: PairMessage[] = [
  {
    kind: "line",
    stream: 1,
    number: 3,
    last: 1,
    time: 1_700_000_000_002,
    text: "between us",
  },
  { kind: "grant", chain: 7, step: 2, key: steps[2]!, next: 41, last: 39 },
  { kind: "gone", stream: 0, number: 38 },
];
const numbers = { sender: 1, recipient: 2 };
const pairFrame = await sender.seal(numbers, at, encodeMessages(messages), privateKey);

// Section 10.3: bo's receipt, and ada's ask.
const receiver = new PairReceiver(pair, bo.keys.session.privateKey, ada.signing);
await receiver.open(readPair(pairFrame.subarray(FRAME_HEADER_BYTES)), context);
const streams = [
  { stream: 0, through: 39, seen: 42, withheld: 38 },
  { stream: 1, through: 3, seen: 3, withheld: 0 },
] as const;
const receiptEntries = [
  await receiver.receipt(1, at, encodeReceipt(streams)),
  await receiver.receipt(1, at, encodeReceipt([])),
];
const ask = await sender.ask(2, at, new Uint8Array(0));
await sender.openReceipt(receiptEntries[0]!, context);
const provenFrame = await sender.seal(numbers, at, encodeMessages([]), privateKey);

// Section 13.4: ada invites bo.
const invitation = await openInvitation(random(16));
const invitedAt = { room, inviter: ada.member, guest: bo.member };
const guestProof = await signProof(invitation, inviterStatement(invitedAt));
const joinProof = await signProof(invitation, relayStatement(transcript, bo.member));
const invitedJoin = encodeJoinRequest({
  credential: bo.bytes,
  renewal: NO_RENEWAL,
  dialled,
  invitation: joinProof,
});
const target = {
  ...dialled,
  room: roomName,
  secret: invitation.secret,
  inviter: inviterOf(ada.fingerprint),
};
const link = invitationLink(target);
const webLink = invitationLink({ ...target, prefix: "/chats/of%20ada" }, "https");

const frames: Record<string, Bytes> = {
  challenge: encodeFrame(KIND.challenge, challenge),
  join: encodeProven(KIND.join, joinRequest, await sign(privateKey, statements.join)),
  "join, by an invitation": encodeProven(
    KIND.join,
    invitedJoin,
    await sign(bo.keys.signing.privateKey, joinStatement(transcript, invitedJoin)),
  ),
  roster: concat(new RosterPages([listing]).snapshot(room, 1)(contexts[1]!)),
  joined: encodeJoined(listing),
  left: encodeLeft({ version: 5, member: 1, reason: "LEFT", statement: leave }),
  "left, without a statement": encodeLeft({
    version: 4,
    member: 3,
    reason: "LOST",
    statement: new Uint8Array(0),
  }),
  route: encodeRoute({ route: 5, except: true, members: [2, 70_000] }),
  "route, of those who are meant": encodeRoute({ route: 255, except: false, members: [] }),
  ack: encodeCount(KIND.ack, 258),
  accepted: encodeCount(KIND.accepted, 2 ** 40),
  here: encodeHere({
    member: 1,
    version,
    check,
    signature: await sign(privateKey, statements.here),
  }),
  ping: encodeEmpty(KIND.ping),
  pong: encodeEmpty(KIND.pong),
  leave: encodeFrame(KIND.leave, leave),
  "leave, without a statement": encodeEmpty(KIND.leave),
  bye: encodeBye("NAME_TAKEN"),
  resume: encodeProven(KIND.resume, resumeRequest, await sign(privateKey, statements.resume)),
  resumed: encodeCount(KIND.resumed, 299),
  pair: pairFrame,
  "pair, the pairwise key proven": provenFrame,
  sealed,
  receipt: concat(encodeEntries(KIND.receipt, receiptEntries)),
  away: encodeMember(KIND.away, 2),
  back: encodeMember(KIND.back, 2),
  unknown: encodeEmpty(KIND.unknown),
  renew: encodeRenew(renewal),
  ask: concat(encodeEntries(KIND.ask, [ask])),
  behind: encodeBehind({ member: 2, number: 2 ** 33 }),
  rejoin: encodeMember(KIND.rejoin, 2),
};

const commitments = await Promise.all(steps.map((key, step) => commitmentTo(scope, step, key)));
const messageKeys = await Promise.all(steps.map((key, step) => messageKey(scope, step, key)));
const pairKey = (use: Bytes) =>
  hkdf(PAIRWISE_KEY, room, inContext(use, ada.member, bo.member)).then(hex);
const lengths = [1, 31, 32, 33, 255, 256, 257, 300, 511, 512, 513, 1000, 4096, 4097, 70_000];
const groupId = messageIds(ada.member);
const privateId = messageIds(ada.member, bo.member);

/** Short words: ada begins, and bo answers. */
async function shortWords() {
  const scope = { room, initiator: ada.member, responder: bo.member };
  const counting = (first: number) => new Uint8Array(32).map((_, i) => first + i);
  const nonces = { initiator: counting(0x50), responder: counting(0x70) };
  const commitment = await commitmentOf(scope, nonces.initiator);
  const numbers = await wordNumbers(scope, nonces);
  const message = (kind: "commit" | "same" | "differ" | "over") =>
    hex(encodeWordsMessage({ kind, commitment }));
  return {
    initiatorNonce: hex(nonces.initiator),
    responderNonce: hex(nonces.responder),
    commitment: hex(commitment),
    numbers,
    words: (await wordsWith(numbers)).join(" "),
    messages: {
      commit: message("commit"),
      answer: hex(encodeWordsMessage({ kind: "answer", commitment, nonce: nonces.responder })),
      reveal: hex(encodeWordsMessage({ kind: "reveal", commitment, nonce: nonces.initiator })),
      same: message("same"),
      differ: message("differ"),
      over: message("over"),
    },
  };
}

const vectors = {
  description: "Fixed vectors of parley's chat protocol, version 2. The keys are for tests only.",
  room: hex(room),
  roomName,
  greeting: hex(greeting),
  nonce: hex(nonce),
  transcript: hex(transcript),
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
  history: {
    events: events.map(([event, member]) => ({ event, member: hex(member) })),
    contexts: contexts.map(hex),
  },
  listedTwice: {
    events: listedTwice.map(([event, member]) => ({ event, member: hex(member) })),
    contexts: (await contextsOf(listedTwice)).map(hex),
  },
  statements: Object.fromEntries(
    Object.entries(statements).map(([name, bytes]) => [name, hex(bytes)]),
  ),
  chain: {
    number: 7,
    keys: steps.map(hex),
    commitments: commitments.map(hex),
    messageKeys: messageKeys.map(hex),
  },
  texts: { first: 41, messages: texts, plaintext: hex(sealedText) },
  pairwise: {
    key: hex(PAIRWISE_KEY),
    label: hex(inContext(CONTEXT.pairwise, room, ada.member, bo.member)),
    pairKey: await pairKey(CONTEXT.pair),
    receiptKey: await pairKey(CONTEXT.receipt),
    askKey: await pairKey(CONTEXT.ask),
  },
  messages: { plaintext: hex(encodeMessages(messages)) },
  mistrust: { plaintext: hex(encodeMessages([mistrust])) },
  receipt: { streams, plaintext: hex(encodeReceipt(streams)) },
  padding: lengths.map((length) => [length, paddedLength(length)]),
  ids: { number: 41, group: groupId(41), private: privateId(41) },
  invitation: {
    secret: hex(invitation.secret),
    publicKey: hex(invitation.publicKey),
    link,
    webLink,
    toInviter: hex(inContext(CONTEXT.invitation, room, ada.member, bo.member)),
    toRelay: hex(inContext(CONTEXT.invitationJoin, transcript, bo.member)),
    joinProof: hex(encodeProof(joinProof)),
    proof: hex(encodeInvitationNotice({ kind: "proof", proof: guestProof })),
    answer: hex(encodeInvitationNotice({
      kind: "answer",
      publicKey: invitation.publicKey,
      answer: "used",
    })),
  },
  safetyNumber: (await safetyNumber(ada.fingerprint, bo.fingerprint)).join(" "),
  words: await shortWords(),
  frames: Object.fromEntries(Object.entries(frames).map(([name, bytes]) => [name, hex(bytes)])),
};
console.log(JSON.stringify(vectors, null, 2));
