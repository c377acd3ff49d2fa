/**
 * What members notice of a relay that lies about who is in the room: other credentials, ghosts, other rosters for
 * others, members from elsewhere or from before.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { makeCredential, presenceStatement } from "../../../lib/chat/identity/credential.ts";
import { NO_RENEWAL } from "../../../lib/chat/identity/renewal.ts";
import { sign } from "../../../lib/chat/identity/signing.ts";
import {
  encodeJoined,
  encodeLeft,
  readJoined,
  readRosterPage,
} from "../../../lib/chat/wire/control.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import {
  count,
  credentialOf,
  faults,
  pooledKeys,
  type Seat,
  shown,
  TestRoom,
  until,
} from "../room.ts";
import { endingOf, once, relist } from "../tampering.ts";

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
  assertEquals(faults(bo), ["BAD_CREDENTIAL"]);
  assertEquals([...bo.member.roster.values()].map((peer) => peer.credential.name), ["bo", "ada"]);
  // Of whom it does not take for a member, it shows nothing.
  cy.member.enter("hello");
  ada.member.enter("hello");
  await room.settle();
  assertEquals(shown(bo), ["ada: hello"]);
  assert(faults(bo).includes("UNKNOWN_SENDER"));
});

Deno.test("a relay that lists a second member under one name, or with one key, is told", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const eve = await pooledKeys(9);
  const { session, signing } = ada.self.keys;
  const expiresAt = room.clock.now() + 1000;
  const others = {
    NAME_TAKEN: [await makeCredential("ADA", eve, expiresAt)],
    KEY_TAKEN: [
      await makeCredential("eve", { ...eve, session }, expiresAt),
      await makeCredential("eve", { ...eve, signing }, expiresAt),
    ],
  };
  for (const [fault, credentials] of Object.entries(others)) {
    for (const { bytes: credential } of credentials) {
      const evidence = { presence: new Uint8Array(64), renewal: NO_RENEWAL };
      const add = (bytes: Bytes) =>
        relist(bytes, (listings, number) => [...listings, { number, credential, ...evidence }]);
      const bo = await room.join("bo", once(KIND.roster, 1, add));
      assertEquals(faults(bo), [fault]);
      assertEquals(
        [...bo.member.roster.values()].map((peer) => peer.credential.name),
        ["bo", "ada"],
      );
      bo.member.leave();
      await until(() => room.relay.size === 1, "bo is gone");
    }
  }
});

Deno.test("a ghost that is admitted a moment before a line is entered gets no key to it", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  ada.showing = false;
  const keys: string[] = [];
  const ghost = await room.join("ghost", ({ kind, bytes }) => {
    if (kind === KIND.key) keys.push("key");
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
  assertEquals(faults(ghost).slice(0, 1), ["NOT_ADDRESSED"]);
});

Deno.test("a relay that shows different rosters to different members is told", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  // Who is hidden from bo is numbered away: membership 3 never happens for bo.
  const bo = await room.join("bo", ({ kind, bytes }) => kind === KIND.joined ? [] : [bytes]);
  await room.join("cy");
  ada.member.enter("hello");
  await room.settle();
  assertEquals(shown(bo), ["ada: hello"]);
  assertEquals(faults(bo), ["ROSTER_DIFFERS"]);
  assertEquals(faults(ada), []);
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
  assertEquals(faults(bo), ["ROSTER_DIFFERS"]);
});

Deno.test("a relay that leaves out a change of the roster ends the session by it", async () => {
  const room = new TestRoom();
  await room.join("ada");
  const bo = await room.join("bo", once(KIND.joined, 1, () => []));
  await room.join("cy");
  await room.join("di");
  assertEquals(endingOf(bo), "BAD_RELAY");
});

Deno.test("a relay that says that somebody left who is there shuts only itself out", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo", ({ kind, bytes }) => {
    if (kind !== KIND.joined) return [bytes];
    const { number } = readJoined(bytes.subarray(FRAME_HEADER_BYTES));
    const left = encodeLeft({ number: number + 1, member: ada.self.member, reason: "LEFT" });
    return [bytes, left];
  });
  await room.join("cy");
  assertEquals(readLeftNames(bo), ["ada"]);
  ada.member.enter("hello");
  await room.settle();
  assertEquals(shown(bo), []);
  assertEquals(faults(bo), ["UNKNOWN_SENDER", "UNKNOWN_SENDER"]);
});

function readLeftNames(seat: Seat): string[] {
  return seat.events.flatMap((e) => e.kind === "left" ? [e.peer.credential.name] : []);
}

Deno.test("a replayed credential is unconfirmed, and reads nothing", async () => {
  const room = new TestRoom();
  const replayed = await credentialOf("zoe", 9, room.clock.now);
  // What zoe signed in another room.
  const elsewhere = crypto.getRandomValues(new Uint8Array(32));
  const { privateKey } = replayed.keys.signing;
  const presence = await sign(privateKey, presenceStatement(elsewhere, replayed.member));
  await room.join("ada");
  const replay = { credential: replayed.bytes, presence, renewal: NO_RENEWAL };
  const list = (bytes: Bytes) =>
    relist(bytes, (listings, number) => [...listings, { number, ...replay }]);
  const bo = await room.join("bo", once(KIND.roster, 1, list));
  const confirmed = bo.events.flatMap((event) =>
    event.kind === "joined" ? [[event.peer.credential.name, event.peer.confirmed]] : []
  );
  assertEquals(confirmed, [["ada", true], ["zoe", false]]);
});

Deno.test("somebody unconfirmed is confirmed by the first frame that it signed in this room", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const presence = new Uint8Array(64);
  const forget = (bytes: Bytes) =>
    relist(bytes, (listings) => listings.map((listing) => ({ ...listing, presence })));
  const bo = await room.join("bo", once(KIND.roster, 1, forget));
  assertEquals(count(bo, "confirmed"), 0);
  ada.member.enter("it is me");
  await room.settle();
  assertEquals(count(bo, "confirmed"), 1);
  assertEquals(shown(bo), ["ada: it is me"]);
});

Deno.test("a relay that lets somebody leave and come again, and replays what it said, shows nothing twice", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const said: Bytes[] = [];
  let number = 0;
  const bo = await room.join("bo", ({ kind, bytes }) => {
    if (kind === KIND.roster) number = readRosterPage(bytes.subarray(FRAME_HEADER_BYTES)).number;
    if (kind === KIND.key || kind === KIND.sealed) said.push(bytes);
    if (kind !== KIND.joined) return [bytes];
    // In place of cy, ada leaves and joins again, by the very credential and presence.
    const evidence = { presence, renewal: NO_RENEWAL };
    const listing = { number: number + 2, credential: ada.self.bytes, ...evidence };
    const left = encodeLeft({ number: number + 1, member: ada.self.member, reason: "LEFT" });
    return [left, encodeJoined(listing), ...said];
  });
  const { privateKey } = ada.self.keys.signing;
  const presence = await sign(privateKey, presenceStatement(room.relay.room, ada.self.member));
  ada.member.enter("pay him 100");
  await room.settle();
  await room.join("cy");
  assertEquals(shown(bo), ["ada: pay him 100"]);
});
