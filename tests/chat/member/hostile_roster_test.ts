/**
 * What members notice of a relay that lies about who is in the room: other credentials, ghosts, other rosters for
 * others, members from elsewhere or from before.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { makeCredential } from "../../../lib/chat/identity/credential.ts";
import { NO_RENEWAL } from "../../../lib/chat/identity/renewal.ts";
import { PairError, PairReceiver } from "../../../lib/chat/seal/pairwise.ts";
import { encodeJoined, encodeLeft, readJoined, readLeft } from "../../../lib/chat/wire/control.ts";
import { readPair } from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { RawMember } from "../raw_member.ts";
import {
  count,
  credentialOf,
  faults,
  pooledKeys,
  type Seat,
  shown,
  type Tamper,
  TestRoom,
} from "../room.ts";
import { endingOf, once, relist } from "../tampering.ts";

function names({ member }: Seat): string[] {
  return [...member.roster.values()].map(({ credential }) => credential.name).sort();
}

/** A room of ada in which number 2 is free: zoe has been there, and has left. */
async function roomWithHole() {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const zoe = await room.join("zoe");
  zoe.member.leave();
  await room.settle();
  return { room, ada, zoe };
}

/** A relay that lists somebody as number 2 to a newcomer. */
function listingAsTwo(credential: Bytes) {
  const listing = { number: 2, credential, renewal: NO_RENEWAL };
  return once(KIND.roster, 1, (bytes) => relist(bytes, (listings) => [...listings, listing], 0));
}

Deno.test("a relay that changes the name or a key of a credential is told, and nobody admitted by it", async () => {
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
  assertEquals([faults(bo).slice(0, 1), names(bo)], [["BAD_CREDENTIAL"], ["ada", "bo"]]);
  // Of whom it does not take for a member it shows nothing, nor of ada, whose roster is another one.
  cy.member.enter("hello");
  ada.member.enter("hello");
  await room.settle();
  assertEquals(shown(bo), []);
  assert(faults(bo).includes("UNKNOWN_SENDER"));
  assert(faults(bo).includes("ROSTER_DIFFERS"));
});

Deno.test("a relay that lists a second member under one name is told, and that one is not taken", async () => {
  const { room, ada } = await roomWithHole();
  const eve = await pooledKeys(9);
  const expiresAt = room.clock.now() + 1000;
  for (const name of ["ADA", "ada"]) {
    const { bytes } = await makeCredential(name, eve, expiresAt);
    const bo = await room.join("bo", listingAsTwo(bytes));
    assertEquals(faults(bo)[0], "NAME_TAKEN");
    assertEquals(names(bo), ["ada", "bo"]);
    assertEquals(bo.member.roster.byName("ada")?.credential.key, ada.self.key);
    bo.member.leave();
    await room.settle();
  }
});

Deno.test("a member that joins first with another's session key keeps nobody out, and reads nothing (13)", async () => {
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
  assertEquals([names(bo), endingOf(bo)], [["ada", "bo", "eve"], undefined]);
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

Deno.test("a ghost that is admitted a moment before a line is entered gets no key to it", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  ada.showing = false;
  const keys: string[] = [];
  const ghost = await room.join("ghost", ({ kind, bytes }) => {
    if (kind === KIND.pair) keys.push("key");
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

Deno.test("a relay that forwards to a ghost what is not for it is told by nobody, and shows it nothing", async () => {
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

Deno.test("a relay that hides a newcomer from a member is told, and what names the newcomer's version is not shown", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo", ({ kind, bytes }) => kind === KIND.joined ? [] : [bytes]);
  await room.join("cy");
  ada.member.enter("hello");
  await room.settle();
  assertEquals(shown(bo), []);
  assertEquals(new Set(faults(bo)), new Set(["CONTEXT"]));
  assertEquals([faults(ada), count(ada, "delivered")], [[], 0]);
});

Deno.test("a relay that swaps one member for another between two rosters is told", async () => {
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
  const told = bo.events.flatMap((event) =>
    event.kind === "fault" && event.code === "ROSTER_DIFFERS" ? [event.peer?.credential.name] : []
  );
  // Once for each, whatever follows.
  assertEquals(told.toSorted(), ["ada", "eve"]);
  assertEquals(count(ada, "delivered"), 0);
});

Deno.test("a relay that leaves out a change of the roster ends the session by it", async () => {
  const room = new TestRoom();
  await room.join("ada");
  const bo = await room.join("bo", once(KIND.joined, 1, () => []));
  await room.join("cy");
  await room.join("di");
  assertEquals(endingOf(bo), "BAD_RELAY");
});

Deno.test("a relay that says that somebody left who is there shuts only itself out, and says so alone", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const none = new Uint8Array(0);
  const bo = await room.join("bo", ({ kind, bytes }) => {
    if (kind !== KIND.joined) return [bytes];
    const { number } = readJoined(bytes.subarray(FRAME_HEADER_BYTES));
    const version = number + 1;
    const member = ada.member.roster.byName("ada")!.number;
    return [bytes, encodeLeft({ version, member, reason: "LEFT", statement: none })];
  });
  await room.join("cy");
  assertEquals(leavings(bo), [["ada", "LEFT", false]]);
  ada.member.enter("hello");
  await room.settle();
  assertEquals(shown(bo), []);
  assert(faults(bo).every((code) => code === "UNKNOWN_SENDER" || code === "ROSTER_DIFFERS"));
});

function leavings(seat: Seat): [string, string, boolean][] {
  return seat.events.flatMap((event) =>
    event.kind === "left" ? [[event.peer.credential.name, event.reason, event.signed]] : []
  );
}

Deno.test("a member that leaves signs it, and a statement of another version or member is only the relay's word", async () => {
  const room = new TestRoom();
  await room.join("ada");
  const bo = await room.join("bo");
  const cy = await room.join("cy", ({ kind, bytes }) => {
    if (kind !== KIND.left) return [bytes];
    const left = readLeft(bytes.subarray(FRAME_HEADER_BYTES));
    return [encodeLeft({ ...left, statement: left.statement.with(3, left.statement[3]! - 1) })];
  });
  const di = await room.join("di");
  bo.member.leave();
  await room.settle();
  assertEquals([leavings(di), leavings(cy)], [[["bo", "LEFT", true]], [["bo", "LEFT", false]]]);
});

Deno.test("a relay that lists again somebody who left shows it as unconfirmed, and confirms it by nothing old (7, 8)", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const old: Bytes[] = [];
  const tamper: Tamper = ({ kind, bytes }) => {
    if (kind === KIND.here || kind === KIND.sealed || kind === KIND.pair) old.push(bytes);
    if (kind !== KIND.joined || count(bo, "left") === 0) return [bytes];
    // In place of cy, zoe is said to have come back.
    const { number } = readJoined(bytes.subarray(FRAME_HEADER_BYTES));
    const again = { number, credential: zoe.self.bytes, renewal: NO_RENEWAL };
    const renamed = old.map((frame) => {
      const changed = frame.slice();
      new DataView(changed.buffer).setUint32(FRAME_HEADER_BYTES, number);
      return changed;
    });
    return [encodeJoined(again), ...old, ...renamed];
  };
  const bo: Seat = await room.join("bo", tamper);
  const zoe = await room.join("zoe");
  zoe.member.enter("pay him 100");
  await room.settle();
  zoe.member.leave();
  await room.settle();
  assertEquals([shown(bo), leavings(bo)], [["zoe: pay him 100"], [["zoe", "LEFT", true]]]);
  await room.join("cy");
  assertEquals(bo.member.roster.byName("zoe")?.confirmed, false);
  assertEquals(shown(bo), ["zoe: pay him 100"]);
  ada.member.enter("who is zoe?");
  await room.settle();
  assertEquals(shown(bo), ["zoe: pay him 100"]);
  assert(faults(bo).includes("ROSTER_DIFFERS"));
});

Deno.test("a member that is replayed or silent is unconfirmed, and a split room is noticed all the same (7)", async () => {
  const { room, ada, zoe } = await roomWithHole();
  const bo = await room.join("bo", listingAsTwo(zoe.self.bytes));
  assertEquals(bo.member.roster.byName("zoe")?.confirmed, false);
  ada.member.enter("hello");
  await room.settle();
  assertEquals([shown(bo), faults(bo)], [[], ["ROSTER_DIFFERS"]]);
  // Bo says something to somebody who is not there: nobody is told that it was delivered.
  bo.member.enter("to ada and zoe");
  await room.settle();
  assertEquals([shown(ada), faults(ada), count(bo, "delivered")], [[], ["ROSTER_DIFFERS"], 0]);
});

Deno.test("somebody unconfirmed is confirmed by the first frame that it authenticates in this room", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo", ({ kind, bytes }) => kind === KIND.here ? [] : [bytes]);
  assertEquals([count(bo, "confirmed"), bo.member.roster.byName("ada")?.confirmed], [0, false]);
  ada.member.enter("it is me");
  await room.settle();
  assertEquals([count(bo, "confirmed"), bo.member.roster.byName("ada")?.confirmed], [1, true]);
  assertEquals(shown(bo), ["ada: it is me"]);
});
