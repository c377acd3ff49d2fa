/**
 * Credentials hold for 24 hours, and are renewed by those who stay for longer. By a virtual clock.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { type Bytes, ByteWriter, MalformedError } from "../../../lib/base/bytes.ts";
import {
  checkCredential,
  CredentialError,
  makeCredential,
  makeRenewal,
  NO_RENEWAL,
} from "../../../lib/chat/identity/credential.ts";
import {
  CREDENTIAL_LIFE_MS,
  MAX_RENEWAL_BYTES,
  RENEWAL_LIFE_MS,
  RENEWAL_RESERVE_MS,
} from "../../../lib/chat/identity/signing.ts";
import { Renewer } from "../../../lib/chat/member/time.ts";
import { answerByJoining } from "../../../lib/chat/member/connection.ts";
import type { RelayOptions } from "../../../lib/chat/relay/options.ts";
import {
  encodeJoinRequest,
  encodeProven,
  encodeRenew,
  type Listing,
  readJoin,
} from "../../../lib/chat/wire/control.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { KIND, memberBound, newcomerBound } from "../../../lib/chat/wire/kinds.ts";
import { DIALLED, RawMember } from "../raw_member.ts";
import {
  Clock,
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
import { once, relist } from "../tampering.ts";

const HOUR_MS = 3_600_000;

/** A room whose members have credentials for a day. */
async function dayRoom(options: RelayOptions = {}) {
  const room = new TestRoom(options);
  room.lifeMs = CREDENTIAL_LIFE_MS;
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  return { room, ada, bo };
}

/** Time passes in a room where people talk: somebody speaks before anybody looks at the clock. */
async function talkOver(room: TestRoom, ms: number): Promise<void> {
  room.clock.advance(ms);
  for (const { member } of room.seats) member.enter("still here");
  await room.settle();
  await room.pass(0);
}

/** Many hours, as a process sees them that looks at the clock whenever it wants to be woken. */
async function hours(room: TestRoom, count: number): Promise<void> {
  for (let hour = 0; hour < count; hour++) await talkOver(room, HOUR_MS);
}

/** How often a member has renewed. */
function renewals({ sent }: Seat): number {
  return sent.filter((bytes) => bytes[4] === KIND.renew).length;
}

function names({ member }: Seat): string[] {
  return [...member.roster.values()].map(({ credential }) => credential.name).sort();
}

/** A relay that changes what it lists to a newcomer. */
function listing(change: (listing: Listing) => Listing): Tamper {
  return once(KIND.roster, 1, (bytes) => relist(bytes, (listings) => listings.map(change)));
}

Deno.test("a member renews when half of its time is over, wants to be woken for it, and does so once", async () => {
  const { room, ada } = await dayRoom();
  const half = CREDENTIAL_LIFE_MS / 2;
  const again = RENEWAL_LIFE_MS - RENEWAL_RESERVE_MS;
  await talkOver(room, half - 10_000);
  // What came is acknowledged first.
  await room.pass(1_000);
  assertEquals(ada.member.wakeAt, room.clock.now() + 9_000);
  await talkOver(room, 8_999);
  assertEquals(renewals(ada), 0);
  await talkOver(room, 1);
  assertEquals(renewals(ada), 1);
  await talkOver(room, again - 1);
  assertEquals(renewals(ada), 1);
  await talkOver(room, 1);
  assertEquals(renewals(ada), 2);
});

Deno.test("a credential for 23 hours is renewed when 12 hours are left, and one for less when half of it is", async () => {
  const hour = 60 * 60 * 1000;
  const clock = new Clock();
  for (const [life, due] of [[23, 11], [8, 4]]) {
    const self = await credentialOf("ada", 0, clock.now, life! * hour);
    assertEquals(new Renewer(self, clock.now).dueIn, due! * hour);
  }
});

Deno.test("a member that joins a room that is three days old reads everyone, and is read", async () => {
  const { room, ada, bo } = await dayRoom();
  await hours(room, 72);
  const cy = await room.join("cy");
  assertEquals([names(cy), faults(cy)], [["ada", "bo", "cy"], []]);
  ada.member.enter("welcome");
  cy.member.enter("thanks");
  await room.settle();
  assertEquals(shown(cy), ["ada: welcome"]);
  for (const seat of [ada, bo]) assertEquals(shown(seat).includes("cy: thanks"), true);
  assertEquals([...faults(ada), ...faults(bo)], []);
});

Deno.test("a relay that is restarted after three days admits its earlier members, and nothing is lost", async () => {
  const { room, ada, bo } = await dayRoom();
  await hours(room, 72);
  room.restart();
  ada.member.enter("through the restart");
  for (const seat of [ada, bo]) seat.connect();
  await until(() => count(ada, "reconnected") === 1 && count(bo, "reconnected") === 1, "back");
  await room.settle();
  await room.pass(1_000);
  assertEquals([shown(bo).at(-1), count(bo, "ended")], ["ada: through the restart", 0]);
  assertEquals([count(ada, "delivered"), ada.member.backlog.lines], [73, 0]);
});

Deno.test("a lost connection is resumed after three days: the relay knows the member by its key", async () => {
  const { room, ada, bo } = await dayRoom();
  await hours(room, 72);
  bo.cut();
  ada.member.enter("while bo is away");
  await room.settle();
  bo.connect();
  await room.settle();
  assertEquals(shown(bo).at(-1), "ada: while bo is away");
  assertEquals([count(bo, "reconnected"), count(ada, "left"), count(ada, "delivered")], [1, 0, 73]);
});

Deno.test("a member that was suspended for days renews its credential before it joins again", async () => {
  const { room, ada, bo } = await dayRoom();
  bo.cut();
  await room.settle();
  room.clock.advance(3 * CREDENTIAL_LIFE_MS);
  ada.member.enter("where is bo?");
  await room.settle();
  // bo's process looks at no clock before it has a connection again.
  room.relay.tick();
  ada.member.tick();
  await room.settle();
  assertEquals(count(ada, "left"), 1);
  bo.connect();
  await until(() => count(bo, "reconnected") === 1 || count(bo, "ended") === 1, "bo is back");
  await room.settle();
  assertEquals([count(bo, "ended"), names(ada)], [0, ["ada", "bo"]]);
});

Deno.test("a member that joins again while its renewal is being made waits for the renewal", async () => {
  const { room, bo } = await dayRoom();
  bo.cut();
  room.restart();
  room.clock.advance(3 * CREDENTIAL_LIFE_MS);
  bo.connect();
  // It begins to renew, and is challenged before it has.
  bo.member.tick();
  await until(() => count(bo, "reconnected") === 1 || count(bo, "ended") === 1, "bo is back");
  assertEquals(count(bo, "ended"), 0);
});

Deno.test("a clock that was days ahead for a while leaves no member with a renewal that others refuse", async () => {
  const { room, ada, bo } = await dayRoom();
  await hours(room, 6);
  await talkOver(room, 2 * CREDENTIAL_LIFE_MS);
  assertEquals([renewals(ada), renewals(bo)], [1, 1]);
  room.clock.advance(-2 * CREDENTIAL_LIFE_MS);
  await talkOver(room, 1_000);
  assertEquals([renewals(ada), renewals(bo)], [2, 2]);
  await hours(room, 26);
  const cy = await room.join("cy");
  assertEquals([names(cy), faults(cy)], [["ada", "bo", "cy"], []]);
  room.restart();
  for (const seat of [ada, bo]) seat.connect();
  await until(() => count(ada, "reconnected") + count(ada, "ended") > 0, "ada is back");
  assertEquals(count(ada, "ended"), 0);
});

Deno.test("the grace ends before a credential expires", async () => {
  const { room, bo } = await dayRoom({ graceMs: 3 * CREDENTIAL_LIFE_MS });
  bo.cut();
  await room.settle();
  room.clock.advance(RENEWAL_RESERVE_MS - 1);
  room.relay.tick();
  assertEquals(room.relay.size, 2);
  room.clock.advance(1);
  room.relay.tick();
  assertEquals([...room.relay.members()].map(({ credential }) => credential.name), ["ada"]);
});

Deno.test("a renewal made without a connection is sent after reconnecting", async () => {
  const { room, ada, bo } = await dayRoom();
  await talkOver(room, CREDENTIAL_LIFE_MS / 2 - 30_000);
  bo.cut();
  await talkOver(room, 40_000);
  assertEquals([renewals(ada), renewals(bo)], [1, 0]);
  bo.connect();
  await until(() => count(bo, "reconnected") === 1, "bo is back");
  assertEquals(renewals(bo), 1);
  await talkOver(room, CREDENTIAL_LIFE_MS / 2 + HOUR_MS);
  const cy = await room.join("cy");
  assertEquals([names(cy), faults(cy)], [["ada", "bo", "cy"], []]);
});

Deno.test("a newcomer refuses members whose renewal the relay omits or changes", async () => {
  const { room, ada } = await dayRoom();
  await hours(room, 25);
  const without = await room.join("cy", listing((one) => ({ ...one, renewal: NO_RENEWAL })));
  assertEquals([names(without), faults(without)], [["cy"], [
    "CREDENTIAL_EXPIRED",
    "CREDENTIAL_EXPIRED",
  ]]);
  const { renewal } = room.relay.members().find(({ credential }) => credential.name === "ada")!
    .member.listing;
  const exchanged = await room.join("di", listing((one) => ({ ...one, renewal })));
  // That of ada holds for ada, and for cy, who needs none.
  assertEquals([names(exchanged), faults(exchanged)], [["ada", "cy", "di"], ["BAD_CREDENTIAL"]]);
  assertEquals(faults(ada), []);
});

/** A credential for a second, long over, with its renewal to some time by some identity. */
async function renewed(expiresAt: number, by = 0, of = 0) {
  const now = 1_700_000_000_000;
  const keys = await pooledKeys(0);
  const { bytes } = await makeCredential("ada", keys, now - HOUR_MS);
  const other = await makeCredential("bo", await pooledKeys(1), now);
  const { member } = of === 0 ? await checkCredential(bytes, now - HOUR_MS) : other;
  const { privateKey } = (await pooledKeys(by)).identity;
  const renewal = await makeRenewal(privateKey, member, now + expiresAt);
  return async (change: (renewal: Bytes) => Bytes = (same) => same) => {
    try {
      return (await checkCredential(bytes, now, change(renewal))).expiresAt - now;
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      return error.code;
    }
  };
}

Deno.test("a renewal is valid for its credential, by its identity and for at most 24 hours and five minutes", async () => {
  const skew = 5 * 60_000;
  assertEquals(await (await renewed(HOUR_MS))(), HOUR_MS);
  assertEquals(await (await renewed(-skew))(), -skew);
  assertEquals(await (await renewed(-skew - 1))(), "CREDENTIAL_EXPIRED");
  assertEquals(await (await renewed(CREDENTIAL_LIFE_MS + skew))(), CREDENTIAL_LIFE_MS + skew);
  assertEquals(await (await renewed(CREDENTIAL_LIFE_MS + skew + 1))(), "BAD_CREDENTIAL");
  assertEquals(await (await renewed(HOUR_MS, 1))(), "BAD_CREDENTIAL");
  assertEquals(await (await renewed(HOUR_MS, 0, 1))(), "BAD_CREDENTIAL");
  const check = await renewed(HOUR_MS);
  for (const at of [7, 9, 10, 100, 265]) {
    const flip = (bytes: Bytes) => bytes.with(at, bytes[at]! ^ 1);
    assertEquals(await check(flip), "BAD_CREDENTIAL", `byte ${at}`);
  }
  assertEquals(await check((bytes) => bytes.slice(0, -1)), "BAD_CREDENTIAL");
  assertEquals(await check((bytes) => new Uint8Array([...bytes, 0])), "BAD_CREDENTIAL");
});

Deno.test("a valid credential needs no renewal, and no renewal can lengthen or end it", async () => {
  const now = 1_700_000_000_000;
  const { bytes, expiresAt } = await makeCredential("ada", await pooledKeys(0), now + HOUR_MS);
  const nonsense = new Uint8Array([1, 2, 3]);
  assertEquals((await checkCredential(bytes, now, nonsense)).expiresAt, expiresAt);
});

Deno.test("a relay lists a renewal that adds an hour and holds for a day at most, and refuses what is none", async () => {
  const { room, ada } = await dayRoom();
  const eve = await credentialOf("eve", 7, room.clock.now);
  const raw = await RawMember.join(room.relay, eve);
  const { member } = room.relay.members().find(({ credential }) => credential.name === "eve")!;
  const { privateKey } = eve.keys.identity;
  const renew = async (ms: number) => {
    const renewal = await makeRenewal(privateKey, eve.member, room.clock.now() + ms);
    raw.send(encodeRenew(renewal));
    await room.settle();
    return String(member.listing.renewal) === String(renewal);
  };
  // Its credential holds for an hour.
  assertEquals(await renew(2 * HOUR_MS - 1), false);
  assertEquals(await renew(2 * HOUR_MS), true);
  assertEquals(await renew(3 * HOUR_MS - 1), false);
  assertEquals(await renew(CREDENTIAL_LIFE_MS + 5 * 60_000 + 1), false);
  assertEquals(await renew(CREDENTIAL_LIFE_MS + 5 * 60_000), true);
  raw.send(encodeRenew(new Uint8Array([1, 2, 3])));
  await room.settle();
  assertEquals(raw.bye, "BAD_FRAME");
  assertEquals(count(ada, "ended"), 0);
});

Deno.test("a renewal that came with a join is not taken again, and is kept though the buffer is used again", async () => {
  const { room } = await dayRoom();
  const eve = await credentialOf("eve", 7, room.clock.now);
  const { privateKey } = eve.keys.identity;
  const end = room.clock.now() + 20 * HOUR_MS;
  const renewal = await makeRenewal(privateKey, eve.member, end);
  const raw = new RawMember(room.relay);
  const { transcript } = await raw.challenge();
  const join = await answerByJoining(eve, DIALLED, transcript, renewal);
  raw.send(join);
  await until(() => raw.frames(KIND.roster).length > 0, "eve is in");
  join.fill(0);
  const { member } = room.relay.members().find(({ credential }) => credential.name === "eve")!;
  const { listing } = member;
  assertEquals(listing.renewal, renewal);
  raw.send(encodeRenew(renewal));
  await room.settle();
  assertStrictEquals(member.listing, listing);
  const later = await makeRenewal(privateKey, eve.member, end + HOUR_MS);
  const frame = encodeRenew(later);
  raw.send(frame);
  await room.settle();
  frame.fill(0);
  assertEquals(member.listing.renewal, later);
});

Deno.test("a malformed or overlong renewal is refused, and so is one before joining", async () => {
  const eve = await credentialOf("eve", 7, Date.now);
  const read = (renewal: Bytes) => {
    const request = encodeJoinRequest({ credential: eve.bytes, renewal, dialled: DIALLED });
    const join = encodeProven(KIND.join, request, new Uint8Array(64));
    return readJoin(join.subarray(FRAME_HEADER_BYTES));
  };
  const renewal = (signature: number) =>
    new ByteWriter().u64(1).block16(new Uint8Array(signature)).finish();
  assertEquals(read(renewal(512)).renewal.length, MAX_RENEWAL_BYTES);
  assertThrows(() => read(renewal(513)), MalformedError);
  assertThrows(() => read(new Uint8Array([1, 2, 3])), MalformedError);
  assertEquals([newcomerBound(KIND.renew), memberBound(KIND.renew)], [
    undefined,
    MAX_RENEWAL_BYTES,
  ]);
});
