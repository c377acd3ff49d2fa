// needs: nothing (about 5 s)

/**
 * What was lost is noticed and sent again, whatever was lost first and whatever the relay says, unless it breaks the
 * protocol.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { encodeLeft, encodeMember } from "../../../lib/chat/wire/control.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { eveHears } from "../eve.ts";
import { Copies, count, faults, type Seat, shown, type Tamper, TestRoom } from "../room.ts";
import { endingOf } from "../tampering.ts";

/** Lets time pass, second by second. */
async function passSeconds(room: TestRoom, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) await room.pass(1_000);
}

/** Drops the first `most` frames of some kinds, and notes when one is dropped. */
function dropping(kinds: readonly number[], most: number): Tamper & { left: () => number } {
  let left = most;
  const tamper = ({ kind, bytes }: { kind: number; bytes: Uint8Array<ArrayBuffer> }) => {
    if (left === 0 || !kinds.includes(kind)) return [bytes];
    left -= 1;
    return [];
  };
  return Object.assign(tamper, { left: () => left });
}

function gaps(seat: Seat): string[] {
  return seat.events.flatMap((event) =>
    event.kind === "fault" && event.code === "GAP" ? [event.detail] : []
  );
}

Deno.test("a lost first pair frame is sent again although its recipient cannot answer asks", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const lossy = dropping([KIND.pair], 1);
  const bo = await room.join("bo", lossy);
  assert(ada.member.enter("one").ok);
  await room.settle();
  assertEquals([lossy.left(), shown(bo)], [0, []]);
  await passSeconds(room, 15);
  assertEquals(shown(bo), ["ada: one"]);
  assertEquals(count(ada, "delivered"), 1);
});

Deno.test("a recipient that the relay calls away is asked, and what it lacks is sent again", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada", ({ kind, bytes }) =>
    // The relay says that bo is away as soon as bo has said that it is there, and never that it is back.
    kind === KIND.here ? [bytes, encodeMember(KIND.away, 2)] : [bytes]);
  const lossy = dropping([KIND.sealed], 1);
  const bo = await room.join("bo", lossy);
  assertEquals(count(ada, "away"), 1);
  assert(ada.member.enter("one").ok);
  await room.settle();
  assertEquals([lossy.left(), shown(bo)], [0, []]);
  await passSeconds(room, 60);
  assertEquals(shown(bo), ["ada: one"]);
  assertEquals(count(ada, "delivered"), 1);
});

Deno.test("lost messages are sent again oldest first, at most 64 KiB for each receipt and once a second", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo", dropping([KIND.sealed], 5));
  const say = async (text: string) => {
    assert(ada.member.enter(text).ok);
    await room.settle();
  };
  for (let i = 1; i <= 5; i++) await say(`${i}`.padEnd(30_000, "x"));
  await say("6");
  const order = () => shown(bo).map((text) => text.charAt("ada: ".length));
  assertEquals(order(), ["6", "1", "2"]);
  await room.pass(500);
  assertEquals(order(), ["6", "1", "2"]);
  await room.pass(500);
  assertEquals(order(), ["6", "1", "2", "3", "4"]);
  await room.pass(1_000);
  assertEquals(order(), ["6", "1", "2", "3", "4", "5"]);
  assertEquals(count(ada, "delivered"), 6);
});

Deno.test("what two answers in a row do not show is sent again, and not after the first one", async () => {
  const { room, ada, eve, receiver } = await eveHears("hello");
  const kinds = (kind: number) => eve.raw.frames(kind).length;
  const before = kinds(KIND.pair);
  const again: number[] = [];
  // By it, eve proves that it can answer.
  await eve.receipt(ada, receiver, []);
  for (let asked = 1; asked <= 2; asked++) {
    for (let i = 0; i < 10 && kinds(KIND.ask) < asked; i++) await room.pass(1_000);
    assertEquals(kinds(KIND.ask), asked);
    await eve.receipt(ada, receiver, []);
    await room.pass(1_000);
    again.push(kinds(KIND.pair) - before);
  }
  assertEquals(again, [0, 1]);
});

Deno.test("receipts lost with a connection are sent again over the next one without an ask", async () => {
  const room = new TestRoom();
  let losing = true;
  const ada = await room.join(
    "ada",
    ({ kind, bytes }) => kind === KIND.receipt && losing ? [] : [bytes],
  );
  const bo = await room.join("bo");
  assert(ada.member.enter("one").ok);
  await room.settle();
  assertEquals([shown(bo), count(ada, "delivered")], [["ada: one"], 0]);
  losing = false;
  bo.cut();
  bo.connect();
  await room.settle();
  assertEquals(count(ada, "delivered"), 1);
  assertEquals(ada.sent.filter((bytes) => bytes[4] === KIND.ask).length, 0);
});

Deno.test("every gap is reported, however many there were", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  let sealed = 0;
  const bo = await room.join("bo", ({ kind, bytes }) =>
    // All repairs are lost, too.
    kind === KIND.sealed && sealed++ % 2 === 0 || kind === KIND.pair && sealed > 0 ? [] : [bytes]);
  for (let i = 0; i < 14; i++) {
    assert(ada.member.enter(`line ${i}`).ok);
    await room.settle();
  }
  assertEquals(shown(bo).length, 7);
  assertEquals(gaps(bo), Array(7).fill("1 missing"));
});

Deno.test("a private line is not sent to a member whose joining has not been displayed", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  ada.showing = false;
  const bo = await room.join("bo");
  const refused = ada.member.enter("between us", "bo");
  assertEquals(refused.ok ? "sent" : refused.code, "NO_SUCH_MEMBER");
  ada.member.displayed(ada.events.length);
  assert(ada.member.enter("between us", "bo").ok);
  await room.settle();
  assertEquals(shown(bo), ["ada: between us"]);
});

Deno.test("a line that was lost, and waits over two relays, is owed once", async () => {
  using copies = new Copies();
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo", dropping([KIND.sealed], 2));
  for (const text of ["one", "two"]) assert(ada.member.enter(text).ok);
  await room.settle();
  room.restart();
  // bo does not come to this relay: what it is owed waits for the next one.
  ada.connect();
  await room.settle();
  room.restart();
  ada.connect();
  bo.connect();
  await room.settle();
  await passSeconds(room, 8);
  assertEquals(shown(bo), ["ada: one", "ada: two"]);
  assertEquals([faults(bo), copies.count], [[], 0]);
  assertEquals(count(ada, "delivered"), 2);
});

Deno.test("a relay that reports a member's leaving to that member breaks the protocol", async () => {
  const room = new TestRoom();
  const left = { version: 2, member: 1, reason: "LEFT", statement: new Uint8Array(0) } as const;
  const ada = await room.join(
    "ada",
    ({ kind, bytes }) => kind === KIND.joined ? [encodeLeft(left)] : [bytes],
  );
  await room.join("bo");
  assertEquals(endingOf(ada), "BAD_RELAY");
});
