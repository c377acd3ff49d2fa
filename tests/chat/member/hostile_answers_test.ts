/**
 * A relay that has a member answer, keep and know more than it could have any use for.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { type Bytes, ByteWriter, concat, mapKey, sha256 } from "../../../lib/base/bytes.ts";
import {
  type Credential,
  MIN_CREDENTIAL_BYTES,
  type OwnCredential,
} from "../../../lib/chat/identity/credential.ts";
import { MAX_UNREAD_BYTES, Member } from "../../../lib/chat/member/member.ts";
import type { MemberEvent } from "../../../lib/chat/member/options.ts";
import { Roster } from "../../../lib/chat/member/roster.ts";
import { HASHED_MEMBERS } from "../../../lib/chat/member/time.ts";
import { MAX_CONTACTS } from "../../../lib/chat/member/stay.ts";
import { RosterPages } from "../../../lib/chat/relay/member.ts";
import {
  encodeChallengePayload,
  encodeCount,
  encodeEmpty,
  encodeJoined,
  encodeLeft,
  encodeMember,
  type Listing,
} from "../../../lib/chat/wire/control.ts";
import { MAX_UNACCEPTED_BYTES } from "../../../lib/chat/member/acknowledger.ts";
import { encodeEntries } from "../../../lib/chat/wire/envelope.ts";
import { encodeFrame } from "../../../lib/chat/wire/frame.ts";
import { isCounted, KIND, MAX_ROSTER, PROTOCOL_VERSION } from "../../../lib/chat/wire/kinds.ts";
import { Clock, credentialOf, pooledKeys, until } from "../room.ts";
import { repeated } from "../sealed_frame.ts";
import { quiet } from "../under_way.ts";

/** A member whose relay is the test. */
class Visit {
  readonly clock = new Clock();
  readonly sent: Bytes[] = [];
  readonly events: MemberEvent[] = [];
  readonly failures: unknown[] = [];
  readonly member: Member;
  waiting = 0;
  drops = 0;

  constructor(readonly self: OwnCredential) {
    const read = () => this.waiting;
    this.member = new Member({
      self,
      dialled: { host: "room.test", port: 4396 },
      now: this.clock.now,
      check: credentialFrom,
    }, {
      send: (bytes) => this.sent.push(bytes),
      get waiting() {
        return read();
      },
      drop: () => this.drops += 1,
      event: (event) => {
        this.events.push(event);
        queueMicrotask(() => this.member.displayed(this.events.length));
      },
      wake: () => {},
      fail: (error) => this.failures.push(error),
    });
  }

  static async begin(): Promise<Visit> {
    return new Visit(await credentialOf("ada", 0, new Clock().now));
  }

  /** Connects to a relay, and is challenged. */
  challenge(): void {
    this.member.connected();
    const nonce = new Uint8Array(32);
    const challenge = { version: PROTOCOL_VERSION, nonce, graceMs: 0xffff_ffff };
    this.member.receive(encodeFrame(KIND.challenge, encodeChallengePayload(challenge)));
  }

  /** Connects to a relay that lists members of its own making, and knows no other room. */
  async enter(room: number, members: number): Promise<void> {
    this.challenge();
    if (room > 1) {
      await until(() => this.count(KIND.resume) === room - 1, "it resumes");
      this.member.receive(encodeEmpty(KIND.unknown));
    }
    await until(() => this.count(KIND.join) === room, "it has answered");
    const id = new Uint8Array(32).fill(room);
    const pages = new RosterPages(listings(room, members)).snapshot(id, members);
    for (const piece of pages(new Uint8Array(32))) this.member.receive(piece);
    await this.member.settled;
  }

  /** How many frames of a kind it has sent. */
  count(kind: number): number {
    return this.sent.filter((bytes) => bytes[4] === kind).length;
  }

  get ended(): string | undefined {
    const event = this.events.find(({ kind }) => kind === "ended");
    return event?.kind === "ended" ? event.reason : undefined;
  }
}

/** Listings of a room, each of a credential that {@linkcode credentialFrom} takes. */
function* listings(room: number, count: number): Generator<Listing, void> {
  for (let number = 1; number <= count; number++) yield listing(room, number);
}

function listing(room: number, number: number): Listing {
  return {
    number,
    credential: new ByteWriter(MIN_CREDENTIAL_BYTES).u32(room).u32(number)
      .raw(new Uint8Array(MIN_CREDENTIAL_BYTES - 8)).finish(),
    renewal: new Uint8Array(),
  };
}

/** The signing key of all of them. */
const { publicKey } = await crypto.subtle.generateKey({ name: "Ed25519" }, false, [
  "sign",
  "verify",
]) as CryptoKeyPair;

async function credentialFrom(bytes: Bytes): Promise<Credential> {
  const member = await sha256(bytes);
  const key = mapKey(member);
  return {
    bytes,
    member,
    key,
    name: key,
    folded: key,
    fingerprint: key,
    session: (await pooledKeys(1)).session.publicKey,
    signing: publicKey,
    expiresAt: Infinity,
  };
}

/** How many pings a member answers at once. */
const PING_BURST = 8;

Deno.test("a flood of pings is answered a few times at once and then once a second", async () => {
  const visit = await Visit.begin();
  const entering = visit.enter(1, 0);
  visit.member.receive(encodeEmpty(KIND.ping));
  await entering;
  assertEquals(visit.count(KIND.pong), 0); // before the roster, nothing answers a ping
  const pings = repeated(encodeEmpty(KIND.ping), 10_000);
  for (let i = 0; i < 10; i++) visit.member.receive(pings);
  assertEquals(visit.count(KIND.pong), PING_BURST);
  visit.clock.advance(15_000);
  visit.member.receive(encodeEmpty(KIND.ping));
  assertEquals([visit.count(KIND.pong), visit.ended], [PING_BURST + 1, undefined]);
});

Deno.test("an `unknown` without a resume ends the session, and is not answered", async () => {
  const visit = await Visit.begin();
  visit.challenge();
  await until(() => visit.count(KIND.join) === 1, "it joins");
  for (let i = 0; i < 100; i++) visit.member.receive(encodeEmpty(KIND.unknown));
  await visit.member.settled;
  assertEquals([visit.count(KIND.join), visit.ended], [1, "BAD_RELAY"]);
});

Deno.test("a relay that says `unknown` twice to who resumes is answered once", async () => {
  const visit = await Visit.begin();
  await visit.enter(1, 0);
  visit.member.disconnected();
  visit.challenge();
  await until(() => visit.count(KIND.resume) === 1, "it resumes");
  visit.member.receive(repeated(encodeEmpty(KIND.unknown), 2));
  await quiet(() => visit.sent.length, () => visit.member.settled);
  assertEquals(visit.ended, "BAD_RELAY");
  assert(visit.count(KIND.join) <= 2);
});

Deno.test("a member drops a relay that reads none of its answers, and keeps one that accepts slowly", async () => {
  const visit = await Visit.begin();
  await visit.enter(1, 1);
  assert(visit.member.enter("x".repeat(60_000)).ok);
  await until(() => visit.count(KIND.sealed) === 1, "it is sealed");
  const own = counted(visit);
  visit.waiting = MAX_UNREAD_BYTES + own.reduce((sum, { length }) => sum + length + 64, 0);
  visit.member.receive(encodeCount(KIND.accepted, 0));
  assertEquals([visit.drops, visit.member.isAway], [0, false]);
  visit.waiting += 1;
  visit.member.receive(encodeCount(KIND.accepted, 0));
  await visit.member.settled;
  assertEquals([visit.drops, visit.member.isAway, visit.ended], [1, true, undefined]);
  const lost = visit.events.find(({ kind }) => kind === "disconnected");
  assertEquals(lost?.kind === "disconnected" ? lost.reason : undefined, "NO_ANSWER");
});

/** The counted frames that a member has sent. */
function counted({ sent }: Visit): Bytes[] {
  return sent.filter((bytes) => bytes[0] === 0 && isCounted(bytes[4]!));
}

function countedBytes(visit: Visit): number {
  return counted(visit).reduce((sum, { length }) => sum + length, 0);
}

Deno.test("a relay that accepts nothing gets about 16 MiB, and further lines wait", async () => {
  const visit = await Visit.begin();
  await visit.enter(1, 1);
  for (let i = 0; i < 270; i++) assert(visit.member.enter(`${i} `.padEnd(60_000, "x")).ok);
  await quiet(() => visit.sent.length);
  for (let i = 270; i < 400; i++) assert(visit.member.enter(`${i} `.padEnd(60_000, "x")).ok);
  await quiet(() => visit.sent.length);
  // Nobody needs to be told that this member is there by a relay that accepts nothing.
  visit.member.receive(encodeJoined(listing(1, 3)));
  await visit.member.settled;
  await quiet(() => visit.sent.length);
  const kept = countedBytes(visit);
  assert(
    kept > MAX_UNACCEPTED_BYTES - (1 << 17) && kept < MAX_UNACCEPTED_BYTES + (1 << 17),
    `${kept}`,
  );
  assertEquals(visit.count(KIND.here), 1);
  visit.member.receive(encodeCount(KIND.accepted, counted(visit).length));
  await quiet(() => visit.sent.length);
  assert(countedBytes(visit) > kept + (1 << 21), `${countedBytes(visit) - kept} bytes more`);
});

Deno.test("a relay that accepts nothing for a minute is lost, and sent the same frames over the next connection", async () => {
  const visit = await Visit.begin();
  await visit.enter(1, 1);
  for (let i = 0; i < 3; i++) assert(visit.member.enter("x".repeat(60_000)).ok);
  await quiet(() => visit.sent.length);
  const first = counted(visit);
  const wait = async (ms: number) => {
    visit.clock.advance(ms);
    visit.member.receive(encodeEmpty(KIND.ping));
    visit.member.tick();
    await visit.member.settled;
  };
  await wait(30_000);
  visit.member.receive(encodeCount(KIND.accepted, 1));
  await wait(30_000);
  await wait(29_000);
  assertEquals([visit.member.isAway, visit.ended], [false, undefined]);
  await wait(1_000);
  const lost = visit.events.findLast(({ kind }) => kind === "disconnected");
  assertEquals(lost?.kind === "disconnected" && [lost.reason, lost.detail], [
    "NO_ANSWER",
    "it has accepted nothing for 60 s",
  ]);
  assertEquals(counted(visit), first);
  visit.challenge();
  await until(() => visit.count(KIND.resume) === 1, "it resumes");
  visit.member.receive(encodeCount(KIND.resumed, 1));
  await visit.member.settled;
  await wait(1_000);
  assertEquals(visit.member.isIn, true);
  assertEquals(counted(visit).slice(first.length, 2 * first.length - 1), first.slice(1));
  await wait(30_000);
  await wait(30_000);
  assertEquals([visit.member.isAway, visit.ended, visit.failures], [true, undefined, []]);
});

Deno.test("a room of more than 10,000 members ends the session", async () => {
  const visit = await Visit.begin();
  await visit.enter(1, MAX_ROSTER - 1);
  assertEquals([visit.member.roster.size, visit.ended], [MAX_ROSTER, undefined]);
  visit.member.receive(encodeJoined(listing(1, MAX_ROSTER + 1)));
  await visit.member.settled;
  assertEquals([visit.member.roster.size, visit.ended], [MAX_ROSTER, "BAD_RELAY"]);
});

/** The digests that the runtime is asked for, by their lengths, while this is not disposed of. */
class Digests implements Disposable {
  readonly #digest = SubtleCrypto.prototype.digest;
  /** How many of at least so many bytes are under way, and were at most. */
  now = 0;
  most = 0;
  count = 0;

  constructor(least: number) {
    const [digest, counts] = [this.#digest, this];
    SubtleCrypto.prototype.digest = async function (this: SubtleCrypto, name, data) {
      const by = data.byteLength >= least ? 1 : 0;
      counts.count += by;
      counts.now += by;
      counts.most = Math.max(counts.most, counts.now);
      try {
        return await digest.call(this, name, data);
      } finally {
        counts.now -= by;
      }
    };
  }

  [Symbol.dispose](): void {
    SubtleCrypto.prototype.digest = this.#digest;
  }
}

/** Somebody joins and leaves so many times, in a room with `before` members listed. */
function comings(before: number, times: number): Bytes {
  return concat(Array.from({ length: times }, (_, i) => {
    const number = before + 2 + 2 * i;
    const left = { version: number + 1, member: number, reason: "LOST" as const };
    return concat([
      encodeJoined(listing(1, number)),
      encodeLeft({ ...left, statement: new Uint8Array() }),
    ]);
  })) as Bytes;
}

Deno.test("changes of a roster are hashed one after the other, and a relay is charged for all members at each", async () => {
  const members = 9_000;
  const { perSecond, burst } = HASHED_MEMBERS;
  const visit = await Visit.begin();
  await visit.enter(1, members);
  using digests = new Digests(32 * members);
  const atOnce = Math.floor(burst / (members + 1)) + 1;
  visit.member.receive(comings(members, Math.ceil(atOnce / 2) + 10));
  visit.member.receive(repeated(encodeMember(KIND.away, 1), 1_024));
  await quiet(() => digests.count);
  assert(visit.member.wakeAt < visit.clock.now() + 1_000, "a change is delayed");
  assert(Math.abs(digests.count - atOnce) <= 1, `${digests.count} of ${atOnce}`);
  assertEquals([digests.most, visit.member.full !== undefined], [1, true]);
  const before = digests.count;
  for (let i = 0; i < 10; i++) {
    visit.clock.advance(10);
    visit.member.tick();
    await quiet(() => digests.count);
  }
  const more = 0.1 * perSecond / members;
  assert(
    digests.count > before && digests.count - before <= more + 1,
    `${digests.count} of ${more}`,
  );
  // A person who leaves waits for nothing.
  visit.member.leave();
  visit.member.close();
  await visit.member.settled;
  assertEquals([visit.ended, visit.failures], ["LEFT", []]);
});

Deno.test("a room is not gone back to while changes of its roster wait in a member", async () => {
  const members = 5_000;
  const visit = await Visit.begin();
  await visit.enter(1, members);
  using digests = new Digests(32 * members);
  visit.member.receive(comings(members, 200));
  await quiet(() => digests.count);
  const known = visit.member.roster.version;
  assert(known < members + 400, `a change waits at ${known}`);
  visit.member.disconnected();
  visit.challenge();
  await until(() => visit.count(KIND.resume) === 1, "it resumes");
  visit.member.receive(encodeEmpty(KIND.unknown));
  await until(() => visit.count(KIND.join) === 2, "it joins");
  const pages = new RosterPages(listings(1, 1)).snapshot(new Uint8Array(32).fill(1), known);
  for (const piece of pages(new Uint8Array(32))) visit.member.receive(piece);
  for (let i = 0; i < 10 && visit.ended === undefined; i++) {
    visit.clock.advance(1_000);
    visit.member.tick();
    await quiet(() => digests.count);
  }
  assertEquals([visit.ended, visit.member.roster.version], ["BAD_RELAY", members + 401]);
});

Deno.test("receipts and asks of a version to come are not handled at each change before it", async () => {
  const members = 9;
  const visit = await Visit.begin();
  await visit.enter(1, members);
  let reads = 0;
  const entries = Array.from({ length: members }, (_, i) => ({
    member: i + 1,
    sequence: 1,
    version: members + 100,
    check: new Uint8Array(4),
    box: new Uint8Array(16),
  }));
  for (const kind of [KIND.receipt, KIND.ask] as const) {
    for (const frame of encodeEntries(kind, entries)) visit.member.receive(frame);
  }
  await visit.member.settled;
  const byNumber = Roster.prototype.byNumber;
  Roster.prototype.byNumber = function (this: Roster, number) {
    if (number <= members) reads += 1;
    return byNumber.call(this, number);
  };
  try {
    visit.member.receive(comings(members, 20));
    await visit.member.settled;
  } finally {
    Roster.prototype.byNumber = byNumber;
  }
  assertEquals([visit.member.roster.version, reads, visit.ended], [members + 41, 0, undefined]);
});

Deno.test("a member keeps a limited number of contacts over relays, and waits 12 hours at most for them", async () => {
  const visit = await Visit.begin();
  await visit.enter(1, 9_000);
  for (const room of [2, 3]) {
    visit.member.disconnected();
    await visit.enter(room, 9_000);
    assert(visit.member.peers().length <= MAX_CONTACTS + 1, `${visit.member.peers().length}`);
  }
  assertEquals(visit.member.peers().length, MAX_CONTACTS + 1);
  visit.clock.advance(12 * 60 * 60 * 1000);
  visit.member.tick();
  await visit.member.settled;
  assertEquals([visit.member.peers().length, visit.failures.length], [9_001, 0]);
});
