// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Bytes, utf8 } from "../../../lib/base/bytes.ts";
import { makeCredential } from "../../../lib/chat/identity/credential.ts";
import { encodeAudience, encodeCount, encodeEmpty } from "../../../lib/chat/wire/control.ts";
import { encodeFrame } from "../../../lib/chat/wire/frame.ts";
import { encodeGreeting, KIND, type Reason } from "../../../lib/chat/wire/kinds.ts";
import { RawMember } from "../raw_member.ts";
import { count, credentialOf, pooledKeys, shown, TestRoom, until } from "../room.ts";
import { unsignedFrame } from "../sealed_frame.ts";

/** A TLS 1.3 client hello's first bytes (RFC 8446 section 5.1). */
const TLS_HELLO = new Uint8Array([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, ...new Uint8Array(500)]);

const GARBAGE: Readonly<Record<string, { bytes: Bytes; reason: Reason }>> = {
  "a TLS hello": { bytes: TLS_HELLO, reason: "NOT_PARLEY" },
  "an HTTP request": { bytes: utf8("GET / HTTP/1.1\r\n\r\n"), reason: "NOT_PARLEY" },
  "a version that nobody knows": { bytes: encodeGreeting([9]), reason: "VERSION" },
  "a greeting of no version": { bytes: utf8("parley\0"), reason: "NOT_PARLEY" },
  "an oversize length": {
    bytes: new Uint8Array([...encodeGreeting(), 0x7f, 0xff, 0xff, 0xff, KIND.join]),
    reason: "TOO_LARGE",
  },
  "a frame that has no place before joining": {
    bytes: new Uint8Array([...encodeGreeting(), ...encodeEmpty(KIND.ping)]),
    reason: "BAD_FRAME",
  },
  "a join of nothing": {
    bytes: new Uint8Array([...encodeGreeting(), ...encodeFrame(KIND.join, new Uint8Array(4))]),
    reason: "BAD_FRAME",
  },
};

for (const [what, { bytes, reason }] of Object.entries(GARBAGE)) {
  Deno.test(`a connection that brings ${what} ends with ${reason}, and everyone else chats on`, async () => {
    const room = new TestRoom();
    const ada = await room.join("ada");
    const bo = await room.join("bo");
    const raw = new RawMember(room.relay);
    raw.send(bytes);
    await until(() => raw.ended, "the connection has ended");
    assertEquals(raw.bye, reason);
    assertEquals(room.relay.connections, 2);
    ada.member.enter("still here");
    await until(() => shown(bo).length > 0, "bo has read it");
    assertEquals(shown(bo), ["ada: still here"]);
  });
}

Deno.test("random bytes end their connection, whatever they are", async () => {
  const room = new TestRoom();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
      const raw = new RawMember(room.relay);
      raw.send(new Uint8Array(bytes));
      raw.close();
      await until(() => raw.ended, "the connection has ended");
      assertEquals(room.relay.connections, 0);
    }),
    { numRuns: 200 },
  );
  assertEquals(room.failures, []);
});

Deno.test("a silent connection, and one that stops in a frame, end at their deadline", async () => {
  const room = new TestRoom();
  const silent = new RawMember(room.relay);
  const truncated = new RawMember(room.relay);
  truncated.send(new Uint8Array([...encodeGreeting(), 0, 0, 4, 0, KIND.join, 1, 2, 3]));
  await room.pass(9_999);
  assertEquals([silent.ended, truncated.ended], [false, false]);
  await room.pass(1);
  assertEquals([silent.bye, truncated.bye], ["JOIN_TIMEOUT", "JOIN_TIMEOUT"]);
  assertEquals(room.relay.connections, 0);
});

Deno.test("a member that falls silent is asked, and given up after 45 seconds", async () => {
  const room = new TestRoom();
  const raw = await RawMember.join(room.relay, await credentialOf("raw", 0, room.clock.now));
  await room.pass(14_999);
  assertEquals(raw.frames(KIND.ping).length, 0);
  await room.pass(1);
  assertEquals(raw.frames(KIND.ping).length, 1);
  raw.send(encodeEmpty(KIND.pong));
  await room.settle();
  await room.pass(44_999);
  assertEquals(raw.ended, false);
  await room.pass(1);
  assertEquals(raw.bye, "SILENT");
  // It may have been stopped, or cut off: it is away, and then gone.
  assertEquals(room.relay.size, 1);
  await room.pass(120_000);
  assertEquals(room.relay.size, 0);
});

Deno.test("a member cannot send as another", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const raw = await RawMember.join(room.relay, await credentialOf("eve", 5, room.clock.now));
  raw.send(unsignedFrame(ada.self.member));
  await until(() => raw.ended, "the connection has ended");
  assertEquals(raw.bye, "NOT_YOURS");
  await room.settle();
  assertEquals(count(ada, "message"), 0);
});

Deno.test("a member cannot join with a credential whose key it does not have", async () => {
  const room = new TestRoom();
  const bo = await credentialOf("bo", 1, room.clock.now);
  const eve = await pooledKeys(5);
  // The credential is bo's; the proof is signed by eve.
  const raw = new RawMember(room.relay);
  await raw.answer({ ...bo, keys: eve });
  await until(() => raw.ended, "the connection has ended");
  assertEquals(raw.bye, "BAD_PROOF");
});

Deno.test("two members never have one name, one session key or one signing key", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const coco = await room.join("coco");
  const expiresAt = room.clock.now() + 1000;
  const eve = await pooledKeys(5);
  const cases = {
    "ＡＤＡ": { keys: eve, reason: "NAME_TAKEN" },
    // Cyrillic letters that look like coco's.
    "сосо": { keys: eve, reason: "NAME_TAKEN" },
    c0co: { keys: eve, reason: "NAME_TAKEN" },
    bo: { keys: { ...eve, session: ada.self.keys.session }, reason: "KEY_TAKEN" },
    cy: { keys: { ...eve, signing: ada.self.keys.signing }, reason: "KEY_TAKEN" },
  };
  for (const [name, { keys, reason }] of Object.entries(cases)) {
    const raw = await RawMember.join(room.relay, await makeCredential(name, keys, expiresAt));
    assertEquals(raw.bye, reason);
  }
  assertEquals(room.relay.size, 2);
  coco.member.leave();
  await until(() => room.relay.size === 1, "coco has left");
  const alike = await RawMember.join(room.relay, await makeCredential("сосо", eve, expiresAt));
  assertEquals(alike.bye, undefined);
});

Deno.test("a full room says so", async () => {
  const room = new TestRoom({ maxMembers: 1 });
  await room.join("ada");
  const bo = await room.join("bo");
  assertEquals(bo.events.at(-1), { kind: "ended", reason: "ROOM_FULL", detail: "" });
});

Deno.test("an expired credential is refused", async () => {
  const room = new TestRoom();
  const old = await makeCredential("old", await pooledKeys(5), room.clock.now() - 600_000);
  assertEquals((await RawMember.join(room.relay, old)).bye, "CREDENTIAL_EXPIRED");
  const long = await makeCredential("long", await pooledKeys(5), room.clock.now() + 90_000_000);
  assertEquals((await RawMember.join(room.relay, long)).bye, "BAD_CREDENTIAL");
});

Deno.test("a member that reads nothing is ended at its queue's bound, and nobody waits for it", async () => {
  const room = new TestRoom({ queue: { frames: 50, bytes: 1 << 20 } });
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const stuck = await RawMember.join(room.relay, await credentialOf("stuck", 5, room.clock.now));
  await room.settle();
  for (let i = 0; i < 60; i++) {
    ada.member.enter(`line ${i}`);
    await until(() => shown(bo).length === i + 1, "bo has read it");
  }
  assertEquals(stuck.bye, "QUEUE_FULL");
  await until(() => count(ada, "delivered") === 60, "everything is delivered");
});

const MISUSE: Readonly<Record<string, { frame: (self: Bytes) => Bytes; reason: Reason }>> = {
  "acknowledges what was never sent": {
    frame: () => encodeCount(KIND.ack, 99),
    reason: "BAD_FRAME",
  },
  "sends to an audience that it never declared": {
    frame: (self) => unsignedFrame(self, 17, 7),
    reason: "BAD_FRAME",
  },
  "declares the audience of everyone": {
    frame: (self) => encodeAudience(0, [self]),
    reason: "BAD_FRAME",
  },
  "joins twice": { frame: () => encodeFrame(KIND.join, new Uint8Array(9)), reason: "OUT_OF_ORDER" },
  "sends what only a relay sends": {
    frame: () => encodeCount(KIND.delivered, 1),
    reason: "BAD_FRAME",
  },
  "sends a frame over its bound": {
    frame: () => new Uint8Array([0, 0x20, 0, 0, KIND.sealed]),
    reason: "TOO_LARGE",
  },
  "leaves": { frame: () => encodeEmpty(KIND.leave), reason: "LEFT" },
};

for (const [what, { frame, reason }] of Object.entries(MISUSE)) {
  Deno.test(`a member that ${what} ends with ${reason}`, async () => {
    const room = new TestRoom();
    const ada = await room.join("ada");
    const self = await credentialOf("raw", 5, room.clock.now);
    const raw = await RawMember.join(room.relay, self);
    await room.settle();
    raw.send(frame(self.member));
    await until(() => raw.ended, "the connection has ended");
    assertEquals(raw.bye, reason);
    await until(() => count(ada, "left") === 1, "ada has heard of it");
    assertEquals(room.relay.size, 1);
  });
}

Deno.test("audiences are bounded in number and in size", async () => {
  const room = new TestRoom();
  const self = await credentialOf("raw", 5, room.clock.now);
  const many = await RawMember.join(room.relay, self);
  for (let id = 1; id <= 257; id++) many.send(encodeAudience(id, [self.member]));
  await until(() => many.ended, "the connection has ended");
  assertEquals(many.bye, "TOO_MANY_AUDIENCES");
  const large = await RawMember.join(room.relay, self);
  const members = Array.from({ length: 10_000 }, () => crypto.getRandomValues(new Uint8Array(32)));
  // A room of the largest size fits once, beside some small ones.
  large.send(encodeAudience(1, members));
  large.send(encodeAudience(1, members));
  for (let id = 2; id <= 200; id++) large.send(encodeAudience(id, [self.member]));
  await room.settle();
  assertEquals(large.ended, false);
  for (let id = 1; id <= 2; id++) large.send(encodeAudience(id, members));
  await until(() => large.ended, "the connection has ended");
  assertEquals(large.bye, "TOO_MANY_AUDIENCES");
});

Deno.test("frames that lie behind one another go out as one, in order, and are counted one by one", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const self = await credentialOf("raw", 5, room.clock.now);
  const raw = await RawMember.join(room.relay, self);
  await room.settle();
  const one = unsignedFrame(self.member);
  const bytes = new Uint8Array(one.length * 3);
  [0, 1, 2].forEach((i) => bytes.set(one, i * one.length));
  raw.send(bytes);
  await until(() => raw.frames(KIND.delivered).length > 0, "all have been shown");
  assertEquals(raw.frames(KIND.accepted).map((payload) => payload.at(-1)), [3]);
  assertEquals(raw.frames(KIND.delivered).at(-1)?.at(-1), 3);
  assertEquals(count(ada, "fault"), 3);
});

Deno.test("a relay that closes tells everyone why", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  room.relay.close();
  await until(() => count(ada, "disconnected") === 1, "ada has heard of it");
  assertEquals(ada.events.at(-1), { kind: "disconnected", reason: "SHUTDOWN", detail: "" });
  assert(ada.member.isAway);
  const late = new RawMember(room.relay);
  await until(() => late.ended, "who comes late is told too");
  assertEquals(late.bye, "SHUTDOWN");
  assert(room.relay.connections === 0);
});
