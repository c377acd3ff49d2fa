/**
 * A relay that dies and comes back as another: members tell each other how far they have shown one another, and
 * what is missing is said again, to those who lack it and to nobody else.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import type { MemberEvent } from "../../../lib/chat/member/options.ts";
import type { Policy } from "../../../lib/chat/member/roster.ts";
import { readSealed } from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { Copies, count, faults, type Seat, shown, type Tamper, TestRoom, until } from "../room.ts";

/** How long the relay waits for a member that is away, in milliseconds. */
const GRACE_MS = 5_000;

/** The ids of the events of a kind. */
function ids(seat: Seat, kind: "message" | "delivered" | "sent"): string[] {
  return seat.events.flatMap((event: MemberEvent) =>
    event.kind !== kind ? [] : event.kind === "message" ? [event.id] : [event.line.id]
  );
}

/** Everyone makes a connection, in order. */
async function reconnect(room: TestRoom, ...seats: Seat[]): Promise<void> {
  for (const seat of seats) {
    seat.connect();
    await until(() => seat.member.isIn, `${seat.self.name} is in`);
  }
  await room.settle();
}

/** Keeps the frames of a kind that came to a member. */
function keeping(kind: number, into: Bytes[]): Tamper {
  return (frame) => {
    if (frame.kind === kind) into.push(frame.bytes.slice(FRAME_HEADER_BYTES));
    return [frame.bytes];
  };
}

Deno.test("a contact that has shown everything is sent nothing again in the next room, whatever receipts were lost", async () => {
  const room = new TestRoom();
  let isLossy = true;
  const ada = await room.join(
    "ada",
    ({ kind, bytes }) => isLossy && kind === KIND.receipt ? [] : [bytes],
  );
  const bo = await room.join("bo");
  ada.member.enter("hello");
  await room.settle();
  assertEquals([shown(bo), count(ada, "delivered")], [["ada: hello"], 0]);
  isLossy = false;
  room.restart();
  using copies = new Copies();
  await reconnect(room, ada, bo);
  assertEquals([count(ada, "delivered"), copies.count], [1, 0]);
});

Deno.test("a line that waits from an earlier room is sent to each contact alone, because its version is of that room", async () => {
  const room = new TestRoom();
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  ada.member.enter("before");
  await room.settle();
  ada.cut();
  ada.member.enter("waits");
  room.restart();
  const before = ada.sent.length;
  // In this room, bo has a number that is not above the line's version.
  await reconnect(room, bo, ada);
  const kinds = ada.sent.slice(before).map((bytes) => bytes[4]);
  assertEquals(shown(bo), ["ada: before", "ada: waits"]);
  assertEquals([kinds.includes(KIND.sealed), kinds.includes(KIND.pair)], [false, true]);
});

Deno.test("a contact whose name an accepted newcomer has in the next room has left", async () => {
  const room = new TestRoom();
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  ada.member.enter("hello");
  await room.settle();
  room.restart();
  const before = ada.events.length;
  await room.join("zoe");
  await reconnect(room, ada);
  await room.enter("Bo", undefined, 7);
  await room.settle();
  const news = ada.events.slice(before).flatMap((event) => {
    if (event.kind === "left") return [`left ${event.peer.credential.name} ${event.reason}`];
    if (event.kind !== "joined") return [];
    return [`joined ${event.peer.credential.name}, ${event.present ? "was there" : "is new"}`];
  });
  assertEquals(news, ["joined zoe, is new", "left bo REPLACED", "joined Bo, is new"]);
  assertEquals(ada.member.peers().map(({ credential }) => credential.name).sort(), [
    "Bo",
    "ada",
    "zoe",
  ]);
  bo.close();
});

Deno.test("messages lost with a relay are sent again under the same ids and shown once", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const cy = await room.join("cy");
  ada.member.enter("one");
  await room.settle();
  // bo is cut off: of what follows it gets nothing before the relay dies.
  bo.cut();
  ada.member.enter("two");
  ada.member.enter("three");
  await room.settle();
  assertEquals([shown(bo).length, shown(cy).length, count(ada, "delivered")], [1, 3, 1]);
  room.restart();
  await reconnect(room, ada, bo, cy);
  for (const seat of [bo, cy]) assertEquals(shown(seat), ["ada: one", "ada: two", "ada: three"]);
  assertEquals(ids(bo, "message"), ids(cy, "message"));
  assertEquals(ids(ada, "delivered"), ids(bo, "message"));
  assertEquals(ids(ada, "sent"), ids(bo, "message"));
  for (const seat of [ada, bo, cy]) {
    assertEquals([faults(seat), count(seat, "left"), count(seat, "reconnected")], [[], 0, 1]);
  }
  assertEquals(ada.member.backlog, { lines: 0, held: 0, bytes: 0, unsent: 0 });
});

Deno.test("the order in which members come back to a relay does not matter", async () => {
  const orders = [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]];
  for (const order of orders) {
    const room = new TestRoom();
    const seats = [await room.join("ada"), await room.join("bo"), await room.join("cy")];
    for (const seat of seats) seat.member.enter("before");
    room.restart();
    for (const seat of seats) seat.member.enter("without a relay");
    for (const at of order) {
      await reconnect(room, seats[at]!);
      for (const seat of seats) seat.member.enter(`once ${seats[at]!.self.name} is back`);
    }
    await room.settle();
    for (const seat of seats) {
      for (const other of seats.filter((one) => one !== seat)) {
        const { name } = other.self;
        const back = order.map((at) => `${name}: once ${seats[at]!.self.name} is back`);
        assertEquals(
          shown(seat).filter((line) => line.startsWith(`${name}:`)),
          [`${name}: before`, `${name}: without a relay`, ...back],
          `${seat.self.name} of ${name}, in the order ${order}`,
        );
      }
      assertEquals([faults(seat), count(seat, "delivered")], [[], 5]);
    }
  }
});

Deno.test("a line is sent again to its recipients only", async () => {
  const room = new TestRoom();
  const sealed: Bytes[] = [];
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  bo.cut();
  ada.member.enter("for bo alone");
  await room.settle();
  const cy = await room.join("cy", keeping(KIND.sealed, sealed));
  room.restart();
  const di = await room.enter("di", keeping(KIND.sealed, sealed));
  await until(() => count(di, "ready") === 1, "di is in");
  await reconnect(room, cy, ada, bo);
  assertEquals([shown(bo), shown(cy), shown(di)], [["ada: for bo alone"], [], []]);
  assertEquals(sealed, []);
  assertEquals(count(ada, "delivered"), 1);
  ada.member.enter("for all");
  await room.settle();
  for (const seat of [bo, cy, di]) assertEquals(shown(seat).at(-1), "ada: for all");
});

Deno.test("a message that a member has shown is not sent to it again", async () => {
  using copies = new Copies();
  const room = new TestRoom();
  const pairs: Bytes[] = [];
  const ada = await room.join("ada");
  const bo = await room.join("bo", keeping(KIND.pair, pairs));
  const cy = await room.join("cy");
  // cy shows nothing: all that ada says is undelivered, though bo has shown it.
  cy.showing = false;
  for (let i = 0; i < 3; i++) {
    ada.member.enter(`line ${i}`);
    await room.settle();
  }
  assertEquals([shown(bo).length, count(ada, "delivered")], [3, 0]);
  pairs.length = 0;
  room.restart();
  await reconnect(room, bo, ada);
  assertEquals(pairs, []);
  assertEquals([copies.count, count(ada, "delivered")], [0, 0], "cy is not back");
  cy.showing = true;
  cy.member.displayed(cy.events.length);
  await reconnect(room, cy);
  assertEquals(count(ada, "delivered"), 3);
});

Deno.test("a receipt acknowledges a line only after the line is shown", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  bo.showing = false;
  ada.member.enter("seen by nobody yet");
  await room.settle();
  assertEquals(shown(bo).length, 1, "it waits for its screen");
  room.restart();
  await reconnect(room, ada, bo);
  assertEquals(count(ada, "delivered"), 0);
  bo.member.displayed(bo.events.length);
  await room.settle();
  assertEquals([count(ada, "delivered"), shown(bo).length], [1, 1]);
});

/** How a sender comes to be received anew: its recipient knows another number of it, or is in another room. */
const ANEW: Record<string, (room: TestRoom, ada: Seat, bo: Seat) => Promise<void>> = {
  "another stay of its sender": async (room, ada) => {
    ada.cut();
    await room.settle();
    await room.pass(GRACE_MS);
    await reconnect(room, ada);
  },
  "another room": async (room, ada, bo) => {
    room.restart();
    await reconnect(room, ada, bo);
  },
};

for (const [what, receiveAnew] of Object.entries(ANEW)) {
  Deno.test(`in ${what}, a receipt over another connection acknowledges only what is shown`, async () => {
    const room = new TestRoom({ graceMs: GRACE_MS });
    const ada = await room.join("ada");
    const bo = await room.join("bo");
    ada.member.enter("shown");
    await room.settle();
    bo.showing = false;
    ada.member.enter("not shown yet");
    await room.settle();
    await receiveAnew(room, ada, bo);
    bo.cut();
    await reconnect(room, bo);
    assertEquals(
      [shown(bo).length, ids(ada, "delivered").length],
      [2, 1],
      "it waits for its screen",
    );
    bo.member.displayed(bo.events.length);
    await room.settle();
    assertEquals([shown(bo).length, ids(ada, "delivered").length], [2, 2]);
    assertEquals(ada.events.filter((event) => "missed" in event && event.kind === "delivered"), []);
  });
}

Deno.test("a member that does not come to the restarted relay is away, and has left when the grace is over", async () => {
  const room = new TestRoom({ graceMs: 30_000 });
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const cy = await room.join("cy");
  bo.cut();
  ada.member.enter("to both");
  await room.settle();
  room.restart();
  await reconnect(room, ada, cy);
  // Cy was back a moment after ada, and nobody heard that it had been away; of bo it is said after a while.
  assertEquals(ada.member.peers().map(({ away }) => away), [false, false, true]);
  await room.pass(2_999);
  assertEquals([count(ada, "away"), count(ada, "back")], [0, 0]);
  await room.pass(1);
  const away = ada.events.flatMap((e) => e.kind === "away" ? [e.peer.credential.name] : []);
  assertEquals(away, ["bo"]);
  await room.pass(26_999);
  assertEquals([count(ada, "left"), count(ada, "delivered")], [0, 0]);
  await room.pass(1);
  assertEquals([count(ada, "left"), count(ada, "delivered")], [1, 1]);
  // Too late: it joins like anybody else, and what was not promised any longer is not shown.
  await reconnect(room, bo);
  assertEquals(shown(bo), []);
  assertEquals(count(ada, "joined"), 3);
});

Deno.test("a member says that it is back before it says of others that they are away, or back", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  room.restart();
  await reconnect(room, ada);
  await room.pass(3_000);
  await reconnect(room, bo);
  await room.settle();
  // Bo meets ada at once: of it there is nothing to say.
  const told = (seat: Seat) =>
    seat.events.map(({ kind }) => kind).filter((kind) => kind !== "confirmed").slice(-3);
  assertEquals(told(ada), ["reconnected", "away", "back"]);
  assertEquals(told(bo).at(-1), "reconnected");
  // A second restart, right after the first was over: nobody is told to be away twice, or back without it.
  room.restart();
  await reconnect(room, ada);
  await room.pass(1_000);
  room.restart();
  await reconnect(room, ada);
  await room.pass(1_000);
  await reconnect(room, bo);
  await room.pass(5_000);
  assertEquals([count(ada, "away"), count(ada, "back"), count(ada, "left")], [1, 1, 0]);
});

Deno.test("private lines come again as private, and in their place among the others", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const cy = await room.join("cy");
  bo.cut();
  ada.member.enter("one");
  ada.member.enter("two", "bo");
  ada.member.enter("three");
  await room.settle();
  room.restart();
  ada.member.enter("four", "bo");
  await reconnect(room, ada, cy, bo);
  assertEquals(
    bo.events.flatMap((e) => e.kind === "message" ? [[e.text, e.private]] : []),
    [["one", false], ["two", true], ["three", false], ["four", true]],
  );
  assertEquals(shown(cy), ["ada: one", "ada: three"]);
  assertEquals(count(ada, "delivered"), 4);
});

Deno.test("a member that was excluded later is not sent earlier lines again", async () => {
  const room = new TestRoom();
  const excluded = new Set<string>();
  const policy: Policy = {
    obstacle: ({ credential }) => excluded.has(credential.name) ? "is excluded" : undefined,
    hides: () => false,
  };
  room.policies.set("ada", policy);
  const ada = await room.join("ada");
  const sealed: Bytes[] = [];
  const bo = await room.join("bo", keeping(KIND.sealed, sealed));
  bo.cut();
  ada.member.enter("a secret");
  await room.settle();
  room.restart();
  excluded.add("bo");
  await reconnect(room, ada, bo);
  assertEquals([shown(bo), sealed, count(ada, "delivered")], [[], [], 1]);
});

Deno.test("a relay that is killed and restarted ten times loses nothing", async () => {
  const room = new TestRoom();
  const seats = [await room.join("ada"), await room.join("bo"), await room.join("cy")];
  for (let round = 1; round <= 10; round++) {
    for (const seat of seats) seat.member.enter(`line ${round}`);
    for (let turn = 0; turn < round % 5; turn++) await new Promise((go) => setTimeout(go, 1));
    room.restart();
    for (const seat of seats) seat.connect();
  }
  await until(() => seats.every((seat) => shown(seat).length === 20), "all have read all");
  await room.settle();
  for (const seat of seats) {
    for (const { self: { name } } of seats.filter((one) => one !== seat)) {
      assertEquals(
        shown(seat).filter((line) => line.startsWith(`${name}:`)),
        Array.from({ length: 10 }, (_, i) => `${name}: line ${i + 1}`),
      );
    }
    assertEquals([faults(seat), count(seat, "delivered"), count(seat, "left")], [[], 10, 0]);
  }
});

Deno.test("a repeated message goes to one member alone, and the next line to all under a fresh chain", async () => {
  const room = new TestRoom();
  const sealed: Bytes[] = [];
  const ada = await room.join("ada");
  const bo = await room.join("bo", keeping(KIND.sealed, sealed));
  ada.member.enter("before");
  await room.settle();
  bo.cut();
  ada.member.enter("again");
  await room.settle();
  room.restart();
  await reconnect(room, ada, bo);
  assertEquals([shown(bo), sealed.length], [["ada: before", "ada: again"], 1]);
  ada.member.enter("new");
  await room.settle();
  const headers = sealed.map(readSealed).map(({ header }) => header);
  // Numbers go on, and no chain's number is used twice, though the rooms differ.
  assertEquals(headers.map(({ number }) => number), [1, 3]);
  assertEquals(new Set(headers.map(({ chain }) => chain)).size, 2);
});
