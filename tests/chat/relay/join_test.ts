/**
 * Joining, resuming and coming again: proofs, rosters, and who takes whose place.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { makeCredential, makeRenewal } from "../../../lib/chat/identity/credential.ts";
import {
  encodeEmpty,
  encodeRenew,
  readCount,
  readJoined,
  readLeft,
  readMember,
} from "../../../lib/chat/wire/control.ts";
import type { RelayOptions } from "../../../lib/chat/relay/options.ts";
import type { RelayConnection } from "../../../lib/chat/relay/connection.ts";
import { firstContext, RosterHistory } from "../../../lib/chat/wire/history.ts";
import { encodeGreeting, KIND } from "../../../lib/chat/wire/kinds.ts";
import { pooledKeys, until } from "../keys.ts";
import {
  concatBytes,
  hereFrame,
  pairFrame,
  provenJoin,
  provenResume,
  sealedFrame,
} from "../raw_frames.ts";
import { DIALLED, RawMember } from "../raw_member.ts";
import { heard, RelayRoom, told } from "./relay_room.ts";

// Proofs.

/** How another transcript than the connection's own comes about. */
const OTHER_TRANSCRIPTS: Readonly<Record<string, (greeting: Bytes, challenge: Bytes) => Bytes>> = {
  "greeting": (_, challenge) => concatBytes(encodeGreeting("", [2, 3]), challenge),
  "room": (_, challenge) => concatBytes(encodeGreeting("other"), challenge),
  "nonce": (greeting, challenge) => concatBytes(greeting, challenge.with(5, challenge[5]! ^ 1)),
  "grace": (greeting, challenge) =>
    concatBytes(greeting, challenge.with(-1, challenge.at(-1)! ^ 1)),
  "version": (greeting, challenge) => concatBytes(greeting, challenge.with(0, 3)),
};

for (const [what, transcriptOf] of Object.entries(OTHER_TRANSCRIPTS)) {
  Deno.test(`a proof for another ${what} is refused, to join and to resume`, async () => {
    const room = new RelayRoom();
    const ada = await room.join("ada");
    const bo = await room.credential("bo");
    const raw = new RawMember(room.relay);
    const { transcript } = await raw.challenge();
    const { length } = raw.greeting;
    const other = transcriptOf(raw.greeting, transcript.slice(length));
    raw.send(await provenJoin(bo, other, DIALLED));
    await until(() => raw.ended, "it is refused");
    assertEquals(raw.bye, "BAD_PROOF");
    ada.raw.close();
    await room.settle();
    const back = new RawMember(room.relay);
    const { transcript: own } = await back.challenge();
    back.send(
      await provenResume(ada.self, transcriptOf(back.greeting, own.slice(length)), ada.raw),
    );
    await until(() => back.received.length === 2, "it is answered");
    assertEquals(back.frames(KIND.unknown).length, 1);
  });
}

Deno.test("a join whose fields differ from those that the proof covers is refused", async () => {
  const room = new RelayRoom();
  const self = await room.credential("ada");
  const raw = new RawMember(room.relay);
  const { transcript } = await raw.challenge();
  const join = await provenJoin(self, transcript, DIALLED);
  // The port that was dialled: before the empty invitation and the proof.
  join[join.length - 64 - 2 - 1]! ^= 1;
  raw.send(join);
  await until(() => raw.ended, "it is refused");
  assertEquals(raw.bye, "BAD_PROOF");
});

Deno.test("the transcript holds a greeting as it was sent, in pieces or with several versions", async () => {
  const room = new RelayRoom();
  const self = await room.credential("ada");
  const raw = new RawMember(room.relay);
  const greeting = encodeGreeting("", [9, 2, 7]);
  for (const byte of greeting) raw.send(Uint8Array.of(byte));
  await until(() => raw.received.length === 1, "the relay challenges");
  const transcript = concatBytes(greeting, raw.frames(KIND.challenge)[0]!);
  raw.send(await provenJoin(self, transcript, DIALLED));
  await until(() => raw.number > 0, "it is in");
});

Deno.test("a member that dialled another name than the relay's is refused", async () => {
  const room = new RelayRoom({ publicNames: ["chat.example"] });
  assertEquals((await room.join("ada")).raw.bye, "BAD_PROOF");
  const right = new RelayRoom({ publicNames: ["room.test:4396"] });
  assertEquals((await right.join("ada")).raw.bye, undefined);
});

// Rosters.

Deno.test("a newcomer is sent the roster before its joining, and the others are sent its joining", async () => {
  const room = new RelayRoom();
  const [ada, bo, cy] = [await room.join("ada"), await room.join("bo"), await room.join("cy")];
  bo.raw.send(encodeEmpty(KIND.leave));
  await room.settle();
  const dee = await room.join("dee");
  const id = room.relay.room;
  const history = new RosterHistory({
    room: id,
    version: 0,
    context: firstContext(id),
    members: [],
  });
  for (const { self } of [ada, bo, cy]) await history.add("joined", self.member);
  await history.add("left", bo.self.member);
  const contexts = await Promise.all([0, 1, 2, 4].map((version) => history.at(version)));
  const pages = [ada, bo, cy, dee].map(({ raw }) => raw.roster[0]!);
  assertEquals(pages.map(({ version }) => version), [0, 1, 2, 4]);
  assertEquals(pages.map(({ context }) => context), contexts);
  assert(pages.every(({ room, last }) => room.every((byte, i) => byte === id[i]) && last));
  const listed = pages[3]!.listings.map(({ number, credential }) => [number, credential]);
  assertEquals(listed, [[1, ada.self.bytes], [3, cy.self.bytes]]);
  const joined = cy.raw.frames(KIND.joined).map(readJoined);
  assertEquals(joined.map(({ number, credential }) => [number, credential]), [[5, dee.self.bytes]]);
  assertEquals(dee.raw.frames(KIND.joined), []);
});

Deno.test("counted frames wait until the roster is sent", async () => {
  const room: RelayRoom = new RelayRoom({
    event: (event) => {
      if (event.kind !== "joined" || event.credential.name !== "bo") return;
      // ada speaks in the turn in which bo is let in, before the context for its roster is known.
      const [ada] = room.relay.members();
      (ada!.connection as RelayConnection).receive(
        concatBytes(sealedFrame({ sender: 1 }), pairFrame(1, 2)),
      );
    },
  });
  await room.join("ada");
  const { raw } = await room.join("bo");
  const { challenge, roster, sealed, pair } = KIND;
  assertEquals(raw.received.map(({ kind }) => kind), [challenge, roster, sealed, pair]);
});

Deno.test("the relay lists a renewal if it adds an hour and does not end too late", async () => {
  const room = new RelayRoom();
  const { raw, self } = await room.join("ada");
  const now = room.clock.now();
  const renewals = await Promise.all(
    [1, 2, 30, 20].map((hours) =>
      makeRenewal(self.keys.identity.privateKey, self.member, now + hours * 3_600_000 + 1)
    ),
  );
  const listed = async () => {
    const one = await room.join(`x${room.relay.size}`);
    return one.raw.roster[0]!.listings[0]!.renewal;
  };
  const seen: Bytes[] = [];
  for (const renewal of renewals) {
    raw.send(encodeRenew(renewal));
    await room.settle();
    seen.push(await listed());
  }
  // One that adds nothing; one that does; one that nobody would take; one that does.
  assertEquals(seen, [new Uint8Array(0), renewals[1]!, renewals[1]!, renewals[3]!]);
});

// Coming back.

Deno.test("a member resumes where it was: every frame once, and the relay says what it has", async () => {
  const room = new RelayRoom();
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  ada.raw.say({ number: 1 });
  bo.raw.say({ number: 50 });
  await room.settle();
  bo.raw.close();
  await room.settle();
  for (const number of [2, 3]) ada.raw.say({ number });
  await room.settle();
  // What it sent last has not arrived.
  const back = await room.resume(bo, { sent: 2 });
  assertEquals(back.frames(KIND.resumed).map(readCount), [1]);
  assertEquals([heard(bo.raw), heard(back)], [[1], [2, 3]]);
  assertEquals(ada.raw.frames(KIND.away).length, 0);
});

Deno.test("frames that were not received are sent again byte for byte", async () => {
  const room = new RelayRoom();
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  bo.raw.acknowledges = false;
  const all = [1, 2, 3].map((number) => ({ number, size: 48 + number }));
  for (const one of all) ada.raw.say(one);
  await room.settle();
  const sent = bo.raw.received.filter(({ kind }) => kind === KIND.sealed);
  const back = await room.resume(bo, { counted: 1 });
  const again = back.received.filter(({ kind }) => kind === KIND.sealed);
  assertEquals(again.map(({ bytes }) => bytes), sent.slice(1).map(({ bytes }) => bytes));
  assertEquals(bo.raw.bye, "REPLACED");
});

Deno.test("a second join ends the connection, also while the first one is checked", async () => {
  const room = new RelayRoom();
  const self = await room.credential("ada");
  const raw = new RawMember(room.relay);
  const { transcript } = await raw.challenge();
  const proven = await provenJoin(self, transcript, DIALLED);
  raw.send(concatBytes(proven, proven));
  await until(() => raw.ended, "the connection has ended");
  await room.settle();
  assertEquals([raw.bye, room.relay.size], ["OUT_OF_ORDER", 0]);
});

Deno.test("a connection that ends while its join is checked makes no member", async () => {
  const room = new RelayRoom();
  const self = await room.credential("ada");
  const raw = new RawMember(room.relay);
  const { transcript } = await raw.challenge();
  const proven = await provenJoin(self, transcript, DIALLED);
  const { verify } = crypto.subtle;
  let checked = 0;
  crypto.subtle.verify = async (...args) => {
    raw.close();
    checked += 1;
    return await verify.apply(crypto.subtle, args);
  };
  try {
    raw.send(proven);
    await until(() => checked > 2, "the join is checked");
    await room.settle();
  } finally {
    crypto.subtle.verify = verify;
  }
  assertEquals([room.relay.size, told(room)], [0, ["refused LOST"]]);
});

Deno.test("a member that is removed while its resume is checked is not resumed", async () => {
  const room = new RelayRoom();
  const ada = await room.join("ada");
  ada.raw.close();
  await room.settle();
  const next = new RawMember(room.relay);
  const { transcript } = await next.challenge();
  const proven = await provenResume(ada.self, transcript, ada.raw);
  const { verify } = crypto.subtle;
  crypto.subtle.verify = async (...args) => {
    room.relay.remove(ada.self.key, false);
    return await verify.apply(crypto.subtle, args);
  };
  try {
    next.send(proven);
    await until(() => next.received.length > 1, "the relay answers");
  } finally {
    crypto.subtle.verify = verify;
  }
  assertEquals([next.frames(KIND.unknown).length, room.relay.size], [1, 0]);
});

Deno.test("a resume with impossible counts ends its own connection, and not the present one", async () => {
  const room = new RelayRoom();
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  ada.raw.say();
  bo.raw.say();
  await room.settle();
  for (const counts of [{ counted: 0 }, { counted: 9 }, { sent: 0 }]) {
    const raw = await room.resume(bo, counts);
    assertEquals([raw.bye, bo.raw.ended], ["BAD_FRAME", false]);
  }
});

Deno.test("a member is away after 2 seconds without a connection, and back when it resumes", async () => {
  const room = new RelayRoom();
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  bo.raw.close();
  await room.settle();
  await room.pass(1_999);
  assertEquals(ada.raw.frames(KIND.away), []);
  await room.pass(1);
  assertEquals(ada.raw.frames(KIND.away).map(readMember), [2]);
  const cy = await room.join("cy");
  assertEquals(cy.raw.frames(KIND.away).map(readMember), [2]);
  const back = await room.resume(bo);
  assertEquals([ada, cy].map(({ raw }) => raw.frames(KIND.back).map(readMember)), [[2], [2]]);
  // It hears of the joining, and nothing of itself.
  assertEquals([back.frames(KIND.joined).length, back.counted], [1, bo.raw.counted + 1]);
  assertEquals(told(room).slice(-3), ["away bo", "joined cy", "back bo"]);
});

Deno.test("a member that does not come back within the grace has left as LOST", async () => {
  const room = new RelayRoom({ graceMs: 10_000 });
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  bo.raw.close();
  await room.settle();
  await room.pass(9_999);
  assertEquals(room.relay.size, 2);
  await room.pass(1);
  assertEquals(ada.raw.frames(KIND.left).map((left) => readLeft(left).reason), ["LOST"]);
  const back = await room.resume(bo);
  assertEquals(back.frames(KIND.unknown).length, 1);
  // The connection may then join.
});

Deno.test("without a grace, a lost connection is a leaving", async () => {
  const room = new RelayRoom({ graceMs: 0 });
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  bo.raw.close();
  await room.settle();
  assertEquals(ada.raw.frames(KIND.left).map((left) => readLeft(left).reason), ["LOST"]);
});

Deno.test("after `unknown` a connection may join, but not resume again", async () => {
  const room = new RelayRoom();
  const self = await room.credential("ada");
  const nothing = { room: new Uint8Array(32), number: 0, counted: 0, sent: 0 };
  const raw = new RawMember(room.relay);
  await raw.resume(self, nothing);
  const transcript = concatBytes(raw.greeting, raw.frames(KIND.challenge)[0]!);
  raw.send(await provenJoin(self, transcript, DIALLED));
  await until(() => raw.number > 0, "it is in");
  const twice = new RawMember(room.relay);
  await twice.resume(await room.credential("bo"), nothing);
  twice.send(await provenResume(self, transcript, nothing));
  await until(() => twice.ended, "it ends");
  assertEquals(twice.bye, "OUT_OF_ORDER");
});

Deno.test("a newcomer that has sent nothing joins again unnoticed: it gets the same roster and all later frames", async () => {
  const room = new RelayRoom();
  const ada = await room.join("ada");
  const self = await room.credential("bo");
  const lost = new RawMember(room.relay);
  lost.acknowledges = false;
  await lost.answer(self);
  await until(() => lost.number > 0, "bo is in");
  ada.raw.say({ number: 5 });
  await room.join("cy");
  const again = await room.enter(self);
  assertEquals(lost.bye, "REPLACED");
  assertEquals(again.roster, lost.roster);
  assertEquals([again.number, heard(again), again.frames(KIND.joined).length], [2, [5], 1]);
  assertEquals([ada.raw.frames(KIND.joined).length, ada.raw.frames(KIND.left)], [2, []]);
  assertEquals(room.relay.size, 3);
});

Deno.test("a member that has acknowledged or sent anything and joins again is replaced", async () => {
  for (const spoke of [false, true]) {
    const room = new RelayRoom();
    const ada = await room.join("ada");
    const self = await room.credential("bo");
    const first = await room.enter(self);
    if (spoke) first.send(hereFrame(2));
    else ada.raw.say();
    await room.settle();
    const again = await room.enter(self);
    assertEquals([first.bye, again.number], ["REPLACED", 4]);
    assertEquals(ada.raw.frames(KIND.left).map((left) => readLeft(left).reason), ["REPLACED"]);
    assertEquals(again.roster[0]?.listings.map(({ number }) => number), [1]);
  }
});

/** A room with ada and bo, and how another run of ada's name joins. */
async function roomOfTwo(options: RelayOptions = {}) {
  const room = new RelayRoom(options);
  const keys = await pooledKeys(0);
  const ada = await room.join("ada", "", 0);
  const bo = await room.join("bo", "", 1);
  const credential = async (index: number, identity = keys.identity) => {
    const own = { ...await pooledKeys(index), identity };
    return await makeCredential("ada", own, room.clock.now() + 100_000);
  };
  const run = async (index: number, identity = keys.identity) =>
    await room.enter(await credential(index, identity));
  /** A run that is not answered yet. */
  const begin = async (index: number) => {
    const raw = new RawMember(room.relay);
    await raw.answer(await credential(index));
    await room.settle();
    return raw;
  };
  const stranger = async () => await run(6, (await pooledKeys(6)).identity);
  const left = () => bo.raw.frames(KIND.left).map((one) => readLeft(one).reason);
  return { room, ada, bo, run, begin, stranger, left };
}

Deno.test("only a new run of the same person takes the place of a member without a connection", async () => {
  const { room, ada, run, stranger, left } = await roomOfTwo();
  ada.raw.answers = true;
  assertEquals((await run(5)).bye, "NAME_TAKEN");
  ada.raw.close();
  await room.settle();
  assertEquals((await stranger()).bye, "NAME_AWAY");
  // At once, before anybody was told that the first run is away.
  const again = await run(5);
  assertEquals([again.bye, again.number, left()], [undefined, 4, ["REPLACED"]]);
});

Deno.test("a new run replaces an unresponsive run of the same identity, and nobody else does", async () => {
  const { room, ada, begin, stranger, left } = await roomOfTwo();
  assertEquals((await stranger()).bye, "NAME_TAKEN");
  assertEquals(ada.raw.frames(KIND.ping).length, 0, "a stranger asks for nothing");
  const again = await begin(5);
  const second = await begin(7);
  await room.pass(3_999);
  assertEquals([again.number, again.ended, ada.raw.frames(KIND.ping).length], [0, false, 1]);
  await room.pass(1);
  assertEquals([again.number, left(), ada.raw.bye], [4, ["REPLACED"], "REPLACED"]);
  assertEquals(second.bye, "NAME_TAKEN", "the first one is there");
  assertEquals(room.relay.size, 2);
  assertEquals(room.relay.tally.joins, 3);
});

Deno.test("a newcomer that is banned or struck off the list while the relay asks its earlier run is refused", async () => {
  for (const bans of [true, false]) {
    let isAllowed = true;
    const { room, ada, begin, left } = await roomOfTwo({ allows: () => isAllowed });
    const again = await begin(5);
    if (bans) room.relay.remove(ada.self.key, true);
    else {
      isAllowed = false;
      room.relay.removeDisallowed();
    }
    await room.settle();
    await room.pass(4_000);
    assertEquals([again.bye, again.number], ["NOT_ALLOWED", 0], `${bans}`);
    assertEquals(left()[0], bans ? "REMOVED" : undefined);
  }
});

Deno.test("a run that answers late or resumes over another connection keeps its place", async () => {
  const late = await roomOfTwo();
  const waiting = await late.begin(5);
  await late.room.pass(3_000);
  late.ada.raw.send(encodeEmpty(KIND.pong));
  await late.room.settle();
  assertEquals([waiting.bye, late.left(), late.ada.raw.ended], ["NAME_TAKEN", [], false]);
  const other = await roomOfTwo();
  const newcomer = await other.begin(5);
  const resumed = await other.room.resume(other.ada);
  await other.room.pass(4_000);
  assertEquals([newcomer.bye, other.left(), resumed.ended], ["NAME_TAKEN", [], false]);
});

Deno.test("a newcomer that leaves before the answer replaces nobody, and a member that is read slowly is not silent", async () => {
  const gone = await roomOfTwo();
  (await gone.begin(5)).close();
  await gone.room.settle();
  await gone.room.pass(4_000);
  assertEquals([gone.left(), gone.bo.raw.frames(KIND.away).length], [[], 0]);
  const slow = await roomOfTwo({ limits: { framesPerSecond: 10 } });
  // Ten seconds' worth of frames is read, and then nothing for that long.
  for (let number = 1; number <= 100; number++) slow.ada.raw.say({ number });
  await slow.begin(5);
  await slow.room.pass(4_000);
  assertEquals([slow.left(), slow.ada.raw.ended], [[], false]);
});

Deno.test("a member beyond its rate cannot come back at once over another connection", async () => {
  const room = new RelayRoom({ limits: { framesPerSecond: 10 } });
  const [ada] = [await room.join("ada"), await room.join("bo")];
  for (let number = 1; number <= 40; number++) ada.raw.say({ number });
  await room.settle();
  assertEquals((await room.resume(ada)).bye, "TOO_MANY_JOINS");
  assertEquals(ada.raw.ended, false);
  await room.pass(10_000);
  assertEquals((await room.resume(ada)).frames(KIND.resumed).length, 1);
});
