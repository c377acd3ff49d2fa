/**
 * A relay whose dependencies throw: the runtime, the listeners, the list of who may come in, the links, the clock.
 * What fails ends one connection at most, is counted and told, and everybody else chats on.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { mapKey } from "../../../lib/base/bytes.ts";
import { checkCredential, type CredentialCheck } from "../../../lib/chat/identity/credential.ts";
import type { Link } from "../../../lib/chat/link.ts";
import { answerChallenge } from "../../../lib/chat/member/connection.ts";
import type { RelayOptions } from "../../../lib/chat/relay/options.ts";
import { Relay } from "../../../lib/chat/relay/relay.ts";
import { encodeGreeting } from "../../../lib/chat/wire/kinds.ts";
import { BREAKAGE, withBroken, withThrowing } from "../broken_runtime.ts";
import { fakeLink, linkToRelay } from "../links.ts";
import { RawMember } from "../raw_member.ts";
import { Clock, count, credentialOf, type Seat, shown, TestRoom, until } from "../room.ts";

function breaks(): never {
  throw new TypeError("a dependency");
}

/** A room of ada and bo, and what was told to have failed. */
async function pair(options: RelayOptions = {}) {
  const failed: unknown[] = [];
  const room = new TestRoom({ fail: (error) => failed.push(error), ...options });
  const seats: readonly [Seat, Seat] = [await room.join("ada"), await room.join("bo")];
  return { room, failed, seats };
}

let words = 0;

/** They still hear each other, both ways. */
async function chatOn(room: TestRoom, seats: readonly [Seat, Seat]): Promise<void> {
  const [ada, bo] = seats;
  for (const [from, to] of [[ada, bo], [bo, ada]] as const) {
    const text = `word ${words++}`;
    assert(from.member.enter(text).ok);
    await until(() => shown(to).at(-1)?.endsWith(text) === true, `${text} is shown`);
  }
  await room.settle();
  for (const seat of seats) assertEquals([count(seat, "ended"), count(seat, "fault")], [0, 0]);
}

for (const method of ["verify", "digest"] as const) {
  for (const [how, withFailing] of [["rejects", withBroken], ["throws", withThrowing]] as const) {
    Deno.test(`a join for which the runtime's ${method}() ${how} ends that connection alone`, async () => {
      const { room, failed, seats } = await pair();
      const eve = await credentialOf("eve", 5, room.clock.now);
      const raw = new RawMember(room.relay);
      const { room: id, nonce } = await raw.challenge();
      const join = await answerChallenge(eve, { host: "room.test", port: 4396 }, id, nonce);
      await withFailing(method, async () => {
        raw.send(join);
        await until(() => raw.ended, "eve's connection has ended");
      });
      assertEquals([raw.bye, room.relay.size, room.relay.connections], ["SHUTDOWN", 2, 2]);
      assertEquals(room.relay.pending, 0);
      assertEquals([failed.length, room.relay.tally.failures], [1, 1]);
      assertStringIncludes(String(failed[0]), BREAKAGE);
      await chatOn(room, seats);
      // And it comes in once the runtime is well.
      assertEquals((await RawMember.join(room.relay, eve)).ended, false);
    });
  }
}

Deno.test("a resume for which the runtime's verify() rejects ends that connection, and another one resumes", async () => {
  const { room, failed, seats } = await pair();
  const cy = await room.join("cy");
  cy.cut();
  await withBroken("verify", async () => {
    cy.connect();
    await until(() => failed.length === 1, "the resume has failed");
  });
  assertEquals([room.relay.size, room.relay.connections], [3, 2]);
  await until(() => cy.member.isAway, "cy has noticed");
  cy.connect();
  await until(() => count(cy, "reconnected") === 1, "cy is back");
  await chatOn(room, seats);
});

Deno.test("a check of credentials that throws, at once or later, ends the connection that asked for it", async () => {
  for (const later of [false, true]) {
    const eve = await credentialOf("eve", 5, new Clock().now);
    const check: CredentialCheck = (bytes, now, renewal) => {
      if (mapKey(bytes) !== mapKey(eve.bytes)) return checkCredential(bytes, now, renewal);
      return later ? Promise.try(breaks) : breaks();
    };
    const { room, failed, seats } = await pair({ check });
    const raw = await RawMember.join(room.relay, eve);
    assertEquals([raw.bye, failed.length, room.relay.pending], ["SHUTDOWN", 1, 0]);
    await chatOn(room, seats);
  }
});

Deno.test("a list of who may come in that throws keeps that one out, and removes nobody else", async () => {
  const clock = new Clock();
  const self = await Promise.all(["ada", "bo"].map((name, i) => credentialOf(name, i, clock.now)));
  const eve = await credentialOf("eve", 5, clock.now);
  const cy = await credentialOf("cy", 6, clock.now);
  let struck = false;
  const allows = (fingerprint: string) => {
    if (fingerprint === eve.fingerprint) breaks();
    if (struck && fingerprint === self[0]!.fingerprint) breaks();
    return !(struck && fingerprint === cy.fingerprint);
  };
  const { room, failed, seats } = await pair({ allows });
  assertEquals((await RawMember.join(room.relay, eve)).bye, "SHUTDOWN");
  const raw = await RawMember.join(room.relay, cy);
  struck = true;
  room.relay.removeDisallowed();
  await until(() => raw.ended, "cy is removed");
  assertEquals([raw.bye, room.relay.size, failed.length], ["REMOVED", 2, 2]);
  await chatOn(room, seats);
});

Deno.test("listeners that throw at every event keep nobody from anything", async () => {
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
  cy.cut();
  await room.settle();
  await room.pass(3_000); // away
  cy.connect();
  await until(() => count(cy, "reconnected") === 1, "cy is back");
  cy.member.leave();
  const raw = new RawMember(room.relay);
  raw.send(new Uint8Array(20));
  await until(() => raw.ended, "it is refused");
  for (let i = 0; i < 5; i++) seats[0].member.enter(`fast ${i}`);
  await room.settle();
  const all = ["connected", "joined", "away", "back", "left", "refused", "slowed"];
  assertEquals([...told].sort(), all.sort());
  assert(room.relay.tally.failures >= all.length);
  assertEquals(room.relay.size, 2);
  await chatOn(room, seats);
});

/** Joins as cy over a link of one's own, of which one method throws once it is told to. */
async function joinOver(room: TestRoom, method: keyof Link) {
  const self = await credentialOf("cy", 5, room.clock.now);
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
  const raw = await RawMember.join(room.relay, self);
  await room.settle();
  return { raw, self, breakIt: () => broken = true };
}

Deno.test("a link that throws as others speak ends its own connection: they hear each other, and it may come back", async () => {
  const { room, failed, seats } = await pair();
  const { self, breakIt } = await joinOver(room, "send");
  breakIt();
  await chatOn(room, seats);
  assertEquals([room.relay.size, room.relay.connections], [3, 2]);
  assert(failed.length > 0);
  assert(room.relay.member(self.member)?.awaySince !== undefined);
  await chatOn(room, seats);
});

Deno.test("a link that throws as it is asked what waits, or as it ends, ends its own connection", async () => {
  for (const method of ["waiting", "end"] as const) {
    const { room, failed, seats } = await pair();
    const { raw, breakIt } = await joinOver(room, method);
    breakIt();
    raw.send(method === "waiting" ? new Uint8Array([0, 0, 0, 1, 0x0a]) : new Uint8Array(5));
    await room.settle();
    room.relay.tick();
    assertEquals(room.relay.connections, 2, `${method} has ended it`);
    assert(failed.length > 0);
    await chatOn(room, seats);
  }
});

Deno.test("a clock that throws ends the connection that is looked after, and the next tick goes on", async () => {
  let broken = false;
  const clock = new Clock();
  const monotonic = () => broken ? breaks() : clock.now();
  const { room, failed, seats } = await pair({ now: clock.now, monotonic });
  const raw = await RawMember.join(room.relay, await credentialOf("cy", 5, clock.now));
  broken = true;
  raw.send(new Uint8Array([0, 0, 0, 1, 0x0a]));
  await until(() => raw.ended, "cy's connection has ended");
  broken = false;
  assert(failed.length > 0);
  room.relay.tick();
  await chatOn(room, seats);
});

Deno.test("a connection for which there is no random nonce is not taken, and leaves nothing behind", async () => {
  let broken = false;
  const random = (length: number) => broken ? breaks() : new Uint8Array(length);
  const { room, seats } = await pair({ random });
  broken = true;
  assertThrows(() => new RawMember(room.relay), TypeError);
  assertEquals(room.relay.connections, 2);
  broken = false;
  await chatOn(room, seats);
});

Deno.test("an end of a connection through memory that throws ends that connection", async () => {
  const { room, failed, seats } = await pair();
  let disconnected = 0;
  const link = linkToRelay(room.relay, {
    receive: breaks,
    disconnected: () => disconnected += 1,
  });
  link.send(encodeGreeting());
  await until(() => disconnected === 1, "it is over");
  await until(() => room.relay.connections === 2, "for the relay too");
  assertEquals(failed.length, 1);
  await chatOn(room, seats);
});
