/**
 * A relay whose dependencies throw: the runtime, the listeners, the list of who may join, the links, the clock. A
 * failure ends one connection at most, is counted and reported, and everybody else is served.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { mapKey } from "../../../lib/base/bytes.ts";
import { checkCredential, type CredentialCheck } from "../../../lib/chat/identity/credential.ts";
import type { Link } from "../../../lib/chat/link.ts";
import type { RelayOptions } from "../../../lib/chat/relay/options.ts";
import { Relay } from "../../../lib/chat/relay/relay.ts";
import { encodeEmpty } from "../../../lib/chat/wire/control.ts";
import { encodeEntries } from "../../../lib/chat/wire/envelope.ts";
import { encodeGreeting, KIND } from "../../../lib/chat/wire/kinds.ts";
import { BREAKAGE, withBroken, withThrowing } from "../broken_runtime.ts";
import { Clock, credentialOf, until } from "../keys.ts";
import { fakeLink, linkToRelay } from "../links.ts";
import { entryFor, provenJoin, provenResume } from "../raw_frames.ts";
import { DIALLED, RawMember } from "../raw_member.ts";
import { heard, RelayRoom, type Seat } from "./relay_room.ts";

function breaks(): never {
  throw new TypeError("a dependency");
}

/** A relay with ada and bo, and what was reported to have failed. */
async function pair(options: RelayOptions = {}) {
  const failed: unknown[] = [];
  const room = new RelayRoom({ fail: (error) => failed.push(error), ...options });
  const seats: readonly [Seat, Seat] = [await room.join("ada"), await room.join("bo")];
  return { room, failed, seats };
}

let words = 0;

/** Checks that they still hear each other, both ways. */
async function chatOn(room: RelayRoom, [ada, bo]: readonly [Seat, Seat]): Promise<void> {
  for (const [from, to] of [[ada, bo], [bo, ada]] as const) {
    const number = ++words;
    from.raw.say({ number });
    await until(() => heard(to.raw).at(-1) === number, `${number} is heard`);
  }
  await room.settle();
  assertEquals([ada.raw.ended, bo.raw.ended], [false, false]);
}

for (const method of ["verify", "digest"] as const) {
  for (const [how, withFailing] of [["rejects", withBroken], ["throws", withThrowing]] as const) {
    Deno.test(`a join for which the runtime's ${method}() ${how} ends that connection alone`, async () => {
      const { room, failed, seats } = await pair();
      const eve = await room.credential("eve");
      const raw = new RawMember(room.relay);
      const { transcript } = await raw.challenge();
      const join = await provenJoin(eve, transcript, DIALLED);
      await withFailing(method, async () => {
        raw.send(join);
        await until(() => raw.ended, "eve's connection has ended");
      });
      assertEquals([raw.bye, room.relay.size, room.relay.connections], ["SHUTDOWN", 2, 2]);
      assertEquals(room.relay.pending, 0);
      assertEquals([failed.length, room.relay.tally.failures], [1, 1]);
      assertStringIncludes(String(failed[0]), BREAKAGE);
      await chatOn(room, seats);
      // And it joins once the runtime works again.
      assertEquals((await room.enter(eve)).ended, false);
    });
  }
}

Deno.test("a history for which digest() fails ends the next newcomer's connection, and nobody else's", async () => {
  const clock = new Clock();
  const newcomers = await Promise.all(
    ["cy", "dee"].map((name, i) => credentialOf(name, 5 + i, clock.now)),
  );
  const known = new Map(newcomers.map((self) => [mapKey(self.bytes), self]));
  // A check that needs no digest.
  const check: CredentialCheck = async (bytes, now, renewal) =>
    known.get(mapKey(bytes)) ?? await checkCredential(bytes, now, renewal);
  const { room, failed, seats } = await pair({ check });
  const [cy, dee] = newcomers;
  const raw = new RawMember(room.relay);
  const { transcript } = await raw.challenge();
  const join = await provenJoin(cy!, transcript, DIALLED);
  await withBroken("digest", async () => {
    raw.send(join);
    await until(() => raw.number > 0, "cy is in: the context before it was known");
  });
  assertEquals((await room.enter(dee!)).bye, "SHUTDOWN");
  assert(failed.length > 0);
  await chatOn(room, seats);
});

Deno.test("a resume whose signature check throws ends that connection, and another one resumes", async () => {
  const { room, failed, seats } = await pair();
  const cy = await room.join("cy");
  cy.raw.close();
  const raw = new RawMember(room.relay);
  const { transcript } = await raw.challenge();
  const resume = await provenResume(cy.self, transcript, cy.raw);
  await withBroken("verify", async () => {
    raw.send(resume);
    await until(() => failed.length === 1, "the resume has failed");
  });
  await until(() => raw.ended, "its connection has ended");
  assertEquals([raw.bye, room.relay.size, room.relay.connections], ["SHUTDOWN", 3, 2]);
  assertEquals((await room.resume(cy)).frames(KIND.resumed).length, 1);
  await chatOn(room, seats);
});

Deno.test("a check of a credential that throws, at once or later, ends the connection of that credential", async () => {
  for (const later of [false, true]) {
    const eve = await credentialOf("eve", 5, new Clock().now);
    const check: CredentialCheck = (bytes, now, renewal) => {
      if (mapKey(bytes) !== mapKey(eve.bytes)) return checkCredential(bytes, now, renewal);
      return later ? Promise.try(breaks) : breaks();
    };
    const { room, failed, seats } = await pair({ check });
    const raw = await room.enter(eve);
    assertEquals([raw.bye, failed.length, room.relay.pending], ["SHUTDOWN", 1, 0]);
    await chatOn(room, seats);
  }
});

Deno.test("an allow list that throws keeps out that newcomer, and removes no member", async () => {
  const clock = new Clock();
  const [ada, cy, eve] = await Promise.all(
    ([["ada", 0], ["cy", 6], ["eve", 5]] as const).map(([name, i]) =>
      credentialOf(name, i, clock.now)
    ),
  );
  let struck = false;
  const allows = (fingerprint: string) => {
    if (fingerprint === eve!.fingerprint) breaks();
    if (struck && fingerprint === ada!.fingerprint) breaks();
    return !(struck && fingerprint === cy!.fingerprint);
  };
  const { room, failed, seats } = await pair({ allows });
  assertEquals((await room.enter(eve!)).bye, "SHUTDOWN");
  const raw = await room.enter(cy!);
  struck = true;
  room.relay.removeDisallowed();
  await until(() => raw.ended, "cy is removed");
  assertEquals([raw.bye, room.relay.size, failed.length], ["REMOVED", 2, 2]);
  await chatOn(room, seats);
});

Deno.test("listeners that throw at every event disturb no member", async () => {
  const told = new Set<string>();
  const { room, seats } = await pair({
    event: ({ kind }) => {
      told.add(kind);
      breaks();
    },
    fail: breaks,
    limits: { framesPerSecond: 1 },
  });
  const cy = await room.join("cy");
  cy.raw.close();
  await room.settle();
  await room.pass(3_000); // away
  const back = await room.resume(cy);
  back.send(encodeEmpty(KIND.leave));
  const raw = new RawMember(room.relay);
  raw.send(new Uint8Array(20));
  await until(() => raw.ended, "it is refused");
  for (let i = 0; i < 5; i++) seats[0].raw.say();
  await room.settle();
  const all = ["connected", "joined", "away", "back", "left", "refused", "slowed"];
  assertEquals([...told].sort(), all.sort());
  assert(room.relay.tally.failures >= all.length);
  assertEquals(room.relay.size, 2);
  await chatOn(room, seats);
});

/** Joins as cy over a link of which one method throws once it is told to. */
async function joinOver(room: RelayRoom, method: keyof Link) {
  let broken = false;
  const { connect } = Relay.prototype;
  Relay.prototype.connect = function (link, from) {
    Relay.prototype.connect = connect;
    const failing = fakeLink({
      send: (bytes) => broken && method === "send" ? breaks() : link.send(bytes),
      end: () => broken && method === "end" ? breaks() : link.end(),
      get waiting() {
        return broken && method === "waiting" ? breaks() : 0;
      },
    });
    return Reflect.apply(connect, this, [failing, from]);
  };
  const { raw, self } = await room.join("cy");
  return { raw, self, breakIt: () => broken = true };
}

Deno.test("a link that throws while others speak ends only its own connection, and its member may come back", async () => {
  const { room, failed, seats } = await pair();
  const { self, raw, breakIt } = await joinOver(room, "send");
  breakIt();
  await chatOn(room, seats);
  assertEquals([room.relay.size, room.relay.connections], [3, 2]);
  assert(failed.length > 0);
  failed.length = 0;
  const back = await room.resume({ self, raw });
  assertEquals(heard(back).length, 2);
  await chatOn(room, seats);
});

Deno.test("a link that throws when it is asked what waits, or when it ends, ends its own connection", async () => {
  for (const method of ["waiting", "end"] as const) {
    const { room, failed, seats } = await pair();
    const { raw, breakIt } = await joinOver(room, method);
    breakIt();
    raw.send(method === "waiting" ? encodeEmpty(KIND.ping) : new Uint8Array(5));
    await until(() => failed.length > 0, "it has thrown");
    await until(() => room.relay.connections === 2, `${method} has ended it`);
    await chatOn(room, seats);
  }
});

Deno.test("a link that throws keeps no receipts from others, and nobody waiting for what was accepted", async () => {
  const timers: (() => void)[] = [];
  const { room, failed, seats: [ada, bo] } = await pair({
    after: (_, call) => {
      timers.push(call);
      return { [Symbol.dispose]: () => {} };
    },
  });
  const { raw, breakIt } = await joinOver(room, "send");
  ada.raw.send(encodeEntries(KIND.receipt, [entryFor(raw.number, 1), entryFor(2, 1)])[0]!);
  breakIt();
  await until(() => bo.raw.frames(KIND.receipt).length === 1, "bo has the receipt");
  assertEquals([raw.frames(KIND.receipt).length, failed.length > 0], [0, true]);
  await until(() => room.relay.connections === 2, "cy's connection has ended");
  const other = await joinOver(room, "send");
  // Both are owed what was accepted; the one whose link throws comes first.
  for (const { raw } of [other, ada]) raw.whisper(2);
  await room.settle();
  other.breakIt();
  for (const call of timers.splice(0)) call();
  await until(() => ada.raw.frames(KIND.accepted).length === 1, "ada is told");
  assertEquals(other.raw.frames(KIND.accepted), []);
});

Deno.test("a clock that throws ends the connection that is served, and the next tick goes on", async () => {
  let broken = false;
  const clock = new Clock();
  const monotonic = () => broken ? breaks() : clock.now();
  const { room, failed, seats } = await pair({ now: clock.now, monotonic });
  const { raw } = await room.join("cy");
  // Whoever sends meanwhile would end as well.
  for (const seat of seats) seat.raw.acknowledges = false;
  broken = true;
  raw.send(encodeEmpty(KIND.ping));
  await until(() => raw.ended, "cy's connection has ended");
  broken = false;
  for (const seat of seats) seat.raw.acknowledges = true;
  assert(failed.length > 0);
  room.relay.tick();
  await chatOn(room, seats);
  assertEquals(room.relay.size, 2);
});

Deno.test("a connection is refused without a trace if the relay cannot make a nonce", async () => {
  let broken = false;
  const random = (length: number) => broken ? breaks() : new Uint8Array(length);
  const { room, seats } = await pair({ random });
  broken = true;
  assertThrows(() => new RawMember(room.relay), TypeError);
  assertEquals(room.relay.connections, 2);
  broken = false;
  await chatOn(room, seats);
});

Deno.test("a room is not made if the relay cannot make its id, and the connection ends", async () => {
  let broken = false;
  const random = (length: number) =>
    broken ? breaks() : crypto.getRandomValues(new Uint8Array(length));
  const { room, failed, seats } = await pair({ random });
  const eve = await room.credential("eve");
  const raw = new RawMember(room.relay, "new");
  const { transcript } = await raw.challenge();
  broken = true;
  raw.send(await provenJoin(eve, transcript, DIALLED));
  await until(() => raw.ended, "it has ended");
  assertEquals([raw.bye, failed.length, room.relay.state().rooms], ["SHUTDOWN", 1, 1]);
  broken = false;
  assertEquals((await RawMember.join(room.relay, eve, "new")).number, 1);
  await chatOn(room, seats);
});

Deno.test("a turn of the event loop that throws is reported, and the next one runs", async () => {
  const calls: (() => void)[] = [];
  const { room, failed } = await pair({ later: (call) => calls.push(call) });
  room.relay.later(breaks);
  for (const call of calls.splice(0)) call();
  assertEquals([failed.length, room.relay.tally.failures], [1, 1]);
});

Deno.test("a memory link that throws ends its own connection", async () => {
  const { room, failed, seats } = await pair();
  let disconnected = 0;
  const link = linkToRelay(room.relay, {
    receive: breaks,
    disconnected: () => disconnected += 1,
  });
  link.send(encodeGreeting(""));
  await until(() => disconnected === 1, "it is over");
  await until(() => room.relay.connections === 2, "for the relay too");
  assertEquals(failed.length, 1);
  await chatOn(room, seats);
});
