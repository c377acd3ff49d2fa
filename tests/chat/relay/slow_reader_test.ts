/**
 * Members that do not read, do not acknowledge or are away: nobody else waits for them, and nobody is removed for what
 * others send.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import {
  encodeEmpty,
  encodeMember,
  readBehind,
  readLeft,
  readMember,
} from "../../../lib/chat/wire/control.ts";
import { mapKey } from "../../../lib/base/bytes.ts";
import { checkCredential, type OwnCredential } from "../../../lib/chat/identity/credential.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { RawMember } from "../raw_member.ts";
import { heard, RelayRoom, type Seat, told } from "./relay_room.ts";

const SIZE = 512 << 10;

/** A room of ada, bo and stuck, whose last member acknowledges nothing. */
async function stuckRoom() {
  const room = new RelayRoom();
  const [ada, bo, stuck] = [
    await room.join("ada"),
    await room.join("bo"),
    await room.join("stuck"),
  ];
  stuck.raw.acknowledges = false;
  return { room, ada, bo, stuck };
}

/** Sends large sealed frames with consecutive numbers. */
async function flood(room: RelayRoom, { raw }: Seat, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number++) {
    raw.say({ number, size: SIZE });
    await room.settle();
  }
}

function behind({ raw }: Seat) {
  return raw.frames(KIND.behind).map(readBehind);
}

Deno.test("a member that never acknowledges delays nobody, and frames above its limit are left out", async () => {
  const { room, ada, bo, stuck } = await stuckRoom();
  await flood(room, ada, 1, 40);
  assertEquals(heard(bo.raw).length, 40);
  // 4 MiB are sent, 4 MiB wait, and the rest is left out: from the first that waited.
  assertEquals(heard(stuck.raw), [1, 2, 3, 4, 5, 6, 7]);
  assertEquals(behind(ada), [{ member: 3, number: 8 }]);
  assertEquals(behind(bo), []);
  assertEquals([room.relay.size, stuck.raw.ended], [3, false]);
  // The feed is not held by it.
  const [rooms] = room.relay.rooms();
  assert(rooms!.kept < 10, `${rooms!.kept} deliveries are kept`);
});

Deno.test("a member that is behind gets pair frames and others' frames, and sealed ones again after rejoin", async () => {
  const { room, ada, bo, stuck } = await stuckRoom();
  await flood(room, ada, 1, 20);
  assertEquals(behind(ada), [{ member: 3, number: 8 }]);
  stuck.raw.acknowledges = true;
  stuck.raw.ack();
  await room.settle();
  bo.raw.say({ number: 100 });
  ada.raw.whisper(3);
  ada.raw.say({ number: 21 });
  await room.settle();
  assertEquals(heard(stuck.raw).slice(7), [100]);
  assertEquals(stuck.raw.frames(KIND.pair).length, 1);
  ada.raw.send(encodeMember(KIND.rejoin, 3));
  ada.raw.say({ number: 22 });
  await room.settle();
  assertEquals(heard(stuck.raw).slice(7), [100, 22]);
  assertEquals(heard(bo.raw).at(-1), 22);
});

Deno.test("pair frames that are left out are dropped from the oldest on, without a notice", async () => {
  const { room, ada, stuck } = await stuckRoom();
  for (let i = 0; i < 30; i++) {
    ada.raw.whisper(3, SIZE + i);
    await room.settle();
  }
  assertEquals(behind(ada), []);
  stuck.raw.acknowledges = true;
  stuck.raw.ack();
  await room.settle();
  const sizes = stuck.raw.frames(KIND.pair).map(({ length }) => length - sizeOfPair());
  assertEquals(sizes.slice(0, 7), [0, 1, 2, 3, 4, 5, 6]);
  assertEquals(sizes.at(-1), 29);
  assert(sizes.length < 16, `${sizes.length} came`);
});

function sizeOfPair(): number {
  return SIZE + 22 + 2 + 64;
}

Deno.test("the relay leaves out frames of the sender with the most waiting bytes, and none of a quiet sender", async () => {
  const { room, ada, bo, stuck } = await stuckRoom();
  for (let number = 1; number <= 20; number++) {
    ada.raw.say({ number, size: SIZE });
    bo.raw.say({ number: 1000 + number });
    await room.settle();
  }
  assertEquals([behind(ada).length, behind(bo).length], [1, 0]);
  stuck.raw.acknowledges = true;
  stuck.raw.ack();
  await room.settle();
  const numbers = heard(stuck.raw).filter((number) => number > 1000);
  assertEquals(numbers, Array.from({ length: 20 }, (_, i) => 1001 + i));
});

Deno.test("a member without a connection is left out in the same way, and gets what was kept, once, in order", async () => {
  const { room, ada, stuck } = await stuckRoom();
  stuck.raw.close();
  await room.settle();
  await flood(room, ada, 1, 20);
  const [{ number } = { number: 0 }] = behind(ada);
  assertEquals([behind(ada).length, number], [1, 1]);
  ada.raw.whisper(3);
  const back = await room.resume(stuck);
  assertEquals([heard(back), back.frames(KIND.pair).length], [[], 1]);
});

Deno.test("a connected member that acknowledges nothing for 60 s while frames wait is away until its next `ack`", async () => {
  const { room, ada, bo, stuck } = await stuckRoom();
  ada.raw.say();
  await room.settle();
  for (let s = 0; s < 59; s += 10) {
    await room.pass(9_900);
    for (const { raw } of [ada, bo, stuck]) raw.send(encodeEmpty(KIND.pong));
    await room.settle();
  }
  assertEquals(ada.raw.frames(KIND.away), []);
  await room.pass(600);
  assertEquals(ada.raw.frames(KIND.away).map(readMember), [3]);
  assertEquals(told(room).at(-1), "away stuck");
  // That starts no grace.
  for (let s = 0; s < 200; s += 10) {
    await room.pass(10_000);
    for (const { raw } of [ada, bo, stuck]) raw.send(encodeEmpty(KIND.pong));
    await room.settle();
  }
  assertEquals([room.relay.size, stuck.raw.ended], [3, false]);
  stuck.raw.ack();
  await room.settle();
  assertEquals(ada.raw.frames(KIND.back).map(readMember), [3]);
});

Deno.test("a member for which nothing waits is never away while connected, and neither is one that speaks", async () => {
  const { room, ada, bo, stuck } = await stuckRoom();
  const pass = async () => {
    for (let s = 0; s < 120; s += 10) {
      await room.pass(10_000);
      for (const { raw } of [ada, bo]) raw.send(encodeEmpty(KIND.pong));
      stuck.raw.say();
      await room.settle();
    }
  };
  await pass();
  ada.raw.say();
  await pass();
  assertEquals(ada.raw.frames(KIND.away), []);
});

Deno.test("a member that reads nothing while it asks for answers loses its connection, and may come back", async () => {
  const room = new RelayRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const { connection } = [...room.relay.members()][1]!;
  // Its link says that much waits.
  Object.defineProperty(connection!.link, "waiting", { value: 7 << 20 });
  bo.raw.send(encodeEmpty(KIND.ping));
  await room.settle();
  assertEquals([bo.raw.bye, room.relay.size], ["LOST", 2]);
  assertEquals((await room.resume(bo)).frames(KIND.resumed).length, 1);
  assertEquals(ada.raw.ended, false);
});

Deno.test("a member that is away is not told of those that came and went meanwhile, and stays until its own grace is over", async () => {
  const room = new RelayRoom({ graceMs: 600_000 });
  const [ada, bo, cy, dee] = [
    await room.join("ada"),
    await room.join("bo"),
    await room.join("cy"),
    await room.join("dee"),
  ];
  ada.raw.close();
  await flood(room, bo, 1, 6); // more than the room keeps for all
  let { raw } = cy;
  for (let i = 0; i < 5; i++) {
    raw.close();
    await room.settle();
    await room.pass(2_000);
    raw = await room.resume({ ...cy, raw });
  }
  dee.raw.close();
  await room.settle();
  await room.pass(2_000);
  assertEquals(bo.raw.frames(KIND.back).length, 5);
  const [{ outbox } = { outbox: undefined }] = room.relay.members();
  assertEquals([outbox?.isOwn, outbox?.kept], [true, 6]);
  const back = await room.resume(ada);
  assertEquals(back.frames(KIND.away).map(readMember), [dee.raw.number]);
  assertEquals([back.frames(KIND.back), heard(back).length], [[], 6]);
});

Deno.test("a member that falls behind too many joinings and leavings ends as LOST, and the others are told", async () => {
  const known = new Map<string, OwnCredential>();
  const room = new RelayRoom({
    graceMs: 3_600_000,
    limits: { rejoins: 1_000_000 },
    check: async (bytes, now, renewal) =>
      known.get(mapKey(bytes)) ?? await checkCredential(bytes, now, renewal),
  });
  const ada = await room.join("ada");
  const stuck = await room.join("stuck");
  stuck.raw.close();
  await room.settle();
  const guests = await Promise.all(
    Array.from({ length: 64 }, (_, i) => room.credential(`guest${i}`, 2)),
  );
  for (const self of guests) known.set(mapKey(self.bytes), self);
  // One that comes again after it was heard has left before.
  const come = async (self: OwnCredential) => {
    const raw = await RawMember.join(room.relay, self);
    raw.ack(0);
  };
  for (let i = 0; i < 130; i++) await Promise.all(guests.map(come));
  await room.settle();
  assertEquals(told(room).filter((line) => line.includes("stuck")).at(-1), "left stuck LOST");
  assertEquals(
    ada.raw.frames(KIND.left).map(readLeft).filter(({ member }) => member === 2).length,
    1,
  );
});
