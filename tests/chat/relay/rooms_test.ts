// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { HostedRoom } from "../../../lib/chat/relay/hosted_room.ts";
import { encodeEmpty } from "../../../lib/chat/wire/control.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { RawMember } from "../raw_member.ts";
import { heard, RelayRoom } from "./relay_room.ts";

Deno.test("members of two rooms receive nothing from each other and may have the same name", async () => {
  const room = new RelayRoom();
  const ada = await room.join("ada", "north");
  const bo = await room.join("bo", "north");
  const other = await room.join("ada", "south");
  ada.raw.say();
  other.raw.say({ number: 9 });
  await room.settle();
  assertEquals([heard(bo.raw), heard(ada.raw), heard(other.raw)], [[1], [], []]);
  assertEquals([bo.raw.number, other.raw.number], [2, 1]);
  assertNotEquals(ada.raw.room, other.raw.room);
  const joined = room.events.flatMap((one) => one.kind === "joined" ? [one.roomName] : []);
  assertEquals(joined, ["north", "north", "south"]);
  // The relay's own room is the one without a name, and counts.
  assertEquals([room.relay.size, room.relay.state().rooms], [3, 3]);
});

Deno.test("the relay's own room has the configured name, and exists from the start", async () => {
  const room = new RelayRoom({ room: "home", graceMs: 10_000 });
  await room.pass(60_000);
  const ada = await room.join("ada", "home");
  assertEquals(ada.raw.room, room.relay.room);
});

Deno.test("the challenge is the same for existing and missing rooms", async () => {
  const room = new RelayRoom({ random: (length) => new Uint8Array(length).fill(7) });
  await room.join("ada", "there");
  const challenges = [];
  for (const name of ["there", "nowhere"]) {
    const raw = new RawMember(room.relay, name);
    await raw.challenge();
    challenges.push(raw.received.map(({ bytes }) => bytes));
  }
  assertEquals(challenges[0], challenges[1]);
  assertEquals(challenges[0]?.length, 1);
  assertEquals(room.relay.state().rooms, 2);
});

Deno.test("a join that is refused makes no room", async () => {
  const room = new RelayRoom({ allows: () => false });
  assertEquals((await room.join("ada", "new")).raw.bye, "NOT_ALLOWED");
  assertEquals(room.relay.state().rooms, 1);
});

Deno.test("a relay refuses a room above its limit, and closes an empty one for it", async () => {
  const room = new RelayRoom({ maxRooms: 2 });
  const ada = await room.join("ada", "one");
  assertEquals((await room.join("bo", "two")).raw.bye, "TOO_MANY_ROOMS");
  ada.raw.send(encodeEmpty(KIND.leave));
  await room.settle();
  assertEquals((await room.join("bo", "two")).raw.bye, undefined);
  assertEquals([...room.relay.rooms()].map(({ name }) => name), ["", "two"]);
});

Deno.test("an empty room is dropped after the grace, and the next one of its name has a new id", async () => {
  const room = new RelayRoom({ graceMs: 60_000 });
  const ada = await room.join("ada", "one");
  ada.raw.send(encodeEmpty(KIND.leave));
  await room.settle();
  await room.pass(59_999);
  assertEquals(room.relay.state().rooms, 2);
  const bo = await room.join("bo", "one");
  assertEquals(bo.raw.room, ada.raw.room);
  assertEquals(bo.raw.number, 3);
  bo.raw.close();
  await room.settle();
  // bo is away for the grace, and the empty room stays for another.
  await room.pass(60_000);
  assertEquals([room.relay.size, room.relay.state().rooms], [0, 2]);
  await room.pass(60_000);
  assertEquals(room.relay.state().rooms, 1);
  const cy = await room.join("cy", "one");
  assertNotEquals(cy.raw.room, ada.raw.room);
  assertEquals(cy.raw.number, 1);
});

Deno.test("a room without versions ends everybody with SHUTDOWN, and the relay's own is opened anew", async () => {
  const room = new RelayRoom();
  const [ada, bo] = [await room.join("ada"), await room.join("bo", "one")];
  const [worn] = room.relay.rooms();
  const first = room.relay.room;
  using _ = wearingOut(room.relay.rooms().toArray());
  await room.pass(1000);
  assertEquals([ada.raw.bye, bo.raw.bye], ["SHUTDOWN", "SHUTDOWN"]);
  assertEquals([...room.relay.rooms()].map(({ name }) => name), [""]);
  assertNotEquals([room.relay.room, worn!.id], [first, room.relay.room]);
  assertEquals((await room.join("cy")).raw.room, room.relay.room);
});

/** Takes away the versions of some rooms. */
function wearingOut(rooms: readonly HostedRoom[]): Disposable {
  for (const one of rooms) {
    Object.defineProperty(one, "isWornOut", { value: true, configurable: true });
  }
  return {
    [Symbol.dispose]: () => {
      for (const one of rooms) Reflect.deleteProperty(one, "isWornOut");
    },
  };
}

Deno.test("a resume in a room of another name or id is answered with `unknown`", async () => {
  const room = new RelayRoom();
  const ada = await room.join("ada", "one");
  ada.raw.close();
  await room.settle();
  const elsewhere = new RawMember(room.relay, "two");
  await elsewhere.resume(ada.self, ada.raw);
  assertEquals(elsewhere.frames(KIND.unknown).length, 1);
  const other = new RawMember(room.relay, "one");
  await other.resume(ada.self, { ...pick(ada.raw), room: new Uint8Array(32) });
  assertEquals(other.frames(KIND.unknown).length, 1);
  const right = new RawMember(room.relay, "one");
  await right.resume(ada.self, ada.raw);
  assert(right.frames(KIND.resumed).length === 1);
});

function pick({ room, number, counted, sent }: RawMember) {
  return { room, number, counted, sent };
}
