/**
 * What members notice of a relay that lies about who is in the room: other credentials, ghosts, other rosters for
 * others, members from elsewhere or from before.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Bytes, secureRandom } from "../../../lib/base/bytes.ts";
import { makeCredential, NO_RENEWAL } from "../../../lib/chat/identity/credential.ts";
import { sign } from "../../../lib/chat/identity/signing.ts";
import {
  encodeBehind,
  encodeJoined,
  encodeLeft,
  encodeMember,
  type Listing,
  readJoined,
  readLeft,
  readRosterPage,
} from "../../../lib/chat/wire/control.ts";
import {
  checkOf,
  encodeHere,
  encodeLeavePayload,
  statementAt,
} from "../../../lib/chat/wire/history.ts";
import { RosterPages } from "../../../lib/chat/relay/member.ts";
import { PairError, PairReceiver } from "../../../lib/chat/seal/pairwise.ts";
import { readPair } from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import {
  count,
  credentialOf,
  faults,
  pooledKeys,
  type Seat,
  shown,
  type Tamper,
  TestRoom,
  until,
} from "../room.ts";
import { RawMember } from "../raw_member.ts";
import { endingOf, once } from "../tampering.ts";

/** The faults that a member was told of, and with whom. */
function told({ events }: Seat): [string, string | undefined][] {
  return events.flatMap((event) =>
    event.kind === "fault"
      ? [[event.code, event.peer?.credential.name] as [string, string | undefined]]
      : []
  );
}

/** The second member of a room, but for its credential. */
const SECOND = { number: 2, renewal: NO_RENEWAL } as const;

/** Lists others to a newcomer. The version stays, and the context: a newcomer cannot check it. */
function relisting(change: (listings: readonly Listing[]) => readonly Listing[]): Tamper {
  return once(KIND.roster, 1, (bytes) => {
    const { room, version, context, listings } = readRosterPage(bytes.slice(FRAME_HEADER_BYTES));
    return new RosterPages(change(listings)).snapshot(room, version)(context);
  });
}

/** The id of the room that a member is in. */
function roomOf({ events }: Seat): Bytes {
  const event = events.find(({ kind }) => kind === "admitted");
  if (event?.kind !== "admitted") throw new Error("it was never admitted");
  return event.room;
}

/** The names in a member's roster. */
function names({ member }: Seat): string[] {
  return [...member.roster.values()].map((peer) => peer.credential.name);
}

Deno.test("a credential that a relay has changed is reported, and its member is not admitted", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const change = (bytes: Bytes) => {
    const { credential, ...listing } = readJoined(bytes.subarray(FRAME_HEADER_BYTES));
    const changed = credential.slice();
    // The first letter of the name: behind two lengths and the version.
    changed[5] = changed[5]! ^ 1;
    return [encodeJoined({ ...listing, credential: changed })];
  };
  const bo = await room.join("bo", once(KIND.joined, 1, change));
  const cy = await room.join("cy");
  // Ada answers cy's joining, and knows of another one than bo.
  assertEquals(told(bo), [["BAD_CREDENTIAL", undefined], ["ROSTER_DIFFERS", "ada"]]);
  assertEquals(names(bo), ["bo", "ada"]);
  // Of whom it does not take for a member, and in a room that is not its own, it shows nothing.
  cy.member.enter("hello");
  ada.member.enter("hello");
  await room.settle();
  assertEquals(shown(bo), []);
  assert(faults(bo).includes("UNKNOWN_SENDER"));
  assertEquals([count(ada, "delivered"), count(cy, "delivered")], [0, 0]);
});

Deno.test("a roster with two members of one name, or with one member twice, is reported", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  await room.join("cy");
  const second = await makeCredential("ADA", await pooledKeys(9), room.clock.now() + 1000);
  for (const credential of [second.bytes, ada.self.bytes]) {
    const lie = relisting(([first]) => [first!, { ...SECOND, credential }]);
    const bo = await room.join("bo", (frame) => frame.kind === KIND.here ? [] : lie(frame));
    assertEquals(faults(bo), ["NAME_TAKEN"]);
    assertEquals([names(bo), endingOf(bo)], [["bo", "ada"], undefined]);
    bo.member.leave();
    await until(() => room.relay.size === 2, "bo is gone");
    await room.settle();
    assertEquals(bo.member.roster.byName("ada")!.credential.key, ada.self.key);
  }
});

Deno.test("a roster with an invented member or without a real one is reported at the first line", async () => {
  const ghost = await credentialOf("eve", 9, new TestRoom().clock.now);
  const others: readonly (readonly Listing[])[] = [
    [],
    [{ number: 1, credential: ghost.bytes, renewal: NO_RENEWAL }],
  ];
  for (const instead of others) {
    const room = new TestRoom();
    await room.join("ada");
    const cy = await room.join("cy");
    const lie = relisting(([, cy]) => [...instead, cy!]);
    const bo = await room.join("bo", lie);
    cy.member.enter("hello");
    await room.settle();
    assertEquals(names(bo), ["bo", ...instead.map(() => "eve"), "cy"]);
    assertEquals(shown(bo), []);
    assert(told(bo).some(([code, name]) => code === "ROSTER_DIFFERS" && name === "cy"));
    assertEquals(count(cy, "delivered"), 0);
  }
});

Deno.test("a member that joins first with another's session key neither keeps it out nor reads its messages", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const keys = await pooledKeys(9);
  const { session } = await pooledKeys(2);
  const eve = await makeCredential("eve", { ...keys, session }, room.clock.now() + 3_600_000);
  const raw = await RawMember.join(room.relay, eve);
  await room.settle();
  // Bo has the keys of number 2.
  const bo = await room.enter("bo", undefined, 2);
  await room.settle();
  assertEquals([names(bo).toSorted(), endingOf(bo)], [["ada", "bo", "eve"], undefined]);
  ada.member.enter("hello");
  await room.settle();
  assertEquals([shown(bo), faults(bo)], [["ada: hello"], []]);
  // What is for eve opens for eve's credential alone: the label says so.
  const number = ada.member.roster.byName("ada")!.number;
  const [toEve] = raw.frames(KIND.pair).map(readPair);
  const { room: id } = raw;
  const pair = { room: id, sender: ada.self.member, recipient: bo.self.member };
  const asBo = new PairReceiver(pair, session.privateKey, ada.self.keys.signing.publicKey);
  assertEquals(toEve?.header.sender, number);
  await assertRejects(() => asBo.open(toEve!, new Uint8Array(32)), PairError);
});

Deno.test("a member admitted but not displayed before a line is entered gets no key to it", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  ada.showing = false;
  const keys: string[] = [];
  const ghost = await room.join("ghost", ({ kind, bytes }) => {
    if (kind === KIND.pair || kind === KIND.sealed) keys.push("key");
    return [bytes];
  });
  // The relay has told ada, whose screen has not shown it yet.
  assertEquals(count(ada, "joined"), 2);
  ada.member.enter("secret");
  await room.settle();
  assertEquals(shown(bo), ["ada: secret"]);
  assertEquals([shown(ghost), keys], [[], []]);
  // Once it has been shown, it is one of those who are spoken to.
  ada.showing = true;
  ada.member.displayed(ada.events.length);
  ada.member.enter("hello all");
  await room.settle();
  assertEquals(shown(ghost), ["ada: hello all"]);
  assertEquals(faults(ghost), []);
});

Deno.test("a frame that a relay forwards to a member that joined after it was sealed is not shown there", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const sealed: Bytes[] = [];
  await room.join("bo", ({ kind, bytes }) => {
    if (kind === KIND.sealed) sealed.push(bytes);
    return [bytes];
  });
  ada.member.enter("before");
  await room.settle();
  const ghost = await room.join(
    "ghost",
    ({ kind, bytes }) => kind === KIND.sealed ? [...sealed, bytes] : [bytes],
  );
  ada.member.enter("after");
  await room.settle();
  assertEquals(shown(ghost), ["ada: after"]);
  assertEquals(faults(ghost).slice(0, 1), ["CONTEXT"]);
});

Deno.test("a member from which the relay hides a joining shows nothing more, and reports it", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  // The version that cy's joining makes never comes about for bo.
  const bo = await room.join("bo", ({ kind, bytes }) => kind === KIND.joined ? [] : [bytes]);
  await room.join("cy");
  ada.member.enter("hello");
  await room.settle();
  assertEquals(shown(bo), []);
  assertEquals(new Set(faults(bo)), new Set(["CONTEXT"]));
  assertEquals([faults(ada), count(ada, "delivered")], [[], 0]);
});

Deno.test("one member swapped for another in a roster is reported", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const other = await credentialOf("eve", 9, room.clock.now);
  const bo = await room.join(
    "bo",
    once(KIND.joined, 1, (bytes) => {
      const listing = readJoined(bytes.subarray(FRAME_HEADER_BYTES));
      return [encodeJoined({ ...listing, credential: other.bytes })];
    }),
  );
  await room.join("cy");
  ada.member.enter("hello");
  await room.settle();
  assertEquals(shown(bo), []);
  // Cy's own `here` comes under eve's number.
  assertEquals(told(bo).toSorted(), [["ROSTER_DIFFERS", "ada"], ["ROSTER_DIFFERS", "eve"]]);
  assertEquals(bo.member.roster.byName("eve")!.confirmed, false);
});

Deno.test("a relay that leaves out a change of the roster ends the session by it", async () => {
  const room = new TestRoom();
  await room.join("ada");
  const bo = await room.join("bo", once(KIND.joined, 1, () => []));
  await room.join("cy");
  await room.join("di");
  assertEquals(endingOf(bo), "BAD_RELAY");
});

Deno.test("a leaving with another version, or of a number that is not listed, ends the session", async () => {
  for (const [version, member] of [[4, 1], [2, 1], [3, 9], [3, 0]] as const) {
    const room = new TestRoom();
    await room.join("ada");
    const bo = await room.join("bo");
    const statement = new Uint8Array(0);
    bo.member.receive(encodeLeft({ version, member, reason: "LOST", statement }));
    await room.settle();
    assertEquals([endingOf(bo), leftOf(bo)], ["BAD_RELAY", []], `${version} ${member}`);
  }
});

Deno.test("what a relay says of oneself, of nobody or twice about being away, back or behind is ignored", async () => {
  const room = new TestRoom();
  await room.join("ada");
  const bo = await room.join("bo");
  const before = bo.events.length;
  for (const member of [2, 9]) {
    for (const kind of [KIND.away, KIND.back]) bo.member.receive(encodeMember(kind, member));
    bo.member.receive(encodeBehind({ member, number: 1 }));
  }
  bo.member.receive(encodeMember(KIND.back, 1));
  await room.settle();
  assertEquals(bo.events.slice(before), []);
  for (let i = 0; i < 2; i++) bo.member.receive(encodeMember(KIND.away, 1));
  await room.settle();
  assertEquals(bo.events.slice(before).map(({ kind }) => kind), ["away"]);
});

Deno.test("an invented leaving is not reported as signed, and no frame is shown after it", async () => {
  const forged = encodeLeavePayload({ version: 3, signature: new Uint8Array(64) });
  for (const statement of [new Uint8Array(0), forged]) {
    const room = new TestRoom();
    const ada = await room.join("ada");
    const bo = await room.join("bo", ({ kind, bytes }) => {
      if (kind !== KIND.joined) return [bytes];
      const { number } = readJoined(bytes.subarray(FRAME_HEADER_BYTES));
      const place = { version: number + 1, member: 1, statement };
      return [bytes, encodeLeft({ ...place, reason: "LEFT" })];
    });
    await room.join("cy");
    assertEquals(leftOf(bo), [["ada", false]]);
    ada.member.enter("hello");
    await room.settle();
    assertEquals(shown(bo), []);
    assertEquals(faults(bo), ["UNKNOWN_SENDER", "UNKNOWN_SENDER"]);
  }
});

/** Who has left, and whether they signed it. */
function leftOf({ events }: Seat): [string, boolean][] {
  return events.flatMap((event) =>
    event.kind === "left" ? [[event.peer.credential.name, event.signed] as [string, boolean]] : []
  );
}

Deno.test("a signed leaving is reported as signed, and the signature is not valid for another member", async () => {
  for (const [isSwapped, expected] of [[false, ["cy", true]], [true, ["ada", false]]] as const) {
    const room = new TestRoom();
    await room.join("ada");
    const bo = await room.join(
      "bo",
      once(KIND.left, 1, (bytes) => {
        const left = readLeft(bytes.slice(FRAME_HEADER_BYTES));
        return [isSwapped ? encodeLeft({ ...left, member: 1 }) : bytes];
      }),
    );
    const cy = await room.join("cy");
    cy.member.leave();
    await until(() => count(bo, "left") === 1, "bo is told");
    assertEquals(leftOf(bo), [[...expected]]);
  }
});

Deno.test("a replayed credential stays unconfirmed, also by statements signed for another room", async () => {
  const room = new TestRoom();
  const zoe = await credentialOf("zoe", 9, room.clock.now);
  await room.join("ada");
  await room.join("cy");
  const list = relisting(([ada]) => [ada!, { ...SECOND, credential: zoe.bytes }]);
  const bo = await room.join(
    "bo",
    (frame) => frame.kind === KIND.here ? [] : list(frame),
  );
  const confirmed = bo.events.flatMap((event) =>
    event.kind === "joined" ? [[event.peer.credential.name, event.peer.confirmed]] : []
  );
  assertEquals(confirmed, [["ada", false], ["zoe", false]]);
  const { version, history } = bo.member.roster;
  const context = await history.newest;
  const { number } = bo.member.roster.byName("zoe")!;
  const here = async (place: Bytes) => {
    const statement = statementAt("here", { room: place, member: zoe.member, version, context });
    const signature = await sign(zoe.keys.signing.privateKey, statement);
    bo.member.receive(encodeHere({ member: number, version, check: checkOf(context), signature }));
    await room.settle();
  };
  await here(secureRandom(32));
  assertEquals([told(bo), count(bo, "confirmed")], [[["BAD_SIGNATURE", "zoe"]], 0]);
  await here(roomOf(bo));
  assertEquals(count(bo, "confirmed"), 1);
});

Deno.test("an unconfirmed member is confirmed by the first frame that it signed in this room", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo", ({ kind, bytes }) => kind === KIND.here ? [] : [bytes]);
  assertEquals(count(bo, "confirmed"), 0);
  ada.member.enter("it is me");
  await room.settle();
  assertEquals(count(bo, "confirmed"), 1);
  assertEquals(shown(bo), ["ada: it is me"]);
});

for (const isRenumbered of [false, true]) {
  const how = isRenumbered ? " in its new number" : "";
  Deno.test(`frames replayed${how} after an invented rejoin of their sender are not shown twice`, async () => {
    const room = new TestRoom();
    const ada = await room.join("ada");
    const said: Bytes[] = [];
    let version = 0;
    const bo = await room.join("bo", ({ kind, bytes }) => {
      if (kind === KIND.roster) {
        version = readRosterPage(bytes.subarray(FRAME_HEADER_BYTES)).version + 1;
      }
      if (kind === KIND.pair || kind === KIND.sealed) said.push(bytes.slice());
      if (kind !== KIND.joined) return [bytes];
      // In place of cy, ada leaves and joins again, by the very credential.
      const number = version + 2;
      const listing = { number, credential: ada.self.bytes, renewal: NO_RENEWAL };
      const place = { version: version + 1, member: 1, statement: new Uint8Array(0) };
      if (isRenumbered) { for (const frame of said) frame[FRAME_HEADER_BYTES + 3] = number; }
      return [encodeLeft({ ...place, reason: "LEFT" }), encodeJoined(listing), ...said];
    });
    ada.member.enter("pay him 100");
    await room.settle();
    await room.join("cy");
    assertEquals(shown(bo), ["ada: pay him 100"]);
    assertEquals(leftOf(bo), [["ada", false]]);
    const fault = isRenumbered ? "CONTEXT" : "UNKNOWN_SENDER";
    assertEquals(faults(bo).slice(0, 2), [fault, fault]);
  });
}
