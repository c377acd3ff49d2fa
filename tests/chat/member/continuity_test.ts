/**
 * A relay leaves out frames or holds them back: receivers report what is missing, and senders send it again.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { SenderStreams, Streams } from "../../../lib/chat/member/acknowledger.ts";
import { Ledger, MAX_PARTED } from "../../../lib/chat/member/deliveries.ts";
import { STREAM } from "../../../lib/chat/wire/content.ts";
import { readPair } from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { count, faults, type Seat, shown, type Tamper, TestRoom } from "../room.ts";
import { once } from "../tampering.ts";

/** A room of ada and bo, whose frames the relay changes. */
async function roomOf(tamper: Tamper) {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo", tamper);
  const say = async (text: string, to?: string) => {
    ada.member.enter(text, to);
    await room.settle();
  };
  return { room, ada, bo, say };
}

/** Time passes until everyone has been asked, and has answered, a few times. */
async function wait(room: TestRoom): Promise<void> {
  for (let i = 0; i < 25; i++) await room.pass(1_000);
}

function gaps({ events }: Seat): string[] {
  return events.flatMap((event) =>
    event.kind === "fault" && event.code === "GAP" ? [event.detail] : []
  );
}

function late({ events }: Seat): string[] {
  return events.flatMap((event) => event.kind === "message" && event.late ? [event.text] : []);
}

Deno.test("messages left out in the middle are reported at the next message, sent again and marked as late", async () => {
  const leftOut = [2, 3];
  let seen = 0;
  const { ada, bo, say } = await roomOf(({ kind, bytes }) =>
    kind === KIND.sealed && leftOut.includes(++seen) ? [] : [bytes]
  );
  for (const text of ["one", "two", "three"]) await say(text);
  assertEquals([shown(bo), count(ada, "delivered")], [["ada: one"], 1]);
  await say("four");
  assertEquals(shown(bo), ["ada: one", "ada: four", "ada: two", "ada: three"]);
  assertEquals([gaps(bo), late(bo)], [["2 missing"], ["two", "three"]]);
  assertEquals(count(ada, "delivered"), 4);
});

Deno.test("a last message that was left out is found by asks and sent again once", async () => {
  const { room, ada, bo, say } = await roomOf(once(KIND.sealed, 2, () => []));
  await say("one");
  await say("two");
  assertEquals([shown(bo), count(ada, "sent"), count(ada, "delivered")], [["ada: one"], 2, 1]);
  await wait(room);
  assertEquals(shown(bo), ["ada: one", "ada: two"]);
  assertEquals([faults(bo), count(ada, "delivered")], [[], 2]);
});

Deno.test("a message left out before a new chain is reported at the next message", async () => {
  const { room, ada, bo, say } = await roomOf(once(KIND.sealed, 2, () => []));
  const ghost = await room.join("ghost");
  await say("one");
  await say("two");
  ghost.member.leave();
  await room.settle();
  assertEquals(count(ada, "delivered"), 1);
  await say("three");
  assertEquals(shown(bo), ["ada: one", "ada: three", "ada: two"]);
  assertEquals([gaps(bo), late(bo)], [["1 missing"], ["two"]]);
  assertEquals(count(ada, "delivered"), 3);
});

Deno.test("messages left out before a joining or before another room are reported at the next message", async () => {
  let losing = false;
  const { room, ada, bo, say } = await roomOf(({ kind, bytes }) =>
    kind === KIND.sealed && losing ? [] : [bytes]
  );
  await say("one");
  losing = true;
  await say("two");
  losing = false;
  const cy = await room.join("cy");
  await say("three");
  assertEquals(gaps(bo), ["1 missing"]);
  losing = true;
  await say("four");
  losing = false;
  room.restart();
  for (const seat of [ada, bo, cy]) seat.connect();
  await room.settle();
  await say("five");
  await wait(room);
  assertEquals(shown(bo), ["one", "three", "two", "four", "five"].map((text) => `ada: ${text}`));
  assertEquals(shown(cy), ["three", "four", "five"].map((text) => `ada: ${text}`));
  assertEquals([faults(cy), count(ada, "delivered")], [[], 5]);
});

/** A relay's room in which ada's lines to bo can be held back, and from which bo can be removed. */
async function parting() {
  let losing = false;
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo", ({ kind, bytes }) => {
    const isOfAda = (kind === KIND.sealed || kind === KIND.pair) && bytes[8] === 1;
    return losing && isOfAda ? [] : [bytes];
  });
  const say = async (text: string, to?: string) => {
    ada.member.enter(text, to);
    await room.settle();
  };
  await say("one");
  /** The relay loses something that ada says, lets bo's stay end, and does not know it any longer. */
  const loseAndPart = async (text: string, to?: string) => {
    losing = true;
    await say(text, to);
    bo.cut();
    await room.settle();
    const [there] = room.relay.rooms();
    there!.expel(there!.stay(bo.self.key)!, "LOST");
    there!.flush();
    await room.settle();
  };
  /** bo comes back, to whom ada's lines come again unless `still`. */
  const comeBack = async (still = false) => {
    losing = still;
    bo.connect();
    await room.settle();
    await room.settle();
    losing = false;
  };
  /** The relay loses what ada says to bo, or no longer. */
  const lose = (isOn: boolean) => {
    losing = isOn;
  };
  return { room, ada, bo, say, lose, loseAndPart, comeBack };
}

Deno.test("a line that a relay withholds before it lets its recipient leave is reported when that one is back", async () => {
  const { bo, say, loseAndPart, comeBack } = await parting();
  await loseAndPart("two");
  await say("three, to nobody");
  await comeBack();
  assertEquals(gaps(bo), ["1 missing"]);
  await say("four");
  assertEquals([shown(bo), gaps(bo)], [["ada: one", "ada: four"], ["1 missing"]]);
});

Deno.test("a relay that withholds that report as well is found out at the next line, and a private line is reported too", async () => {
  const { room, bo, say, loseAndPart, comeBack } = await parting();
  await loseAndPart("two");
  await comeBack(true);
  assertEquals(gaps(bo), []);
  await say("three");
  assertEquals([shown(bo), gaps(bo)], [["ada: one", "ada: three"], ["1 missing"]]);
  await wait(room);
  await loseAndPart("between us", "bo");
  await comeBack();
  assertEquals(gaps(bo), ["1 missing", "1 missing"]);
});

Deno.test("a report that is lost with its room, or with the line after it, is made at the next line that comes", async () => {
  const { room, ada, bo, say, lose, loseAndPart, comeBack } = await parting();
  await loseAndPart("two");
  await comeBack(true);
  room.restart();
  for (const seat of [ada, bo]) {
    seat.connect();
    await room.settle();
  }
  await say("three");
  await wait(room);
  assertEquals([shown(bo), gaps(bo)], [["ada: one", "ada: three"], ["1 missing"]]);
  assertEquals(count(ada, "delivered"), 3);
  await loseAndPart("four");
  await comeBack(true);
  lose(true);
  await say("five");
  lose(false);
  assertEquals([shown(bo).length, gaps(bo).length], [2, 1]);
  await wait(room);
  assertEquals(shown(bo), ["ada: one", "ada: three", "ada: five"]);
  assertEquals([gaps(bo), count(ada, "delivered")], [["1 missing", "1 missing"], 5]);
});

Deno.test("a relay that lets a member leave again and again before it is told hides nothing", async () => {
  const { bo, say, loseAndPart, comeBack } = await parting();
  await loseAndPart("two");
  for (let i = 0; i < 3; i++) {
    await comeBack(true);
    await loseAndPart("to nobody, as nobody has displayed bo", "nobody");
  }
  await comeBack();
  assertEquals(gaps(bo), ["1 missing"]);
  await say("three");
  assertEquals(shown(bo), ["ada: one", "ada: three"]);
});

Deno.test("a member whose sender does not know that it took everything is told of no gap when it is back", async () => {
  const { room, ada, bo, say, loseAndPart, comeBack } = await parting();
  // ada hears no receipt of bo's.
  ada.receives = false;
  await say("two");
  await room.settle();
  ada.receives = true;
  await loseAndPart("", "nobody");
  await comeBack();
  await say("three");
  assertEquals([shown(bo), faults(bo)], [["ada: one", "ada: two", "ada: three"], []]);
});

Deno.test("a ledger keeps what is owed for a limited number of members that have left, and not for one that left by itself", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  await room.join("bo");
  const peer = ada.member.roster.byName("bo")!;
  const ledger = new Ledger(() => {});
  const add = (key: string) =>
    ledger.add({ ...peer, credential: { ...peer.credential, key } }, 0, 0).streams[STREAM.group];
  for (let i = 0; i <= MAX_PARTED; i++) {
    add(`${i}`).send(5);
    ledger.part(`${i}`, false);
  }
  add("by itself").send(5);
  ledger.part("by itself", true);
  const owed = ["0", "1", `${MAX_PARTED}`, "by itself"].map((key) => add(key).gone);
  assertEquals(owed, [0, 5, 5, 0]);
});

Deno.test("a private line that is held back until a later group line was shown is still shown", async () => {
  let held: Bytes[] = [];
  let holding = false;
  const { ada, bo, say } = await roomOf(({ kind, bytes }) => {
    if (kind === KIND.pair && holding) {
      held.push(bytes);
      return [];
    }
    const late = kind === KIND.sealed && holding ? held : [];
    held = late.length > 0 ? [] : held;
    return [bytes, ...late];
  });
  await say("one");
  holding = true;
  await say("psst", "bo");
  assertEquals([shown(bo), count(ada, "delivered")], [["ada: one"], 1]);
  await say("two");
  assertEquals(shown(bo), ["ada: one", "ada: two", "ada: psst"]);
  assertEquals([faults(bo), count(ada, "delivered")], [[], 3]);
});

Deno.test("a private line that was left out is reported at the next private line and marked as late", async () => {
  let losing = false;
  const { ada, bo, say } = await roomOf(({ kind, bytes }) =>
    kind === KIND.pair && losing ? [] : [bytes]
  );
  await say("before", "bo");
  losing = true;
  await say("lost", "bo");
  losing = false;
  await say("to all");
  assertEquals([shown(bo), count(ada, "delivered")], [["ada: before", "ada: to all"], 2]);
  await say("after", "bo");
  assertEquals(shown(bo), ["before", "to all", "after", "lost"].map((text) => `ada: ${text}`));
  assertEquals([gaps(bo), late(bo), count(ada, "delivered")], [["1 missing"], ["lost"], 4]);
});

Deno.test("a lost first pair frame is sent again with its wrapped key, without an ask", async () => {
  const wrapped: boolean[] = [];
  const { room, ada, bo, say } = await roomOf(({ kind, bytes }) => {
    if (kind !== KIND.pair) return [bytes];
    wrapped.push(readPair(bytes.slice(FRAME_HEADER_BYTES)).wrapped.length > 0);
    return wrapped.length === 1 ? [] : [bytes];
  });
  await say("one");
  await say("two");
  assertEquals([shown(bo), faults(bo)], [[], ["NO_KEY", "NO_KEY"]]);
  await wait(room);
  assertEquals(shown(bo), ["ada: one", "ada: two"]);
  assertEquals(ada.sent.filter((bytes) => bytes[4] === KIND.ask).length, 0);
  assertEquals(wrapped.slice(0, 2), [true, true]);
  await say("three");
  assertEquals([shown(bo).at(-1), count(ada, "delivered")], ["ada: three", 3]);
  // Nothing more is missing: its person is told of no gap.
  assertEquals(gaps(bo), []);
});

Deno.test("after a lost grant the messages of its chain are sent again with the chain's key", async () => {
  const { room, ada, bo, say } = await roomOf(once(KIND.pair, 2, () => []));
  const cy = await room.join("cy");
  await say("one");
  cy.member.leave();
  await room.settle();
  await say("two");
  assertEquals([shown(bo), faults(bo)], [["ada: one"], ["NO_KEY"]]);
  await wait(room);
  await say("three");
  assertEquals(shown(bo), ["ada: one", "ada: two", "ada: three"]);
  assertEquals([faults(bo), count(ada, "delivered")], [["NO_KEY"], 3]);
});

Deno.test("messages that are lost again and again are shown once in the end", async () => {
  let frames = 0;
  // Of three frames with content two are lost.
  const { room, ada, bo, say } = await roomOf(({ kind, bytes }) =>
    (kind === KIND.sealed || kind === KIND.pair) && ++frames % 3 !== 0 ? [] : [bytes]
  );
  const texts = Array.from({ length: 12 }, (_, i) => `line ${i}`);
  for (const text of texts) await say(text);
  for (let i = 0; i < 8 && ada.member.backlog.lines > 0; i++) await wait(room);
  assertEquals(shown(bo).toSorted(), texts.map((text) => `ada: ${text}`).toSorted());
  assertEquals([count(ada, "delivered"), ada.member.backlog.lines], [12, 0]);
});

Deno.test("lines to a member that has forgotten what came of their sender before are delivered", async () => {
  const { room, ada, bo, say } = await roomOf(({ bytes }) => [bytes]);
  for (const text of ["one", "two"]) await say(text);
  for (const text of ["psst", "hush"]) await say(text, "bo");
  room.restart();
  const { of } = Streams.prototype;
  const forgotten = new SenderStreams();
  Streams.prototype.of = function (this: Streams, key, isContact) {
    return key === ada.self.key ? forgotten : of.call(this, key, isContact);
  };
  try {
    for (const seat of [ada, bo]) seat.connect();
    await wait(room);
    await say("three");
    await say("hey", "bo");
    await wait(room);
  } finally {
    Streams.prototype.of = of;
  }
  assertEquals(shown(bo).slice(4), ["ada: three", "ada: hey"]);
  assertEquals([count(ada, "delivered"), ada.member.backlog.lines], [6, 0]);
  assertEquals(gaps(bo), ["2 missing", "2 missing"]);
});
