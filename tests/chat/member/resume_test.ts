/**
 * A connection that is lost while the relay lives: what was on its way arrives, once, and nobody has left.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { makeCredential } from "../../../lib/chat/identity/credential.ts";
import { answerByResuming, type Stay } from "../../../lib/chat/member/connection.ts";
import {
  encodeProven,
  encodeResumeRequest,
  readChallenge,
  readCount,
} from "../../../lib/chat/wire/control.ts";
import { RosterPages } from "../../../lib/chat/relay/member.ts";
import { encodeGreeting, KIND } from "../../../lib/chat/wire/kinds.ts";
import { RawMember } from "../raw_member.ts";
import { count, credentialOf, faults, shown, TestRoom, until } from "../room.ts";
import { endingOf } from "../tampering.ts";

Deno.test("a lost connection is resumed: both ways, everything arrives, once and in order", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  ada.member.enter("one");
  await room.settle();
  bo.cut();
  await room.settle();
  ada.member.enter("two");
  bo.member.enter("from bo, who is away");
  await room.settle();
  assertEquals([shown(bo), shown(ada)], [["ada: one"], []]);
  assertEquals(count(ada, "delivered"), 1);
  bo.connect();
  await room.settle();
  assertEquals(shown(bo), ["ada: one", "ada: two"]);
  assertEquals(shown(ada), ["bo: from bo, who is away"]);
  assertEquals([count(ada, "delivered"), count(bo, "delivered")], [2, 1]);
  assertEquals([...faults(ada), ...faults(bo)], []);
  assertEquals([count(bo, "disconnected"), count(bo, "reconnected")], [1, 1]);
  // Nobody left, and nobody joined anew: the room never changed.
  assertEquals([count(ada, "left"), count(ada, "joined"), count(bo, "joined")], [0, 1, 1]);
});

Deno.test("a connection that is cut again and again loses nothing and repeats nothing", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  for (let round = 1; round <= 30; round++) {
    for (const seat of [ada, bo]) seat.member.enter(`${round}`);
    // In the midst of what is being sealed and sent, at another point each time.
    for (let turn = 0; turn < round % 7; turn++) await new Promise((go) => setTimeout(go, 0));
    const cut = round % 2 === 0 ? ada : bo;
    cut.cut();
    for (const seat of [ada, bo]) seat.member.enter(`${round} and a half`);
    cut.connect();
  }
  await until(() => shown(ada).length === 60 && shown(bo).length === 60, "all have read all");
  await room.settle();
  const lines = Array.from({ length: 30 }, (_, i) => [`${i + 1}`, `${i + 1} and a half`]).flat();
  assertEquals(shown(ada), lines.map((line) => `bo: ${line}`));
  assertEquals(shown(bo), lines.map((line) => `ada: ${line}`));
  assertEquals([...faults(ada), ...faults(bo)], []);
  assertEquals([count(ada, "delivered"), count(bo, "delivered")], [60, 60]);
});

Deno.test("a member that is away longer than a moment is reported as away, and then as back", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  bo.cut();
  await room.pass(1_000);
  assertEquals(count(ada, "away"), 0);
  await room.pass(2_000);
  assertEquals(count(ada, "away"), 1);
  assertEquals([...ada.member.roster.values()].map(({ away }) => away), [false, true]);
  // Who comes meanwhile hears of it too.
  const cy = await room.join("cy");
  assertEquals(count(cy, "away"), 1);
  bo.connect();
  await room.settle();
  assertEquals([count(ada, "back"), count(cy, "back"), count(ada, "left")], [1, 1, 0]);
  assertEquals([...ada.member.roster.values()].some(({ away }) => away), false);
  assertEquals(count(bo, "joined"), 2, "bo has heard of cy");
});

Deno.test("when the grace is over, an away member has left, and no line waits for it", async () => {
  const room = new TestRoom({ graceMs: 5_000 });
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  bo.cut();
  await room.settle();
  ada.member.enter("are you there");
  await room.pass(4_999);
  assertEquals([count(ada, "left"), count(ada, "delivered")], [0, 0]);
  await room.pass(1);
  assertEquals([count(ada, "left"), count(ada, "delivered")], [1, 1]);
  assertEquals(room.relay.size, 1);
});

Deno.test("a member that comes back after the grace joins again, and its own lines still arrive", async () => {
  const room = new TestRoom({ graceMs: 5_000 });
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  bo.cut();
  await room.settle();
  bo.member.enter("said while away");
  await room.pass(5_000);
  ada.member.enter("said to nobody");
  await room.settle();
  bo.connect();
  await room.settle();
  assertEquals(shown(ada), ["bo: said while away"]);
  assertEquals(shown(bo), []);
  assertEquals(count(bo, "delivered"), 1);
  ada.member.enter("welcome back");
  await room.settle();
  assertEquals(shown(bo), ["ada: welcome back"]);
  assertEquals([...faults(ada), ...faults(bo)], []);
  assertEquals([count(ada, "left"), count(ada, "joined")], [1, 2]);
});

Deno.test("a half-open connection is closed by the one that resumes it", async () => {
  const room = new TestRoom();
  const self = await credentialOf("raw", 0, room.clock.now);
  const half = await RawMember.join(room.relay, self);
  const raw = new RawMember(room.relay);
  const { transcript } = await raw.challenge();
  raw.send(await answerByResuming(self, transcript, { room: half.room, received: 0, sent: 0 }));
  await until(() => half.ended, "the old connection has ended");
  assertEquals(half.bye, "REPLACED");
  assertEquals(raw.frames(KIND.resumed).map(readCount), [0]);
  assertEquals([room.relay.size, room.relay.connections], [1, 1]);
});

Deno.test("a resume with another signing key, an old proof or impossible counts is refused", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await credentialOf("bo", 5, room.clock.now);
  const bare: Stay = { room: room.relay.room, received: 0, sent: 0 };
  const attempt = async (make: typeof answerByResuming) => {
    const raw = new RawMember(room.relay);
    const { transcript } = await raw.challenge();
    raw.send(await make(ada.self, transcript, bare));
    await until(() => raw.received.length > 1, "the relay answers");
    return raw;
  };
  const forged = await attempt((self, transcript, stay) =>
    answerByResuming({ ...self, keys: bo.keys }, transcript, stay)
  );
  assertEquals(forged.frames(KIND.unknown).length, 1);
  const replayed = await attempt((self, transcript, stay) =>
    answerByResuming(self, transcript.with(-1, transcript.at(-1)! ^ 1), stay)
  );
  assertEquals(replayed.frames(KIND.unknown).length, 1);
  const elsewhere = await attempt((self, transcript, stay) =>
    answerByResuming(self, transcript, { ...stay, room: new Uint8Array(32) })
  );
  assertEquals(elsewhere.frames(KIND.unknown).length, 1);
  const ahead = await attempt((self, transcript, stay) =>
    answerByResuming(self, transcript, { ...stay, received: 1000 })
  );
  assertEquals(ahead.bye, "BAD_FRAME");
  const garbage = await attempt(({ member }, _, stay) => {
    const request = encodeResumeRequest({ ...stay, member });
    return Promise.resolve(encodeProven(KIND.resume, request, new Uint8Array(64)));
  });
  assertEquals(garbage.frames(KIND.unknown).length, 1);
  assertEquals([ada.member.isIn, room.relay.size], [true, 1]);
});

Deno.test("a member that the relay does not know may join, and does not ask again", async () => {
  const room = new TestRoom();
  const self = await credentialOf("raw", 5, room.clock.now);
  const raw = new RawMember(room.relay);
  const { transcript } = await raw.challenge();
  const stay = { room: room.relay.room, received: 0, sent: 0 };
  const resume = await answerByResuming(self, transcript, stay);
  raw.send(resume);
  await until(() => raw.frames(KIND.unknown).length > 0, "the relay does not know it");
  raw.send(resume);
  await until(() => raw.ended, "the relay ends it");
  assertEquals([raw.bye, raw.frames(KIND.unknown).length], ["OUT_OF_ORDER", 1]);
});

Deno.test("a member that loses its connection while joining gets the same roster again, and misses nothing", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const self = await credentialOf("raw", 5, room.clock.now);
  // What comes with the roster is not acknowledged: it is not known to have come.
  const first = new RawMember(room.relay);
  first.acknowledges = false;
  await first.answer(self);
  await room.settle();
  ada.member.enter("while raw was cut off");
  await room.settle();
  first.close();
  const second = new RawMember(room.relay);
  await second.answer(self);
  await room.settle();
  assertEquals(second.frames(KIND.roster), first.frames(KIND.roster));
  assertEquals(second.frames(KIND.sealed).length, 1);
  assertEquals([count(ada, "joined"), count(ada, "left")], [1, 0]);
  assertEquals(room.relay.size, 2);
});

Deno.test("only a new run of the same identity takes the place of an away member", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const { identity } = bo.self.keys;
  const expiresAt = room.clock.now() + 1_000_000;
  const other = await credentialOf("bo", 7, room.clock.now);
  const again = await makeCredential("bo", { ...other.keys, identity }, expiresAt);
  assertEquals((await RawMember.join(room.relay, again)).bye, "NAME_TAKEN", "bo is there");
  bo.cut();
  assertEquals((await RawMember.join(room.relay, other)).bye, "NAME_AWAY", "it is another bo");
  const raw = await RawMember.join(room.relay, again);
  raw.answers = true;
  assertEquals(raw.bye, undefined);
  await room.settle();
  const left = ada.events.flatMap((event) => event.kind === "left" ? [event.reason] : []);
  assertEquals([left, count(ada, "joined")], [["REPLACED"], 2]);
  // The old run comes back to a room that has another in its place.
  bo.connect();
  await until(() => count(bo, "ended") === 1, "the old run has ended");
  const free = new Date(room.clock.now() + 45_000 + room.relay.graceMs).toTimeString().slice(0, 8);
  const detail = `if it is your own from a run that was cut off, it is free by ${free}`;
  assertEquals(bo.events.at(-1), { kind: "ended", reason: "NAME_TAKEN", detail });
});

Deno.test("a newcomer with the name of an away member is told until when at the latest the name is taken", async () => {
  const room = new TestRoom();
  const bo = await room.join("bo");
  bo.cut();
  const other = await room.enter("BO", undefined, 7);
  await until(() => count(other, "ended") === 1, "the other bo is refused");
  const grace = new Date(room.clock.now() + room.relay.graceMs).toTimeString().slice(0, 8);
  const detail = `away until ${grace} at the latest`;
  assertEquals(other.events.at(-1), { kind: "ended", reason: "NAME_AWAY", detail });
});

Deno.test("a member does not reconnect after a reason that would not change", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const hosted = room.relay.rooms().next().value!;
  hosted.expel(hosted.stays().next().value!, "REMOVED");
  await until(() => count(ada, "ended") === 1, "ada has ended");
  assertEquals(ada.events.at(-1), { kind: "ended", reason: "REMOVED", detail: "" });
  assertEquals(ada.member.isAway, false);
});

Deno.test("a member asks a relay that is silent, and loses it after 45 seconds", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  // The relay's clock does not move: it is stopped, and the connection stays.
  room.clock.advance(15_000);
  assertEquals(ada.member.wakeAt, room.clock.now());
  ada.member.tick();
  assert(ada.member.wakeAt > room.clock.now());
  await room.settle();
  assertEquals(ada.member.isIn, true, "the relay answered");
  ada.receives = false;
  room.clock.advance(45_000);
  ada.member.tick();
  await room.settle();
  assertEquals(ada.member.isAway, true);
  const last = ada.events.at(-1);
  assert(last?.kind === "disconnected" && last.reason === "NO_ANSWER");
});

Deno.test("a member that leaves without a connection is gone at once", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  ada.cut();
  await room.settle();
  ada.member.leave();
  assertEquals(ada.events.at(-1), { kind: "ended", reason: "LEFT", detail: "" });
});

Deno.test("a `resumed` with a count that was never sent ends the session", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada", ({ kind, bytes }) => {
    if (kind !== KIND.resumed) return [bytes];
    const changed = bytes.slice();
    changed[changed.length - 1] = 99;
    return [changed];
  });
  ada.cut();
  ada.connect();
  await until(() => count(ada, "ended") === 1, "ada has ended");
  const last = ada.events.at(-1);
  assert(last?.kind === "ended" && last.reason === "BAD_RELAY");
});

Deno.test("a roster in answer to a resume ends the session, because the member has not joined", async () => {
  const room = new TestRoom();
  const other = new RosterPages().snapshot(new Uint8Array(32), 0)(new Uint8Array(32));
  const ada = await room.join("ada", ({ kind, bytes }) => kind === KIND.resumed ? other : [bytes]);
  ada.cut();
  ada.connect();
  await until(() => count(ada, "ended") === 1, "ada has ended");
  assertEquals([count(ada, "reconnected"), endingOf(ada)], [0, "BAD_RELAY"]);
});

Deno.test("a challenge is read with the grace of its relay", async () => {
  const room = new TestRoom({ graceMs: 7_000 });
  const raw = new RawMember(room.relay);
  raw.send(encodeGreeting(""));
  await until(() => raw.received.length > 0, "the relay challenges");
  assertEquals(readChallenge(raw.received[0]!.payload).graceMs, 7_000);
  raw.close();
});

Deno.test("a member that was removed, joins the same room again and loses that connection too, is admitted with the next", async () => {
  const room = new TestRoom({ graceMs: 5_000 });
  const ada = await room.join("ada");
  let rosters = 0;
  let broken = false;
  // The second roster never comes, nor what follows it: the connection breaks first.
  const bo = await room.join("bo", ({ kind, bytes }) => {
    if (kind === KIND.roster) broken = ++rosters === 2;
    else if (kind === KIND.challenge) broken = false;
    return broken ? [] : [bytes];
  });
  bo.cut();
  await room.settle();
  await room.pass(5_000);
  bo.connect();
  await room.settle();
  assertEquals([rosters, count(bo, "reconnected")], [2, 0]);
  bo.cut();
  bo.connect();
  await room.settle();
  assertEquals([count(bo, "reconnected"), count(bo, "ended")], [1, 0]);
  ada.member.enter("welcome back");
  await room.settle();
  assertEquals(shown(bo), ["ada: welcome back"]);
});

Deno.test("a line that is entered while the connection is lost, before the roster was checked, waits unsealed", async () => {
  const room = new TestRoom();
  let excludes = false;
  room.policies.set("bo", {
    obstacle: () => excludes ? "is excluded" : undefined,
    hides: () => false,
  });
  const ada = await room.join("ada");
  let isCut = false;
  const bo = await room.enter("bo", ({ kind, bytes }) => {
    if (kind === KIND.roster && !isCut) queueMicrotask(() => bo.cut());
    isCut ||= kind === KIND.roster;
    return [bytes];
  });
  await until(() => count(bo, "disconnected") === 1, "the connection is lost");
  await room.settle();
  assertEquals(bo.sent.filter((bytes) => bytes[4] === KIND.here), []);
  assert(bo.member.enter("between us").ok);
  await room.settle();
  excludes = true;
  bo.connect();
  await room.settle();
  assertEquals([shown(ada), count(bo, "reconnected"), faults(ada)], [[], 1, []]);
  excludes = false;
  assert(bo.member.enter("hello").ok);
  await room.settle();
  assertEquals(shown(ada), ["bo: hello"]);
});
