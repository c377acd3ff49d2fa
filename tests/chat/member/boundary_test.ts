/**
 * A member whose dependencies throw: the runtime on a frame of somebody else's, somebody's session key, the one who
 * shows what happens. A frame or a recipient is passed over, or one member ends; never the process, and nobody else.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { makeCredential } from "../../../lib/chat/identity/credential.ts";
import {
  MemberConnection,
  type MemberConnectionOutput,
} from "../../../lib/chat/member/connection.ts";
import {
  encodeBye,
  encodeChallengePayload,
  encodeCount,
  encodeEmpty,
} from "../../../lib/chat/wire/control.ts";
import { RosterPages } from "../../../lib/chat/relay/member.ts";
import { encodeFrame } from "../../../lib/chat/wire/frame.ts";
import { KIND, PROTOCOL_VERSION } from "../../../lib/chat/wire/kinds.ts";
import { joinRoom, openRelay, type RelayEvent, type Tap } from "../../../lib/tcp_chat.ts";
import { BREAKAGE, withBroken, withThrowing } from "../broken_runtime.ts";
import { RawMember } from "../raw_member.ts";
import { fixedPair } from "../../fixtures/fixed_keys.ts";
import {
  Clock,
  count,
  credentialOf,
  faults,
  pooledKeys,
  type Seat,
  shown,
  TestRoom,
  until,
} from "../room.ts";
import { endingOf } from "../tampering.ts";
import { quiet } from "../under_way.ts";

/** Whether an operation is of RSA-OAEP with a key of 3072 bits. */
function wrapsTo3072(...[algorithm, key]: readonly unknown[]): boolean {
  return key instanceof CryptoKey && key.algorithm.name === "RSA-OAEP" &&
    (algorithm as Algorithm).name === "RSA-OAEP" &&
    (key.algorithm as RsaHashedKeyAlgorithm).modulusLength === 3072;
}

/** A room of ada and bo, and of eve, whose session key alone has 3072 bits. */
async function withEve(): Promise<{ room: TestRoom; ada: Seat; bo: Seat; eve: RawMember }> {
  const room = new TestRoom();
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  const session = await fixedPair("encrypt", "process identity", 0);
  const keys = { ...await pooledKeys(2), session };
  const self = await makeCredential("eve", keys, room.clock.now() + 3_600_000);
  const eve = await RawMember.join(room.relay, self);
  await room.settle();
  return { room, ada, bo, eve };
}

Deno.test("a member whose session key cannot encrypt is left out and reported, and the others read on", async () => {
  for (const withFailing of [withBroken, undefined]) {
    const { room, ada, bo, eve } = await withEve();
    await (withFailing === undefined
      ? withThrowingFor3072(async () => await sayTwice(room, ada))
      : withFailing("encrypt", async () => await sayTwice(room, ada), wrapsTo3072));
    assertEquals(shown(bo), ["ada: one", "ada: two"]);
    assertEquals([count(ada, "ended"), count(ada, "delivered")], [0, 2]);
    const told = ada.events.filter((event) => event.kind === "fault");
    assertEquals(told.map(({ code, peer }) => [code, peer?.credential.name]), [
      ["UNREACHABLE", "eve"],
    ]);
    assertEquals(eve.frames(KIND.pair).length, 0);
    // What is for it alone goes to nobody, and that is told.
    assert(ada.member.enter("between us", "eve").ok);
    await room.settle();
    assertEquals(count(ada, "unheard"), 1);
    // Once it has left everybody is everybody again.
    eve.send(encodeEmpty(KIND.leave));
    await room.settle();
    ada.member.enter("three");
    await room.settle();
    assertEquals([shown(bo).at(-1), faults(bo)], ["ada: three", []]);
  }
});

async function sayTwice(room: TestRoom, ada: Seat): Promise<void> {
  for (const text of ["one", "two"]) {
    assert(ada.member.enter(text).ok);
    await room.settle();
  }
}

/** Has wrapping throw before it returns a promise, for a session key of 3072 bits. */
async function withThrowingFor3072(act: () => Promise<void>): Promise<void> {
  const { encrypt } = crypto.subtle;
  crypto.subtle.encrypt = (...args) => {
    if (wrapsTo3072(...args)) throw new Error(BREAKAGE);
    return Reflect.apply(encrypt, crypto.subtle, args);
  };
  try {
    await act();
  } finally {
    crypto.subtle.encrypt = encrypt;
  }
}

/** Ada, and cy, and bo, who gets what comes only when it is given to it. */
async function withHeld() {
  const room = new TestRoom();
  const ada = await room.join("ada");
  let holding = false;
  const held: Bytes[] = [];
  const bo = await room.join("bo", ({ bytes }) => {
    if (!holding) return [bytes];
    held.push(bytes);
    return [];
  });
  const cy = await room.join("cy");
  holding = true;
  /** Gives bo what was held, and what comes from now on. */
  const give = async () => {
    holding = false;
    for (const bytes of held.splice(0)) bo.member.receive(bytes);
    await bo.member.settled;
  };
  return { room, ada, bo, cy, give };
}

for (const method of ["verify", "decrypt", "deriveBits", "importKey"] as const) {
  for (const [how, withFailing] of [["rejects", withBroken], ["throws", withThrowing]] as const) {
    Deno.test(`frames for which the runtime's ${method}() ${how} are passed over, and what comes next is shown`, async () => {
      const { room, ada, bo, cy, give } = await withHeld();
      ada.member.enter("a new chain's key, and a line");
      await room.settle();
      await withFailing(method, give);
      assertEquals(shown(bo), []);
      const told = bo.events.find((event) => event.kind === "fault");
      assertEquals([told?.code, told?.peer?.credential.name], ["FAILED", "ada"]);
      assertStringIncludes(told?.detail ?? "", BREAKAGE);
      cy.member.enter("unmoved");
      await room.settle();
      assertEquals([shown(bo), count(bo, "ended")], [["cy: unmoved"], 0]);
    });
  }
}

Deno.test("a newcomer whose credential cannot be checked is skipped, and the others' messages are shown", async () => {
  const { room, bo, cy, give } = await withHeld();
  await room.join("dan");
  await withBroken("verify", give);
  // Those who were there have said `here` to dan.
  assertEquals(faults(bo), ["BAD_CREDENTIAL", "FAILED", "FAILED"]);
  assertEquals(bo.member.roster.byName("dan"), undefined);
  cy.member.enter("unmoved");
  await room.settle();
  assertEquals([shown(bo), count(bo, "ended")], [["cy: unmoved"], 0]);
});

Deno.test("a member whose runtime hashes no longer cannot follow the room, and ends alone", async () => {
  const { room, ada, bo, cy, give } = await withHeld();
  await room.join("dan");
  await withThrowing("digest", give);
  assertEquals(endingOf(bo), "FAILED");
  cy.member.enter("unmoved");
  await room.settle();
  assertEquals([shown(ada), count(ada, "ended")], [["cy: unmoved"], 0]);
});

Deno.test("a member whose listener throws fails alone, and the relay and the others go on", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  room.listeners.set("bo", (event) => {
    if (event.kind === "message") throw new TypeError("the display");
  });
  const bo = await room.join("bo");
  const cy = await room.join("cy");
  ada.member.enter("one");
  await until(() => shown(cy).length === 1, "cy has read it");
  await until(() => room.failures.length > 0, "bo has failed");
  assertStringIncludes(String(room.failures.splice(0)[0]), "the display");
  bo.close();
  await room.settle();
  ada.member.enter("two");
  await room.settle();
  assertEquals(shown(cy), ["ada: one", "ada: two"]);
});

/** Frames that have a member's connection call each of its handlers, in this order. */
const CALLS: Readonly<Record<string, readonly Bytes[]>> = {
  bye: [encodeBye("SHUTDOWN")],
  resumed: [challenge(), encodeCount(KIND.resumed, 0)],
  stay: [challenge()],
  forgotten: [challenge(), encodeEmpty(KIND.unknown)],
  admitted: [challenge(), roster()],
  take: [challenge(), roster(), encodeCount(KIND.accepted, 0)],
  broken: [new Uint8Array(8)],
  send: [challenge()],
};

function challenge(): Bytes {
  const nonce = new Uint8Array(32);
  const payload = encodeChallengePayload({ version: PROTOCOL_VERSION, nonce, graceMs: 0 });
  return encodeFrame(KIND.challenge, payload);
}

function roster(): Bytes {
  const [page] = new RosterPages([]).snapshot(new Uint8Array(32), 0)(new Uint8Array(32));
  return page!;
}

/** The handlers that only a member that resumes has called. */
const RESUMING = ["resumed", "forgotten"];

Deno.test("an exception in any handler of a member's connection is reported and not thrown", async () => {
  const clock = new Clock();
  const self = await credentialOf("ada", 0, clock.now);
  for (const [name, frames] of Object.entries(CALLS)) {
    const failed: string[] = [];
    const none = (): void => {};
    const output: MemberConnectionOutput = {
      now: clock.now,
      renewal: () => Promise.resolve(new Uint8Array()),
      send: none,
      stay: () =>
        RESUMING.includes(name) ? { room: new Uint8Array(32), received: 0, sent: 0 } : undefined,
      forgotten: none,
      admitted: () => connection.enter(),
      resumed: none,
      take: none,
      bye: none,
      silent: none,
      broken: none,
      failed: (error) => failed.push(String(error)),
    };
    const throwing = {
      ...output,
      [name]: () => {
        throw new TypeError(name);
      },
    };
    const dialled = { host: "room.test", port: 4396 };
    const connection: MemberConnection = new MemberConnection({ self, dialled }, throwing);
    for (const frame of frames) {
      connection.receive(frame);
      await quiet(() => failed.length);
    }
    assertEquals(failed, [`TypeError: ${name}`], name);
  }
});

Deno.test("an exception in a listener or tap ends its session only, and the relay continues", async () => {
  const events: RelayEvent[] = [];
  await using relay = openRelay({ port: 0, event: (event) => events.push(event) });
  const { port } = relay.addr;
  for (const broken of [{ event: breaks }, { event: () => {}, tap: () => breaks }]) {
    const self = await credentialOf("ada", 0, Date.now);
    const session = await joinRoom({ self, port, ...broken }).catch((error) => error);
    const ended = session instanceof Error ? Promise.reject(session) : session.ended;
    await assertRejects(() => ended, TypeError, "a listener");
  }
  assertEquals(relay.state().tally.failures, 0);
  const ready = Promise.withResolvers<void>();
  const session = await joinRoom({
    self: await credentialOf("bo", 1, Date.now),
    port,
    event: ({ kind }) => kind === "ready" && ready.resolve(),
  });
  await ready.promise;
  session.leave();
  await session.ended;
});

function breaks(): never {
  throw new TypeError("a listener");
}

Deno.test("a tap of a relay that throws ends the connection that it looks at, and the next one is served", async () => {
  const events: RelayEvent[] = [];
  const taps: (() => Tap)[] = [breaks, () => breaks, () => () => {}];
  await using relay = openRelay({
    port: 0,
    event: (event) => events.push(event),
    tap: () => taps.shift()!(),
  });
  const { port } = relay.addr;
  const self = await credentialOf("ada", 0, Date.now);
  for (let i = 0; i < 2; i++) {
    const session = await joinRoom({ self, port, event: () => {} });
    await session.ended;
  }
  const ready = Promise.withResolvers<void>();
  const session = await joinRoom({
    self,
    port,
    event: ({ kind }) => kind === "ready" && ready.resolve(),
  });
  await ready.promise;
  assertEquals(relay.state().tally.failures, 2);
  const failed = events.filter(({ kind }) => kind === "failed");
  assertEquals(failed, Array(2).fill({ kind: "failed", detail: "TypeError: a listener" }));
  session.leave();
  await session.ended;
});
