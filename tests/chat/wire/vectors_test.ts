/**
 * The fixed vectors of joining, identities and control frames, both ways: what is made equals them, and they are read.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
// @ts-types="../../../types/std.d.ts"
import { concat } from "@std/bytes/concat";
// @ts-types="../../../types/std.d.ts"
import { encodeHex } from "@std/encoding/hex";
import { type Bytes, MalformedError, sha256 } from "../../../lib/base/bytes.ts";
import {
  checkCredential,
  CredentialError,
  readRenewal,
  renewalStatement,
} from "../../../lib/chat/identity/credential.ts";
import { CONTEXT, sign, verify } from "../../../lib/chat/identity/signing.ts";
import { RosterPages } from "../../../lib/chat/relay/member.ts";
import { safetyNumber } from "../../../lib/chat/trust/known_peers.ts";
import {
  commitmentOf,
  encodeWordsMessage,
  readWordsMessage,
  wordNumbers,
  wordsWith,
} from "../../../lib/chat/trust/words.ts";
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
  readBehind,
  readBye,
  readChallenge,
  readCount,
  readJoin,
  readJoined,
  readLeft,
  readMember,
  readResume,
  readRosterPage,
  readRoute,
  resumeStatement,
} from "../../../lib/chat/wire/control.ts";
import {
  checkOf,
  encodeHere,
  encodeLeavePayload,
  firstContext,
  readHere,
  readLeavePayload,
  type RosterEvent,
  RosterHistory,
  statementAt,
} from "../../../lib/chat/wire/history.ts";
import { readEntries, readPair, readSealed } from "../../../lib/chat/wire/envelope.ts";
import { encodeFrame } from "../../../lib/chat/wire/frame.ts";
import {
  encodeInvitationNotice,
  encodeProof,
  invitationLink,
  inviterOf,
  inviterStatement,
  openInvitation,
  readInvitationLink,
  readInvitationNotice,
  readProof,
  relayStatement,
  signProof,
  verifyProof,
} from "../../../lib/chat/wire/invitation.ts";
import { encodeGreeting, KIND, readGreeting } from "../../../lib/chat/wire/kinds.ts";
import vectors from "../../vectors/chat.json" with { type: "json" };
import {
  ada,
  adaVerifies,
  assertFrame,
  bo,
  bytes,
  context,
  frames,
  NONE,
  NOW,
  payload,
  room,
  scope,
  signingKey,
  transcript,
  version,
} from "./vectors.ts";

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
  assertEquals(encodeHex(statementAt("here", place)), statements.here);
  assertFrame("here", encodeHere(here));

  const leave = readLeavePayload(payload("leave"))!;
  assertEquals(leave.version, version);
  assertEquals(encodeHex(statementAt("leave", place)), statements.leave);
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

Deno.test("vectors: a frame that is too short or too long is refused", () => {
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

Deno.test("vectors: an invitation's key and link, what it signs, and what guest and inviter say", async () => {
  const { invitation: expected, roomName, dialled } = vectors;
  const invitation = await openInvitation(bytes(expected.secret));
  assertEquals(encodeHex(invitation.publicKey), expected.publicKey);
  const { secret, publicKey } = invitation;
  const target = { ...dialled, room: roomName, secret, inviter: inviterOf(ada.fingerprint) };
  assertEquals(invitationLink(target), expected.link);
  assertEquals(readInvitationLink(expected.link), { scheme: "parley", ...target });
  const proxied = { ...target, prefix: "/chats/of%20ada" };
  assertEquals(invitationLink(proxied, "https"), expected.webLink);
  assertEquals(readInvitationLink(expected.webLink), { scheme: "https", ...proxied });

  const guest = bytes(bo.member);
  const place = { room, inviter: bytes(ada.member), guest };
  const toInviter = await signProof(invitation, inviterStatement(place));
  const toRelay = await signProof(invitation, relayStatement(transcript, guest));
  assertEquals(await verifyProof(toInviter, inviterStatement(place)), true);
  assertEquals(await verifyProof(toRelay, relayStatement(transcript, guest)), true);
  const signed = { [expected.toInviter]: toInviter, [expected.toRelay]: toRelay };
  for (const [statement, { signature }] of Object.entries(signed)) {
    assertEquals(signature, await sign(invitation.key, bytes(statement)));
  }
  assertEquals(encodeHex(encodeProof(toRelay)), expected.joinProof);
  assertEquals(readProof(bytes(expected.joinProof)), toRelay);
  const notices = {
    [expected.proof]: { kind: "proof", proof: toInviter },
    [expected.answer]: { kind: "answer", publicKey, answer: "used" },
  } as const;
  for (const [body, notice] of Object.entries(notices)) {
    assertEquals(encodeHex(encodeInvitationNotice(notice)), body);
    assertEquals(readInvitationNotice(bytes(body)), notice);
  }

  const join = readJoin(payload("join, by an invitation"));
  assertEquals([encodeHex(join.credential), join.invitation], [bo.credential, toRelay]);
  assertEquals(encodeJoinRequest(join), join.signed);
  assertFrame("join, by an invitation", encodeProven(KIND.join, join.signed, join.proof));
  const { signing } = await checkCredential(bytes(bo.credential), NOW);
  assert(await verify(signing, join.proof, joinStatement(transcript, join.signed)));
});

Deno.test("vectors: the history of a room, through joinings and leavings", async () => {
  const first = await firstContext(room);
  for (const { events, contexts } of [vectors.history, vectors.listedTwice]) {
    const history = new RosterHistory({ room, version: 0, context: first, members: [] });
    assertEquals(encodeHex(await history.newest), contexts[0]);
    for (const [i, { event, member }] of events.entries()) {
      const made = await history.add(event as RosterEvent, bytes(member));
      assertEquals(encodeHex(made), contexts[i + 1], `version ${i + 1}`);
    }
  }
  const { events, contexts } = vectors.history;
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

Deno.test("vectors: short words, and the messages that lead to them", async () => {
  const { words } = vectors;
  const scope = { room, initiator: bytes(ada.member), responder: bytes(bo.member) };
  const nonces = { initiator: bytes(words.initiatorNonce), responder: bytes(words.responderNonce) };
  const commitment = bytes(words.commitment);
  assertEquals(await commitmentOf(scope, nonces.initiator), commitment);
  assertEquals(await wordNumbers(scope, nonces), words.numbers);
  assertEquals((await wordsWith(words.numbers)).join(" "), words.words);
  for (const [kind, body] of Object.entries(words.messages)) {
    const nonce = { answer: nonces.responder, reveal: nonces.initiator }[kind];
    const message = readWordsMessage(bytes(body));
    assertEquals<unknown>(message, { kind, commitment, ...nonce && { nonce } });
    assertEquals(encodeHex(encodeWordsMessage(message!)), body);
  }
});
