// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Bytes, utf8 } from "../../../lib/base/bytes.ts";
import { makeCredential } from "../../../lib/chat/identity/credential.ts";
import {
  encodeCount,
  encodeEmpty,
  encodeMember,
  encodeRenew,
  encodeRoute,
  readCount,
  readLeft,
} from "../../../lib/chat/wire/control.ts";
import { encodeFrame } from "../../../lib/chat/wire/frame.ts";
import { encodeGreeting, KIND, type Reason } from "../../../lib/chat/wire/kinds.ts";
import { pooledKeys, until } from "../keys.ts";
import { concatBytes, hereFrame, pairFrame, sealedFrame } from "../raw_frames.ts";
import { RawMember } from "../raw_member.ts";
import { heard, RelayRoom, told } from "./relay_room.ts";

/** The first bytes of a TLS 1.3 client hello (RFC 8446 section 5.1). */
const TLS_HELLO = new Uint8Array([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, ...new Uint8Array(500)]);

const GARBAGE: Readonly<Record<string, { bytes: Bytes; reason: Reason }>> = {
  "a TLS hello": { bytes: TLS_HELLO, reason: "NOT_PARLEY" },
  "an HTTP request": { bytes: utf8("GET / HTTP/1.1\r\n\r\n"), reason: "NOT_PARLEY" },
  "an unknown version": { bytes: encodeGreeting("", [9]), reason: "VERSION" },
  "a greeting without a version": { bytes: utf8("parley\0"), reason: "NOT_PARLEY" },
  "a room's name with a space": { bytes: encodeGreeting("a b"), reason: "BAD_ROOM" },
  "a room's name that is not UTF-8": {
    bytes: concatBytes(utf8("parley\x01\x02\x01"), [0xff] as unknown as Bytes),
    reason: "BAD_ROOM",
  },
  "an oversize length": {
    bytes: concatBytes(encodeGreeting(""), Uint8Array.of(0x7f, 0xff, 0xff, 0xff, KIND.join)),
    reason: "TOO_LARGE",
  },
  "a ping before joining": {
    bytes: concatBytes(encodeGreeting(""), encodeEmpty(KIND.ping)),
    reason: "BAD_FRAME",
  },
  "a join of nothing": {
    bytes: concatBytes(encodeGreeting(""), encodeFrame(KIND.join, new Uint8Array(4))),
    reason: "BAD_FRAME",
  },
  "a leave": {
    bytes: concatBytes(encodeGreeting(""), encodeEmpty(KIND.leave)),
    reason: "LEFT",
  },
  "a leave with a statement before joining": {
    bytes: concatBytes(encodeGreeting(""), encodeFrame(KIND.leave, new Uint8Array(68))),
    reason: "BAD_FRAME",
  },
};

for (const [what, { bytes, reason }] of Object.entries(GARBAGE)) {
  Deno.test(`a connection that sends ${what} ends with ${reason}, and members are served`, async () => {
    const room = new RelayRoom();
    const ada = await room.join("ada");
    const bo = await room.join("bo");
    const raw = new RawMember(room.relay);
    raw.send(bytes);
    await until(() => raw.ended, "the connection has ended");
    assertEquals(raw.bye, reason);
    assertEquals(room.relay.connections, 2);
    ada.raw.say();
    await room.settle();
    assertEquals(heard(bo.raw), [1]);
  });
}

Deno.test("random bytes end their connection", async () => {
  const room = new RelayRoom();
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

Deno.test("a silent connection, and one that stops in a frame, end after 10 seconds", async () => {
  const room = new RelayRoom();
  const silent = new RawMember(room.relay);
  const truncated = new RawMember(room.relay);
  truncated.send(concatBytes(encodeGreeting(""), Uint8Array.of(0, 0, 4, 0, KIND.join, 1, 2, 3)));
  await room.pass(9_999);
  assertEquals([silent.ended, truncated.ended], [false, false]);
  await room.pass(1);
  await until(() => silent.ended && truncated.ended, "both have ended");
  assertEquals([silent.bye, truncated.bye], ["JOIN_TIMEOUT", "JOIN_TIMEOUT"]);
  assertEquals(room.relay.connections, 0);
});

Deno.test("a silent member is sent a ping after 15 seconds and is given up after 45", async () => {
  const room = new RelayRoom();
  const { raw } = await room.join("raw");
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
  assertEquals(room.relay.size, 1);
  await room.pass(120_000);
  assertEquals(room.relay.size, 0);
});

const STRANGERS: Readonly<Record<string, (other: number) => Bytes>> = {
  "a sealed frame": (other) => sealedFrame({ sender: other }),
  "a pair frame": (other) => pairFrame(other, other),
  "a here": (other) => hereFrame(other),
};

for (const [what, frameOf] of Object.entries(STRANGERS)) {
  Deno.test(`a member that sends ${what} of another member ends with NOT_YOURS`, async () => {
    const room = new RelayRoom();
    const ada = await room.join("ada");
    const { raw } = await room.join("eve");
    raw.send(frameOf(ada.raw.number));
    await until(() => raw.ended, "the connection has ended");
    assertEquals(raw.bye, "NOT_YOURS");
    assertEquals(heard(ada.raw), []);
  });
}

Deno.test("a member cannot join with a credential whose key it does not have", async () => {
  const room = new RelayRoom();
  const bo = await room.credential("bo");
  const raw = await room.enter({ ...bo, keys: await pooledKeys(5) });
  assertEquals(raw.bye, "BAD_PROOF");
});

Deno.test("two members cannot have equal or similar names, and may share a session key", async () => {
  const room = new RelayRoom();
  const ada = await room.join("ada");
  const coco = await room.join("coco");
  const expiresAt = room.clock.now() + 1000;
  const eve = await pooledKeys(5);
  for (const name of ["ＡＤＡ", "сосо", "c0co"]) {
    const raw = await room.enter(await makeCredential(name, eve, expiresAt));
    assertEquals(raw.bye, "NAME_TAKEN", name);
  }
  const shared = { ...eve, session: ada.self.keys.session };
  assertEquals((await room.enter(await makeCredential("bo", shared, expiresAt))).bye, undefined);
  coco.raw.send(encodeEmpty(KIND.leave));
  await until(() => room.relay.size === 2, "coco has left");
  assertEquals((await room.enter(await makeCredential("сосо", eve, expiresAt))).bye, undefined);
});

Deno.test("a full room refuses a newcomer", async () => {
  const room = new RelayRoom({ maxMembers: 1 });
  await room.join("ada");
  assertEquals((await room.join("bo")).raw.bye, "ROOM_FULL");
});

Deno.test("an expired credential, and one that is too long, are refused", async () => {
  const room = new RelayRoom();
  const old = await makeCredential("old", await pooledKeys(5), room.clock.now() - 600_000);
  assertEquals((await room.enter(old)).bye, "CREDENTIAL_EXPIRED");
  const long = await makeCredential("long", await pooledKeys(5), room.clock.now() + 90_000_000);
  assertEquals((await room.enter(long)).bye, "BAD_CREDENTIAL");
});

const MISUSE: Readonly<Record<string, { frame: (self: number) => Bytes; reason: Reason }>> = {
  "acknowledges what was never sent": {
    frame: () => encodeCount(KIND.ack, 99),
    reason: "BAD_FRAME",
  },
  "uses a route that it never declared": {
    frame: (sender) => sealedFrame({ sender, route: 7 }),
    reason: "BAD_FRAME",
  },
  "declares route 0": {
    frame: () => encodeFrame(KIND.route, new Uint8Array(2)),
    reason: "BAD_FRAME",
  },
  "joins twice": { frame: () => encodeFrame(KIND.join, new Uint8Array(9)), reason: "OUT_OF_ORDER" },
  "sends what only a relay sends": {
    frame: () => encodeCount(KIND.accepted, 1),
    reason: "BAD_FRAME",
  },
  "sends a frame over its bound": {
    frame: () => new Uint8Array([0, 0x20, 0, 0, KIND.sealed]),
    reason: "TOO_LARGE",
  },
  "sends a receipt without entries": {
    frame: () => encodeFrame(KIND.receipt, new Uint8Array(2)),
    reason: "BAD_FRAME",
  },
  "sends a renewal that is none": {
    frame: () => encodeRenew(new Uint8Array(3)),
    reason: "BAD_FRAME",
  },
  "leaves with half a statement": {
    frame: () => encodeFrame(KIND.leave, new Uint8Array(30)),
    reason: "BAD_FRAME",
  },
  "leaves": { frame: () => encodeEmpty(KIND.leave), reason: "LEFT" },
};

for (const [what, { frame, reason }] of Object.entries(MISUSE)) {
  Deno.test(`a member that ${what} ends with ${reason}`, async () => {
    const room = new RelayRoom();
    const ada = await room.join("ada");
    const { raw } = await room.join("raw");
    raw.send(frame(raw.number));
    await until(() => raw.ended, "the connection has ended");
    assertEquals(raw.bye, reason);
    await room.settle();
    assertEquals(ada.raw.frames(KIND.left).map((payload) => readLeft(payload).reason), [reason]);
    assertEquals(room.relay.size, 1);
  });
}

Deno.test("a count that falls ends the connection", async () => {
  const room = new RelayRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  bo.raw.say();
  await room.settle();
  assertEquals(ada.raw.counted, 2);
  ada.raw.ack(1);
  await until(() => ada.raw.ended, "the connection has ended");
  assertEquals(ada.raw.bye, "BAD_FRAME");
});

Deno.test("adjacent frames are forwarded together, in order, and accepted once for a chunk", async () => {
  const room = new RelayRoom();
  const ada = await room.join("ada");
  const { raw } = await room.join("raw");
  const frames = [1, 2, 3].map((number) => sealedFrame({ sender: raw.number, number }));
  raw.send(concatBytes(...frames, hereFrame(raw.number)));
  await room.settle();
  assertEquals(raw.frames(KIND.accepted).map(readCount), [4]);
  assertEquals(heard(ada.raw), [1, 2, 3]);
  assertEquals(ada.raw.received.at(-1)?.kind, KIND.here);
  assertEquals(ada.raw.frames(KIND.here), [hereFrame(raw.number).slice(5)]);
});

Deno.test("adjacent frames with other routes or versions go to the recipients of each", async () => {
  const room = new RelayRoom();
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  const { raw } = await room.join("raw");
  const route = (route: number, member: number) =>
    encodeRoute({ route, except: false, members: [member] });
  const frame = (number: number, route: number, version = 3) =>
    sealedFrame({ sender: raw.number, number, route, version });
  // The third goes to those who joined first, which is ada.
  const frames = [frame(1, 1), frame(2, 2), frame(3, 0, 1), frame(4, 0)];
  raw.send(concatBytes(route(1, ada.raw.number), route(2, bo.raw.number), ...frames));
  await room.settle();
  assertEquals([heard(ada.raw), heard(bo.raw)], [[1, 3, 4], [2, 4]]);
});

Deno.test("frames reach members as the bytes that were sent", async () => {
  const room = new RelayRoom();
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  const frame = sealedFrame({ sender: 1, number: 7, size: 777 });
  const pair = pairFrame(1, 2, 99);
  ada.raw.send(concatBytes(frame, pair));
  await room.settle();
  const got = bo.raw.received.filter(({ kind }) => kind === KIND.sealed || kind === KIND.pair);
  assertEquals(got.map(({ bytes }) => bytes), [frame, pair]);
});

Deno.test("the relay copies the statement of a `leave` into `left`, and leaves it empty if there is none", async () => {
  const room = new RelayRoom();
  const ada = await room.join("ada");
  const [bo, cy] = [await room.join("bo"), await room.join("cy")];
  const statement = new Uint8Array(68).map((_, i) => i);
  bo.raw.send(encodeFrame(KIND.leave, statement));
  cy.raw.send(encodeEmpty(KIND.leave));
  await room.settle();
  const left = ada.raw.frames(KIND.left).map(readLeft);
  assertEquals(left.map(({ statement }) => statement.length), [68, 0]);
  assertEquals(left[0]?.statement, statement);
  assertEquals(left.map(({ version, member }) => [version, member]), [[4, 2], [5, 3]]);
});

Deno.test("a relay is idle once those with a connection have acknowledged everything", async () => {
  const room = new RelayRoom();
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  bo.raw.acknowledges = false;
  ada.raw.say();
  await room.settle();
  assertEquals(room.relay.isIdle, false);
  bo.raw.close();
  await room.settle();
  assertEquals(room.relay.isIdle, true);
});

Deno.test("a relay that closes tells every member why", async () => {
  const room = new RelayRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  room.relay.close();
  await until(() => ada.raw.ended && bo.raw.ended, "both have ended");
  assertEquals([ada.raw.bye, bo.raw.bye], ["SHUTDOWN", "SHUTDOWN"]);
  assertEquals([ada.raw.frames(KIND.left), bo.raw.frames(KIND.left)], [[], []]);
  assertEquals(told(room).slice(-2), ["left ada SHUTDOWN", "left bo SHUTDOWN"]);
  const late = new RawMember(room.relay);
  await until(() => late.ended, "a late connection has ended");
  assertEquals([late.bye, room.relay.connections, room.relay.size], ["SHUTDOWN", 0, 0]);
});

Deno.test("a rejoin for a member that is not there is counted and has no effect", async () => {
  const room = new RelayRoom();
  const { raw } = await room.join("ada");
  raw.send(encodeMember(KIND.rejoin, 99));
  raw.send(encodeRoute({ route: 1, except: true, members: [] }));
  await room.settle();
  assertEquals([raw.ended, raw.frames(KIND.accepted).map(readCount).at(-1)], [false, 2]);
  assert(room.relay.isIdle);
});
