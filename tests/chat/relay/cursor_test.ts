/**
 * What waits for members: a shared feed and cursors into it.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Feed, Outbox } from "../../../lib/chat/relay/cursor.ts";
import type { Delivery } from "../../../lib/chat/relay/room.ts";
import { concatBytes } from "../raw_frames.ts";

let serial = 0;

/** A frame that differs from all others, of so many bytes. */
function frame(size = 9): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, size - 4);
  view.setUint32(5, ++serial);
  return bytes;
}

function delivery(
  frames: number,
  { one, size, sender = 9, kind = "sealed", number = 1 }: {
    one?: number;
    size?: number;
    sender?: number;
    kind?: Delivery["kind"];
    number?: number;
  } = {},
): Delivery {
  const to = { sender, upTo: Infinity, ...(one === undefined ? {} : { one }) };
  const bytes = concatBytes(...Array.from({ length: frames }, () => frame(size)));
  return { to, frames, bytes, kind, number };
}

function taken(outbox: Outbox): number[] {
  const ids: number[] = [];
  for (const bytes of outbox.take()) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length; at += 4 + view.getUint32(at)) {
      ids.push(view.getUint32(at + 5));
    }
  }
  return ids;
}

function idsOf(...deliveries: Delivery[]): number[] {
  return deliveries.flatMap(({ bytes }) => {
    const view = new DataView(bytes.buffer);
    const ids: number[] = [];
    for (let at = 0; at < bytes.length; at += 4 + view.getUint32(at)) {
      ids.push(view.getUint32(at + 5));
    }
    return ids;
  });
}

Deno.test("acknowledgements split deliveries, and a resume in the middle sends the rest", () => {
  const feed = new Feed();
  const outbox = new Outbox(1, feed);
  const [a, b] = [delivery(3), delivery(2)];
  feed.push(a);
  feed.push(delivery(1, { one: 2 }));
  feed.push(b);
  assertEquals(taken(outbox), idsOf(a, b));
  assertEquals([outbox.sent, outbox.acknowledge(2), outbox.isDone], [5, true, false]);
  assertEquals([outbox.sharedFrom, outbox.isAt(3)], [3, true]);
  assertEquals(outbox.rewind(2), b.bytes.length + a.bytes.length);
  // In the middle of a delivery, it cannot be sent what the others are.
  assertEquals([outbox.sharedFrom, outbox.isAt(0)], [undefined, false]);
  assertEquals(taken(outbox), idsOf(a, b).slice(2));
  assertEquals([outbox.acknowledge(4), outbox.rewind(4)], [true, b.bytes.length]);
  assertEquals(taken(outbox), idsOf(b).slice(1));
  assertEquals([outbox.acknowledge(5), outbox.isDone, outbox.bytes], [true, true, 0]);
});

Deno.test("a count that exceeds what was sent, or falls, is refused and changes nothing", () => {
  const feed = new Feed();
  const outbox = new Outbox(1, feed);
  feed.push(delivery(3));
  taken(outbox);
  outbox.acknowledge(2);
  assertEquals([outbox.acknowledge(1), outbox.acknowledge(4), outbox.rewind(4)], [
    false,
    false,
    undefined,
  ]);
  assertEquals([outbox.acknowledged, outbox.sent, outbox.acknowledge(3)], [2, 3, true]);
});

Deno.test("at most 8,192 frames and 4 MiB are sent beyond the last acknowledgement", () => {
  const feed = new Feed();
  const many = new Outbox(1, feed);
  for (let i = 0; i < 9_000; i++) feed.push(delivery(1));
  assertEquals([taken(many).length, many.isBlocked], [8192, true]);
  many.acknowledge(1000);
  assertEquals([taken(many).length, many.isBlocked], [808, false]);
  const large = new Outbox(1, feed);
  for (let i = 0; i < 5; i++) feed.push(delivery(1, { size: 1 << 20 }));
  assertEquals([taken(large).length, large.isBlocked], [4, true]);
  large.acknowledge(1);
  assertEquals(taken(large).length, 1);
});

Deno.test("a member that starts later gets what comes later", () => {
  const feed = new Feed();
  feed.push(delivery(1));
  const outbox = new Outbox(1, feed);
  const next = delivery(1);
  feed.push(next);
  assertEquals(taken(outbox), idsOf(next));
});

Deno.test("a member's own list continues at its cursor, and the member returns to the feed at its end", () => {
  const feed = new Feed();
  const outbox = new Outbox(1, feed);
  const all = [delivery(3), delivery(1), delivery(2, { one: 2 }), delivery(1)];
  for (const one of all.slice(0, 2)) feed.push(one);
  assertEquals(taken(outbox).length, 4);
  outbox.acknowledge(1);
  for (const one of all.slice(2)) feed.push(one);
  outbox.detach();
  assertEquals([outbox.isOwn, outbox.needs], [true, Infinity]);
  feed.trim(feed.end);
  const later = delivery(1);
  feed.push(later);
  outbox.offer(later);
  assertEquals(taken(outbox), idsOf(all[3]!, later));
  outbox.rewind(2);
  assertEquals(taken(outbox), idsOf(...[all[0]!, all[1]!, all[3]!, later]).slice(2));
  outbox.acknowledge(6);
  assertEquals([outbox.isOwn, outbox.isDone], [false, true]);
  const last = delivery(1);
  feed.push(last);
  assertEquals(taken(outbox), idsOf(last));
});

Deno.test("the feed holds a bounded number of bytes and deliveries", () => {
  const feed = new Feed();
  for (let i = 0; i < 20_000; i++) feed.push(delivery(1));
  assertEquals(feed.reach, 20_000 - 16_384);
  const large = new Feed();
  for (let i = 0; i < 5; i++) large.push(delivery(1, { size: 1 << 20 }));
  assertEquals([large.reach, large.kept], [3, 5]);
  large.trim(3);
  assertEquals([large.kept, large.end], [2, 5]);
});

/** An outbox with a list of its own for which more than 4 MiB wait. */
function overflowing(...deliveries: Delivery[]) {
  const feed = new Feed();
  const outbox = new Outbox(1, feed);
  for (const one of deliveries) feed.push(one);
  outbox.detach();
  return outbox;
}

const MIB = 1 << 20;

Deno.test("above the limit, frames of the sender with the most waiting bytes are left out", () => {
  const heavy = Array.from(
    { length: 4 },
    (_, i) => delivery(1, { sender: 8, size: MIB, number: 10 + i }),
  );
  const light = delivery(1, { sender: 7, size: MIB / 2 });
  const control = delivery(1, { sender: 8, kind: "control" });
  const outbox = overflowing(heavy[0]!, light, control, ...heavy.slice(1));
  assertEquals(outbox.leaveOut(), [{ sender: 8, number: 10 }]);
  // Its control frames stay, and everyone else's.
  const pair = delivery(1, { sender: 8, kind: "pair" });
  outbox.offer(pair);
  assertEquals(taken(outbox), idsOf(light, control, pair));
});

Deno.test("pair frames are left out from the oldest on, without a notice", () => {
  const pairs = Array.from(
    { length: 9 },
    // A delivery counts as 512 bytes more than it has.
    () => delivery(1, { sender: 8, size: MIB / 2 - 512, kind: "pair" }),
  );
  const outbox = overflowing(...pairs);
  assertEquals(outbox.leaveOut(), []);
  // Down to 3.5 MiB: two of 4.5 MiB are dropped.
  assertEquals(taken(outbox), idsOf(...pairs.slice(2)));
});

Deno.test("a list keeps nothing of what was left out, and short frames count as the memory that they take", () => {
  const feed = new Feed();
  const outbox = new Outbox(1, feed);
  feed.push(delivery(1));
  outbox.detach();
  const size = 100;
  const offer = (count: number, from = 0) => {
    for (let i = 0; i < count; i++) {
      const kind = i % 2 === 0 ? "pair" : "sealed";
      outbox.offer(delivery(1, { sender: 7 + i % 3, kind, size, number: from + i }));
      outbox.leaveOut();
    }
  };
  offer(5_000);
  const first = taken(outbox).length;
  offer(5_000);
  assertEquals(first + taken(outbox).length, 8192);
  // 4 MiB of deliveries that count as 612 bytes, beside what is on its way.
  const most = 8192 + Math.floor(4 * MIB / (size + 512));
  for (let round = 1; round <= 3; round++) {
    offer(20_000, round * 20_000);
    assert(outbox.kept <= most, `${outbox.kept} deliveries are kept`);
  }
  // What was sent stays as it was.
  outbox.acknowledge(8192);
  assert(taken(outbox).length > 5_000);
});

Deno.test("here frames are left out like pair frames, and are not among the control frames", () => {
  const feed = new Feed();
  const outbox = new Outbox(1, feed);
  feed.push(delivery(1, { sender: 8, kind: "here" }));
  outbox.detach();
  const size = 256;
  for (let i = 0; i < 32_000; i++) outbox.offer(delivery(1, { sender: 8, kind: "here", size }));
  assertEquals([outbox.leaveOut(), outbox.isHopeless], [[], false]);
  assert(outbox.bytes <= 4 * MIB, `${outbox.bytes} bytes wait`);
});

Deno.test("sent frames are not left out, and a partly acknowledged delivery may be", () => {
  const large = Array.from(
    { length: 12 },
    (_, i) => delivery(2, { sender: 8, size: MIB / 2, number: i + 1 }),
  );
  const outbox = overflowing(...large);
  const first = taken(outbox);
  assertEquals(first, idsOf(...large.slice(0, 4)));
  assertEquals(outbox.leaveOut(), [{ sender: 8, number: 5 }]);
  outbox.acknowledge(3);
  outbox.rewind(3);
  assertEquals(taken(outbox), first.slice(3));
  outbox.rewind(3);
  for (let i = 0; i < 4; i++) outbox.offer(delivery(1, { sender: 7, size: MIB }));
  assertEquals(outbox.leaveOut().map(({ sender }) => sender), [7]);
  assertEquals(taken(outbox), first.slice(3));
  outbox.acknowledge(8);
  assert(outbox.isDone);
});

Deno.test("control frames are never left out, and more than 16,384 of them are too many", () => {
  const outbox = overflowing();
  const feed = new Feed();
  const lagging = new Outbox(1, feed);
  feed.push(delivery(1));
  lagging.detach();
  for (let i = 0; i < 16_384; i++) lagging.offer(delivery(1, { kind: "control", sender: 0 }));
  assertEquals([lagging.leaveOut(), lagging.isHopeless], [[], false]);
  lagging.offer(delivery(1, { kind: "control", sender: 0 }));
  assertEquals([lagging.leaveOut(), lagging.isHopeless, outbox.isHopeless], [[], true, false]);
});

/** That a member is away, or back. */
function presence(number: number): Delivery {
  return delivery(1, { kind: "presence", sender: number, number });
}

Deno.test("members that come and go fill no list: one is told only who is away or back at the end, and of nobody that has left", () => {
  const feed = new Feed();
  const outbox = new Outbox(1, feed);
  feed.push(delivery(1));
  feed.push(presence(99));
  outbox.detach();
  for (let i = 0; i < 400; i++) {
    for (let number = 2; number < 62; number++) outbox.offer(presence(number));
  }
  assertEquals([outbox.leaveOut(), outbox.isHopeless, outbox.kept], [[], false, 1]);
  const away = [presence(5), presence(6)];
  for (const one of away) outbox.offer(one);
  const left = delivery(1, { kind: "control", sender: 0, number: 6 });
  outbox.offer(left);
  outbox.offer(presence(99));
  const line = delivery(1);
  outbox.offer(line);
  assertEquals(taken(outbox).slice(1), idsOf(left, line, away[0]!));
  assertEquals([outbox.hasWaiting, outbox.isDone], [false, false]);
  outbox.acknowledge(4);
  assertEquals([outbox.isDone, outbox.isOwn], [true, false]);
});

Deno.test("who is away waits behind a full window, and is told after the next acknowledgement", () => {
  const feed = new Feed();
  const outbox = new Outbox(1, feed);
  feed.push(delivery(1));
  outbox.detach();
  for (let i = 0; i < 10; i++) outbox.offer(delivery(1, { size: MIB / 2 }));
  const waiting = presence(3);
  outbox.offer(waiting);
  assertEquals([taken(outbox).length, outbox.isBlocked, outbox.hasWaiting], [8, true, true]);
  for (let i = 0; i < 20_000; i++) outbox.offer(presence(4));
  assertEquals([outbox.isHopeless, outbox.kept], [false, 11]);
  outbox.acknowledge(8);
  const rest = taken(outbox);
  assertEquals([rest.length, rest.at(-1)], [4, idsOf(waiting)[0]]);
  outbox.rewind(8);
  assertEquals(taken(outbox), rest);
});

/** Steps of a member and of the feed around it. */
const arbitrarySteps = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant("push" as const),
      frames: fc.integer({ min: 1, max: 4 }),
      mine: fc.boolean(),
    }),
    fc.record({ do: fc.constant("take" as const) }),
    fc.record({
      do: fc.constant("ack" as const),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    fc.record({
      do: fc.constant("rewind" as const),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    fc.record({ do: fc.constant("detach" as const) }),
    fc.record({ do: fc.constant("trim" as const) }),
  ),
  { maxLength: 80 },
);

Deno.test("a member gets each of its frames once, in order, in any sequence of events", () => {
  fc.assert(
    fc.property(arbitrarySteps, (steps) => {
      const feed = new Feed();
      const outbox = new Outbox(1, feed);
      const mine: number[] = [];
      let got: number[] = [];
      const take = () => got.push(...taken(outbox));
      for (const step of steps) {
        if (step.do === "push") {
          const one = delivery(step.frames, step.mine ? {} : { one: 2 });
          feed.push(one);
          if (outbox.isOwn) outbox.offer(one);
          if (step.mine) mine.push(...idsOf(one));
        } else if (step.do === "take") take();
        else if (step.do === "detach" && !outbox.isOwn) outbox.detach();
        else if (step.do === "trim") feed.trim(Math.min(feed.end, outbox.needs));
        else if (step.do === "ack" || step.do === "rewind") {
          const { acknowledged, sent } = outbox;
          const count = acknowledged + Math.floor(step.part * (sent - acknowledged));
          const isTaken = step.do === "ack" ? outbox.acknowledge(count) : outbox.rewind(count);
          assert(isTaken !== false && isTaken !== undefined);
          if (step.do === "rewind") got = got.slice(0, count);
        }
        assertEquals(outbox.sent, got.length);
        assertEquals(got, mine.slice(0, got.length));
      }
      take();
      assertEquals(got, mine);
      assert(outbox.acknowledge(got.length));
      assertEquals([outbox.isDone, outbox.isOwn, outbox.bytes], [true, false, 0]);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a feed holds fewer deliveries if they have large sets of recipients", () => {
  const feed = new Feed();
  const only = new Set([1]);
  const add = (weight: number) => {
    const to = { sender: 9, upTo: Infinity, only, weight };
    feed.push({ ...delivery(1), to });
  };
  for (let i = 0; i < 10; i++) add(100 << 10);
  assertEquals([feed.hasGrown, feed.reach], [true, 0]);
  for (let i = 0; i < 20; i++) add(100 << 10);
  // 2 MiB of sets are as far as the feed reaches.
  assertEquals(feed.reach, 10);
  feed.trim(25);
  assertEquals(feed.reach, 25);
});
