/**
 * The fixed vectors of the protocol, both ways: what is made equals them, and they are read.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
// @ts-types="../../../types/std.d.ts"
import { concat } from "@std/bytes/concat";
// @ts-types="../../../types/std.d.ts"
import { decodeHex, encodeHex } from "@std/encoding/hex";
import { type Bytes, MalformedError, sha256, utf8 } from "../../../lib/base/bytes.ts";
import { checkCredential, CredentialError } from "../../../lib/chat/identity/credential.ts";
import { readRenewal, renewalStatement } from "../../../lib/chat/identity/renewal.ts";
import { CONTEXT, inContext, sign, verify } from "../../../lib/chat/identity/signing.ts";
import { RosterPages } from "../../../lib/chat/relay/member.ts";
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
import { safetyNumber } from "../../../lib/chat/trust/known_peers.ts";
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
  encodeBehind,
  encodeBye,
  encodeChallengePayload,
  encodeCount,
  encodeEmpty,
  encodeHere,
  encodeJoined,
  encodeJoinRequest,
  encodeLeavePayload,
  encodeLeft,
  encodeMember,
  encodeProven,
  encodeRenew,
  encodeResumeRequest,
  encodeRoute,
  hereStatement,
  joinStatement,
  leaveStatement,
  readBehind,
  readBye,
  readChallenge,
  readCount,
  readHere,
  readJoin,
  readJoined,
  readLeavePayload,
  readLeft,
  readMember,
  readResume,
  readRosterPage,
  readRoute,
  resumeStatement,
} from "../../../lib/chat/wire/control.ts";
import {
  encodeEntries,
  encodePair,
  encodeSealed,
  readEntries,
  readPair,
  readSealed,
} from "../../../lib/chat/wire/envelope.ts";
import { encodeFrame, FRAME_HEADER_BYTES, FrameReader } from "../../../lib/chat/wire/frame.ts";
import {
  checkOf,
  firstContext,
  type RosterEvent,
  RosterHistory,
} from "../../../lib/chat/wire/history.ts";
import {
  BOUND,
  encodeGreeting,
  KIND,
  kindName,
  readGreeting,
} from "../../../lib/chat/wire/kinds.ts";
import vectors from "../../vectors/chat.json" with { type: "json" };

const NOW = vectors.expiresAt - 1000;
const NONE = new Uint8Array(0);
const room = bytes(vectors.room);
const [ada, bo] = vectors.members as [typeof vectors.members[0], typeof vectors.members[0]];
const frames: Record<string, string> = vectors.frames;
const transcript = bytes(vectors.transcript);
const version = vectors.history.contexts.length - 1;
const context = bytes(vectors.history.contexts[version]!);
const scope = { room, sender: bytes(ada.member), chain: vectors.chain.number };
const pair = { room, sender: bytes(ada.member), recipient: bytes(bo.member) };
const at = { version, context };

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

/** Compares an encoded frame with the vector of its name. */
function assertFrame(name: string, made: Bytes | readonly Bytes[]): void {
  assertEquals(encodeHex(made instanceof Uint8Array ? made : concat(made)), frames[name], name);
}

function signingKey(): Promise<CryptoKey> {
  return crypto.subtle.importKey("pkcs8", bytes(ada.signing), "Ed25519", false, ["sign"]);
}

function boSessionKey(): Promise<CryptoKey> {
  const algorithm = { name: "RSA-OAEP", hash: "SHA-256" };
  return crypto.subtle.importKey("pkcs8", bytes(bo.session), algorithm, false, ["decrypt"]);
}

async function adaVerifies(signature: Bytes, statement: Bytes): Promise<boolean> {
  const { signing } = await checkCredential(bytes(ada.credential), NOW);
  return await verify(signing, signature, statement);
}

Deno.test("vectors: the greeting, with the name of a room", () => {
  const { roomName } = vectors;
  assertEquals(encodeHex(encodeGreeting(roomName)), vectors.greeting);
  const greeting = bytes(vectors.greeting);
  const { length } = greeting;
  assertEquals(readGreeting(greeting), { state: "whole", versions: [2], roomName, length });
});

Deno.test("vectors: there is one of every kind", () => {
  const names = new Set(Object.keys(frames).map((name) => name.split(",")[0]));
  assertEquals(names, new Set(Object.keys(KIND)));
});

Deno.test("vectors: the challenge, and the transcript that it makes with the greeting", () => {
  const challenge = { version: 2, nonce: bytes(vectors.nonce), graceMs: 120_000 };
  assertEquals(readChallenge(payload("challenge")), challenge);
  const encoded = encodeChallengePayload(challenge);
  assertFrame("challenge", encodeFrame(KIND.challenge, encoded));
  assertEquals(encodeHex(concat([bytes(vectors.greeting), encoded])), vectors.transcript);
});

Deno.test("vectors: join, resume, here and leave, what they sign, and their signatures", async () => {
  const { statements, dialled } = vectors;
  const key = await signingKey();
  const join = readJoin(payload("join"));
  assertEquals([encodeHex(join.credential), join.dialled], [ada.credential, dialled]);
  assertEquals(encodeJoinRequest(join), join.signed);
  assertEquals(encodeHex(joinStatement(transcript, join.signed)), statements.join);
  assertFrame("join", encodeProven(KIND.join, join.signed, join.proof));

  const resume = readResume(payload("resume"));
  assertEquals([resume.room, resume.member], [room, scope.sender]);
  assertEquals([resume.received, resume.sent], [7, 300]);
  assertEquals(encodeResumeRequest(resume), resume.signed);
  assertEquals(encodeHex(resumeStatement(transcript, resume.signed)), statements.resume);
  assertFrame("resume", encodeProven(KIND.resume, resume.signed, resume.proof));

  const place = { room, member: scope.sender, version, context };
  const here = readHere(payload("here"));
  assertEquals([here.member, here.version, here.check], [1, version, checkOf(context)]);
  assertEquals(encodeHex(hereStatement(place)), statements.here);
  assertFrame("here", encodeHere(here));

  const leave = readLeavePayload(payload("leave"))!;
  assertEquals(leave.version, version);
  assertEquals(encodeHex(leaveStatement(place)), statements.leave);
  assertFrame("leave", encodeFrame(KIND.leave, encodeLeavePayload(leave)));

  const signed = {
    join: join.proof,
    resume: resume.proof,
    here: here.signature,
    leave: leave.signature,
  };
  for (const [name, signature] of Object.entries(signed)) {
    const statement = bytes(statements[name as keyof typeof signed]);
    assert(await adaVerifies(signature, statement), name);
    // Ed25519 is deterministic: the signatures themselves are fixed.
    assertEquals(encodeHex(await sign(key, statement)), encodeHex(signature), name);
  }
});

Deno.test("vectors: the roster, joining and leaving", () => {
  const { renewal } = readJoin(payload("join"));
  const listing = { number: 1, credential: bytes(ada.credential), renewal };
  assertEquals(readJoined(payload("joined")), listing);
  assertFrame("joined", encodeJoined(listing));
  const first = bytes(vectors.history.contexts[1]!);
  assertEquals(readRosterPage(payload("roster")), {
    room,
    version: 1,
    context: first,
    last: true,
    listings: [listing],
  });
  assertFrame("roster", new RosterPages([listing]).snapshot(room, 1)(first));

  const left = { version: 5, member: 1, reason: "LEFT", statement: payload("leave") } as const;
  assertEquals(readLeft(payload("left")), left);
  assertFrame("left", encodeLeft(left));
  const lost = { version: 4, member: 3, reason: "LOST", statement: NONE } as const;
  assertEquals(readLeft(payload("left, without a statement")), lost);
  assertFrame("left, without a statement", encodeLeft(lost));
});

Deno.test("vectors: the frames that carry a few numbers, or none", () => {
  const routes = {
    route: { route: 5, except: true, members: [2, 70_000] },
    "route, of those who are meant": { route: 255, except: false, members: [] },
  };
  for (const [name, route] of Object.entries(routes)) {
    assertEquals(readRoute(payload(name)), route);
    assertFrame(name, encodeRoute(route));
  }
  for (const [name, count] of [["ack", 258], ["accepted", 2 ** 40], ["resumed", 299]] as const) {
    assertEquals(readCount(payload(name)), count);
    assertFrame(name, encodeCount(KIND[name], count));
  }
  for (const name of ["away", "back", "rejoin"] as const) {
    assertEquals(readMember(payload(name)), 2);
    assertFrame(name, encodeMember(KIND[name], 2));
  }
  for (const name of ["ping", "pong", "unknown"] as const) {
    assertEquals(payload(name), NONE);
    assertFrame(name, encodeEmpty(KIND[name]));
  }
  assertEquals(readLeavePayload(payload("leave, without a statement")), undefined);
  assertFrame("leave, without a statement", encodeEmpty(KIND.leave));
  const behind = { member: 2, number: 2 ** 33 };
  assertEquals(readBehind(payload("behind")), behind);
  assertFrame("behind", encodeBehind(behind));
  assertEquals(readBye(payload("bye")), "NAME_TAKEN");
  assertFrame("bye", encodeBye("NAME_TAKEN"));
});

Deno.test("vectors: a frame that is cut short or goes on is refused", () => {
  const readers: Record<string, (payload: Bytes) => unknown> = {
    challenge: readChallenge,
    join: readJoin,
    roster: readRosterPage,
    joined: readJoined,
    left: readLeft,
    route: readRoute,
    ack: readCount,
    here: readHere,
    leave: readLeavePayload,
    bye: readBye,
    resume: readResume,
    receipt: readEntries,
    away: readMember,
    behind: readBehind,
    renew: readRenewal,
  };
  for (const [name, read] of Object.entries(readers)) {
    const whole = payload(name).slice();
    assertThrows(() => read(whole.slice(0, -1)), MalformedError, "", `${name}, cut short`);
    assertThrows(
      () => read(concat([whole, new Uint8Array(1)])),
      MalformedError,
      "",
      `${name}, going on`,
    );
  }
  assertThrows(() => readSealed(payload("sealed").slice(0, 25 + 47 + 64)), MalformedError);
  assertThrows(() => readPair(payload("pair").slice(0, 22 + 2 + 256 + 15 + 64)), MalformedError);
});

Deno.test("vectors: credentials hold, name their members, and no other bytes do", async () => {
  for (const expected of vectors.members) {
    const credential = await checkCredential(bytes(expected.credential), NOW);
    assertEquals(
      [credential.name, encodeHex(credential.member), credential.fingerprint],
      [expected.name, expected.member, expected.fingerprint],
    );
    assertEquals(encodeHex(await sha256(bytes(expected.credential))), expected.member);
  }
  const changed = bytes(ada.credential);
  changed[6] = changed[6]! ^ 1;
  await assertRejects(() => checkCredential(changed, NOW), CredentialError);
});

Deno.test("vectors: a credential that has expired holds by its renewal, and by no other bytes", async () => {
  const credential = bytes(ada.credential);
  const renewal = payload("renew").slice();
  assertFrame("renew", encodeRenew(renewal));
  assertEquals(renewal, readJoin(payload("join")).renewal);
  const { renewedTo } = vectors;
  assertEquals(readRenewal(renewal).expiresAt, renewedTo);
  assertEquals(
    encodeHex(renewalStatement(bytes(ada.member), renewedTo)),
    vectors.statements.renewal,
  );
  assertEquals((await checkCredential(credential, renewedTo, renewal)).expiresAt, renewedTo);
  for (const place of [7, 12]) {
    const changed = renewal.slice();
    changed[place] = changed[place]! ^ 1;
    await assertRejects(() => checkCredential(credential, renewedTo, changed), CredentialError);
  }
});

Deno.test("vectors: the history of a room, through joinings and leavings", async () => {
  const { events, contexts } = vectors.history;
  const first = await firstContext(room);
  const history = new RosterHistory({ room, version: 0, context: first, members: [] });
  assertEquals(encodeHex(await history.newest), contexts[0]);
  for (const [i, { event, member }] of events.entries()) {
    const made = await history.add(event as RosterEvent, bytes(member));
    assertEquals(encodeHex(made), contexts[i + 1], `version ${i + 1}`);
  }
  // Section 8.2 by hand, for the version that a leaving made.
  const members = [ada.member, bo.member].toSorted().map(bytes);
  const change = new Uint8Array([0, 0, 0, 4, 2]);
  const parts = [room, bytes(contexts[3]!), change, bytes(events[3]!.member)];
  const listed = await sha256(concat(members));
  assertEquals(
    encodeHex(await sha256(concat([CONTEXT.history, ...parts, listed]))),
    contexts[4],
  );
});

Deno.test("vectors: the safety number of two identities", async () => {
  const number = await safetyNumber(ada.fingerprint, bo.fingerprint);
  assertEquals(number.join(" "), vectors.safetyNumber);
  assertEquals((await safetyNumber(bo.fingerprint, ada.fingerprint)).join(" "), number.join(" "));
});

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
  const texts = encodeTexts(messages.map((one) => ({ ...one, text: utf8(one.text) })));
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
  assertEquals(encodeHex(encodeMessages([{ ...LINE, text: utf8(text) }, ...REST])), plaintext);
  assertEquals(readPairMessages(bytes(plaintext)), [{ ...LINE, text }, ...REST]);
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
  const { withheld, streams, plaintext } = vectors.receipt;
  const receipt = readReceipt(bytes(plaintext));
  assertEquals([receipt.withheld, receipt.streams], [withheld, streams] as unknown[]);
  assertEquals(encodeHex(encodeReceipt(receipt)), plaintext);

  const entries = readEntries(payload("receipt"));
  assertEquals(entries.map(({ member, sequence }) => [member, sequence]), [[1, 0], [1, 1]]);
  const opened = [];
  for (const entry of entries) opened.push(await speaker.openReceipt(entry, context));
  assertEquals(opened.map((one) => encodeHex(one!)), [plaintext, "00"]);
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
