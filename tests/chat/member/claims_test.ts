/**
 * What a member claims of its lines: `delivered` is what recipients say, whatever the relay does.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import type { Policy } from "../../../lib/chat/member/roster.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { Eve, eveHears } from "../eve.ts";
import { count, faults, type Seat, shown, type Tamper, TestRoom } from "../room.ts";
import { flip, once } from "../tampering.ts";

/** The lines that were told as delivered, with those who missed them. */
function delivered({ events }: Seat): string[][] {
  return events.flatMap((event) =>
    event.kind === "delivered"
      ? [[event.line.text, ...(event.missed ?? []).map(({ name }) => name)]]
      : []
  );
}

const without = (kind: number): Tamper => (frame) => frame.kind === kind ? [] : [frame.bytes];

Deno.test("a line that the relay accepts and does not forward is reported as sent, not as delivered", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo", without(KIND.sealed));
  const cy = await room.join("cy");
  ada.member.enter("hello");
  await room.settle();
  assertEquals([shown(bo), shown(cy)], [[], ["ada: hello"]]);
  assertEquals([count(ada, "sent"), delivered(ada)], [1, []]);
});

Deno.test("a line whose acceptance the relay never says is delivered by the receipts", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada", without(KIND.accepted));
  await room.join("bo");
  ada.member.enter("hello");
  await room.settle();
  assertEquals([count(ada, "sent"), delivered(ada)], [1, [["hello"]]]);
});

Deno.test("a receipt that a relay changes, moves, drops or repeats delivers nothing, and the next receipt does", async () => {
  const replayed: Uint8Array<ArrayBuffer>[] = [];
  const lies: Tamper[] = [
    once(KIND.receipt, 2, (bytes) => [flip(bytes, -1)]),
    // From whom: the number is not what is signed.
    once(KIND.receipt, 2, (bytes) => [flip(bytes, 2 + 3)]),
    once(KIND.receipt, 2, () => []),
    once(KIND.receipt, 2, () => [...replayed]),
  ];
  for (const lie of lies) {
    const room = new TestRoom();
    const ada = await room.join("ada", (frame) => {
      const frames = lie(frame);
      if (frame.kind === KIND.receipt) replayed.push(frame.bytes);
      return frames;
    });
    const bo = await room.join("bo");
    bo.showing = false;
    ada.member.enter("hello");
    await room.settle();
    bo.showing = true;
    bo.member.displayed(bo.events.length);
    await room.settle();
    assertEquals([shown(bo), delivered(ada)], [["ada: hello"], []]);
    for (let i = 0; i < 10; i++) await room.pass(1_000);
    assertEquals([shown(bo), delivered(ada)], [["ada: hello"], [["hello"]]]);
    replayed.length = 0;
  }
});

Deno.test("a receipt for what was not sent delivers nothing", async () => {
  const { room, ada, eve, receiver } = await eveHears("one");
  await eve.take(ada, receiver, 1_000);
  ada.member.enter("two");
  await room.settle();
  assertEquals(delivered(ada), [["one"]]);
  await eve.take(ada, receiver, 2);
  assertEquals(delivered(ada), [["one"], ["two"]]);
});

Deno.test("a line that the policy withholds from a recipient is reported as missed", async () => {
  const room = new TestRoom();
  const hidden = new Set(["ada"]);
  const policy: Policy = {
    obstacle: () => undefined,
    hides: ({ credential }) => hidden.has(credential.name),
  };
  room.policies.set("bo", policy);
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const cy = await room.join("cy");
  ada.member.enter("hello");
  ada.member.enter("psst", "bo");
  await room.settle();
  assertEquals([shown(bo), faults(bo), shown(cy)], [[], ["HIDDEN", "HIDDEN"], ["ada: hello"]]);
  assertEquals(delivered(ada).toSorted(), [["hello", "bo"], ["psst", "bo"]]);
  hidden.clear();
  ada.member.enter("again");
  await room.settle();
  assertEquals([shown(bo), delivered(ada).at(-1)], [["ada: again"], ["again"]]);
});

Deno.test("a withheld line is reported although the first receipt about it was dropped", async () => {
  const room = new TestRoom();
  const hidden = new Set<string>();
  room.policies.set("bo", {
    obstacle: () => undefined,
    hides: ({ credential }) => hidden.has(credential.name),
  });
  let dropping = false;
  const ada = await room.join("ada", ({ kind, bytes }) => {
    return dropping && kind === KIND.receipt ? [] : [bytes];
  });
  const bo = await room.join("bo");
  const enter = async (text: string) => {
    ada.member.enter(text);
    await room.settle();
  };
  await enter("before");
  hidden.add("ada");
  dropping = true;
  await enter("hidden");
  hidden.clear();
  await enter("shown");
  assertEquals(delivered(ada), [["before"]]);
  dropping = false;
  await enter("after");
  assertEquals(shown(bo), ["ada: before", "ada: shown", "ada: after"]);
  assertEquals(delivered(ada), [["before"], ["hidden", "bo"], ["shown"], ["after"]]);
});

Deno.test("a recipient that never sends receipts blocks nobody's window", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const eve = await Eve.join(room);
  ada.member.enter("one");
  await room.settle();
  assertEquals(ada.member.backlog.held, 1);
  for (let i = 0; i < 8; i++) await room.pass(1_000);
  const { lines, held, bytes } = ada.member.backlog;
  assertEquals({ lines, held, bytes }, { lines: 1, held: 0, bytes: 0 });
  ada.member.enter("two");
  await room.settle();
  // Bo has taken it, and eve holds nothing.
  assertEquals([shown(bo).length, ada.member.backlog.held, delivered(ada)], [2, 0, []]);
  eve.raw.close();
  await room.settle();
});

Deno.test("a recipient that was quiet is waited for again once a receipt of it shows progress", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  bo.showing = false;
  ada.member.enter("one");
  await room.settle();
  for (let i = 0; i < 8; i++) await room.pass(1_000);
  assertEquals(ada.member.backlog.held, 0);
  bo.member.displayed(bo.events.length);
  await room.settle();
  ada.member.enter("two");
  await room.settle();
  assertEquals([delivered(ada), ada.member.backlog.held], [[["one"]], 1]);
  assertEquals(shown(bo), ["ada: one", "ada: two"]);
});

Deno.test("a recipient that the relay calls away is asked at the usual rate, and answers at it", async () => {
  const { room, ada, eve, receiver } = await eveHears("hello");
  await eve.take(ada, receiver, 0);
  for (let i = 0; i < 40; i++) await room.pass(1_000);
  const asks = ada.sent.filter((bytes) => bytes[4] === KIND.ask).length;
  // Not before five seconds have passed, and each five seconds then.
  assertEquals(asks >= 6 && asks <= 8, true, `${asks} asks in 40 s`);
});
