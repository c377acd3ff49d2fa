/**
 * Work that somebody has the relay do is charged to whoever causes it.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { encodeRoute, readBye } from "../../../lib/chat/wire/control.ts";
import { FrameReader } from "../../../lib/chat/wire/frame.ts";
import { BOUND, encodeGreeting, KIND, type Reason } from "../../../lib/chat/wire/kinds.ts";
import { until } from "../keys.ts";
import { fakeLink } from "../links.ts";
import { concatBytes, pairFrame, provenJoin } from "../raw_frames.ts";
import { DIALLED, RawMember } from "../raw_member.ts";
import { heard, RelayRoom } from "./relay_room.ts";

/** The members that were reported as too fast, by name. */
function slowed(room: RelayRoom): string[] {
  return room.events.flatMap((event) => event.kind === "slowed" ? [event.credential.name] : []);
}

Deno.test("a route of thousands of absent members is looked up once and charged to its sender", async () => {
  const room = new RelayRoom();
  const ada = await room.join("ada");
  const eve = await room.join("eve");
  const absent = Array.from({ length: 9_998 }, (_, i) => 1000 + i);
  eve.raw.send(encodeRoute({ route: 1, except: false, members: [...absent, 1] }));
  eve.raw.say({ route: 1 });
  await room.settle();
  assertEquals([heard(ada.raw), slowed(room)], [[1], []]);
  // A fan-out of 64 MiB at once is 26 declarations of that size.
  for (let i = 0; i < 40; i++) {
    eve.raw.send(encodeRoute({ route: 1, except: false, members: absent }));
  }
  await room.settle();
  assertEquals([slowed(room), eve.raw.ended], [["eve"], false]);
});

Deno.test("pair frames without a recipient in the room are charged as look-ups", async () => {
  const limits = { fanoutPerSecond: 10_000, framesPerSecond: 1e6, bytesPerSecond: 1e9 };
  const room = new RelayRoom({ limits });
  await room.join("ada");
  const eve = await room.join("eve");
  for (let i = 0; i < 70; i++) eve.raw.send(pairFrame(2, 1));
  await room.settle();
  assertEquals(slowed(room), []);
  for (let i = 0; i < 70; i++) eve.raw.send(pairFrame(2, 99));
  await room.settle();
  assertEquals(slowed(room), ["eve"]);
});

Deno.test("sealed frames over an empty route are charged as look-ups", async () => {
  const limits = { fanoutPerSecond: 10_000, framesPerSecond: 1e6, bytesPerSecond: 1e9 };
  const room = new RelayRoom({ limits });
  await room.join("ada");
  const eve = await room.join("eve");
  for (const route of [1, 2]) eve.raw.send(encodeRoute({ route, except: true, members: [1] }));
  for (let i = 0; i < 70; i++) eve.raw.say({ route: 1 + i % 2 });
  await room.settle();
  assertEquals(slowed(room), []);
  for (let i = 0; i < 20; i++) eve.raw.say({ route: 1 + i % 2 });
  await room.settle();
  assertEquals(slowed(room), ["eve"]);
});

Deno.test("a sealed frame is charged to its sender once for each recipient", async () => {
  const limits = { fanoutPerSecond: 50_000, framesPerSecond: 1e6, bytesPerSecond: 1e9 };
  const room = new RelayRoom({ limits });
  for (let i = 0; i < 5; i++) await room.join(`reader${i}`);
  const eve = await room.join("eve");
  // A burst of 100,000 bytes is 20,000 for each of five.
  eve.raw.say({ size: 18_000 });
  await room.settle();
  assertEquals(slowed(room), []);
  eve.raw.say({ size: 3_000 });
  await room.settle();
  assertEquals(slowed(room), ["eve"]);
});

Deno.test("acknowledgements of new frames are free, and others are not", async () => {
  const room = new RelayRoom({ limits: { framesPerSecond: 10 } });
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  for (let i = 0; i < 60; i++) {
    room.clock.advance(100);
    bo.raw.say({ number: i + 1 });
    await room.settle();
  }
  assertEquals([heard(ada.raw).length, slowed(room)], [60, []]);
  for (let i = 0; i < 60; i++) ada.raw.ack();
  await room.settle();
  assertEquals(slowed(room), ["ada"]);
});

Deno.test("a member that resumes again and again is charged for what it is sent once more", async () => {
  const MIB = 1 << 20;
  const room = new RelayRoom({ limits: { fanoutPerSecond: 4 * MIB } });
  const [eve, stuck] = [await room.join("eve"), await room.join("stuck")];
  stuck.raw.acknowledges = false;
  for (let number = 1; number <= 4; number++) eve.raw.say({ number, size: MIB / 2 });
  await room.settle();
  const resume = async () => {
    const next = new RawMember(room.relay);
    next.acknowledges = false;
    await next.resume(stuck.self, { ...pick(stuck.raw), counted: 0 });
    await room.settle();
    return next.bye ?? heard(next).length;
  };
  const answers = [];
  for (let i = 0; i < 8; i++) answers.push(await resume());
  // A little more than 2 MiB each time, and a burst of 8 MiB.
  assertEquals(answers, [4, 4, 4, 4, ...Array(4).fill("TOO_MANY_JOINS")]);
  room.clock.advance(600);
  assertEquals(await resume(), 4);
});

Deno.test("a member that has acknowledged everything pays only for its resumes", async () => {
  const room = new RelayRoom({ limits: { framesPerSecond: 1000 } });
  const [eve, bo] = [await room.join("eve"), await room.join("bo")];
  for (let number = 1; number <= 4; number++) eve.raw.say({ number, size: 1 << 19 });
  await room.settle();
  let { raw } = bo;
  for (let i = 0; i < 19; i++) {
    raw = await room.resume({ ...bo, raw });
    assertEquals([raw.bye, heard(raw)], [undefined, []]);
  }
});

function pick({ room, number, sent }: RawMember) {
  return { room, number, sent };
}

/** A connection that says where it comes from. */
class Caller {
  readonly #connection;
  readonly #reader = new FrameReader(() => BOUND.frame);
  readonly #room: RelayRoom;
  readonly #roomName: string;
  #challenge: Bytes | undefined;
  isIn = false;
  bye: Reason | undefined;

  constructor(room: RelayRoom, hostname: string, roomName = "") {
    this.#room = room;
    this.#roomName = roomName;
    const link = fakeLink({ send: (bytes) => this.#take(bytes) });
    this.#connection = room.relay.connect(link, { hostname, port: 1 });
    if (this.bye === undefined) this.#connection.receive(encodeGreeting(roomName));
  }

  #take(bytes: Bytes): void {
    for (const { kind, payload } of this.#reader.push(bytes)) {
      if (kind === KIND.bye) this.bye = readBye(payload);
      else if (kind === KIND.roster) this.isIn = true;
      else if (kind === KIND.challenge) this.#challenge = payload.slice();
    }
  }

  /** Joins, by a proof that holds or not. */
  async join(name: string, keyIndex: number, holds: boolean): Promise<void> {
    const self = await this.#room.credential(name, keyIndex);
    const challenge = holds ? this.#challenge! : new Uint8Array(37);
    const transcript = concatBytes(encodeGreeting(this.#roomName), challenge);
    this.#connection.receive(await provenJoin(self, transcript, DIALLED));
  }

  /** Loses its connection. */
  cut(): void {
    this.#connection.disconnected();
  }
}

Deno.test("connections of one address displace each other, and a newcomer of another address joins", async () => {
  const room = new RelayRoom({
    limits: { pending: 50, perAddress: 1e6, joinsPerAddress: 1e6 },
  });
  const [ada, bo] = [await room.join("ada", "", 0), await room.join("bo", "", 1)];
  const junk: Caller[] = [];
  const pour = (count: number) => {
    for (let i = 0; i < count; i++) junk.push(new Caller(room, "192.0.2.1"));
  };
  pour(60);
  const honest = new Caller(room, "198.51.100.7");
  pour(60);
  assertEquals(junk.filter(({ bye }) => bye === "TOO_MANY_PENDING").length, 71);
  assertEquals([honest.bye, room.relay.pending], [undefined, 50]);
  // Proofs that do not hold, one after another.
  const joins = junk.filter(({ bye }) => bye === undefined).map((one) => one.join("x", 7, false));
  await Promise.all(joins);
  await honest.join("cy", 6, true);
  pour(60);
  await until(() => honest.isIn, "the newcomer is in");
  assertEquals(honest.bye, undefined);
  assert(junk.some(({ bye }) => bye === "BAD_PROOF"));
  ada.raw.say();
  await room.settle();
  assertEquals(heard(bo.raw), [1]);
});

Deno.test("what an address or an identity asks for beyond its limits is refused with the reason", async () => {
  const room = new RelayRoom({ limits: { perAddress: 2, joinsPerAddress: 1, rejoins: 1 } });
  const [one, two] = [new Caller(room, "192.0.2.1"), new Caller(room, "192.0.2.1")];
  assertEquals(new Caller(room, "192.0.2.1").bye, "TOO_MANY_FROM_ADDRESS");
  await one.join("ada", 0, true);
  await two.join("bo", 1, true);
  assertEquals(two.bye, "TOO_MANY_JOINS");
  await until(() => one.isIn, "it is in");
  const again = new Caller(room, "198.51.100.7");
  await again.join("ada", 0, true);
  await until(() => again.bye !== undefined, "it is refused");
  assertEquals([again.bye, one.bye], ["TOO_MANY_JOINS", undefined]);
});

Deno.test("one address cannot keep all rooms by members that are away: it gives up the one that is away for longest", async () => {
  const room = new RelayRoom({ maxRooms: 7 });
  const names = () => [...room.relay.rooms()].map(({ name }) => name);
  let last: Caller | undefined;
  const open = async (hostname: string, roomName: string, isCut: boolean) => {
    const caller = new Caller(room, hostname, roomName);
    await caller.join("ada", 0, true);
    await until(() => caller.isIn || caller.bye !== undefined, "it is in or refused");
    room.clock.advance(100);
    if (isCut) caller.cut();
    last = caller;
    return caller.bye;
  };
  await open("127.0.0.1", "local1", true);
  await open("127.0.0.1", "local2", true);
  await open("198.51.100.1", "one", true);
  await open("203.0.113.9", "many1", false);
  const first = last!;
  for (const name of ["many2", "many3"]) await open("203.0.113.9", name, true);
  room.clock.advance(100);
  first.cut();
  // The one that has the most gets no more.
  assertEquals(await open("203.0.113.9", "many4", true), "TOO_MANY_ROOMS");
  assertEquals(await open("198.51.100.2", "two", false), undefined);
  assertEquals(names(), ["", "local1", "local2", "one", "many1", "many3", "two"]);
  assertEquals(await open("198.51.100.3", "three", false), undefined);
  assertEquals(names(), ["", "local1", "local2", "one", "many1", "two", "three"]);
  // Nobody gives up its only room, and this machine none.
  assertEquals(await open("198.51.100.4", "four", false), "TOO_MANY_ROOMS");
  const left = room.events.flatMap((event) =>
    event.kind === "left" ? [`${event.roomName} ${event.reason}`] : []
  );
  assertEquals(left, ["many2 LOST", "many3 LOST"]);
});

Deno.test("a room in which somebody is connected gives way to none", async () => {
  const room = new RelayRoom({ maxRooms: 4 });
  const callers = [];
  for (const name of ["one", "two", "three"]) {
    const caller = new Caller(room, "203.0.113.9", name);
    await caller.join("ada", 0, true);
    await until(() => caller.isIn, "it is in");
    callers.push(caller);
  }
  const next = new Caller(room, "198.51.100.1", "four");
  await next.join("bo", 1, true);
  await until(() => next.bye !== undefined, "it is refused");
  assertEquals([next.bye, room.relay.size], ["TOO_MANY_ROOMS", 3]);
  callers[1]!.cut();
  const again = new Caller(room, "198.51.100.1", "four");
  await again.join("bo", 1, true);
  await until(() => again.isIn, "it is in");
  assertEquals([...room.relay.rooms()].map(({ name }) => name), ["", "one", "three", "four"]);
});
