/**
 * The fan-out: groups, turns of the event loop, and joined writes.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { Feed, Outbox } from "../../../lib/chat/relay/cursor.ts";
import { FanOut } from "../../../lib/chat/relay/fan_out.ts";
import type { Delivery, Recipients } from "../../../lib/chat/relay/room.ts";
import { fakeLink } from "../links.ts";

/** A fan-out to members 1 to `size`, whose turns a test runs. */
function crowd(size: number) {
  const feed = new Feed();
  const turns: (() => void)[] = [];
  const failed: unknown[] = [];
  const later = (call: () => void) => void turns.push(call);
  const fanOut = new FanOut(feed, later, (error) => failed.push(error));
  const writes = new Map<number, Bytes[]>();
  const outboxes = new Map<number, Outbox>();
  for (let number = 1; number <= size; number++) {
    const sent: Bytes[] = [];
    writes.set(number, sent);
    const link = fakeLink({ send: (bytes) => void sent.push(bytes) });
    outboxes.set(number, new Outbox(number, feed));
    fanOut.add(outboxes.get(number)!, link);
  }
  const append = (id: number, to: Partial<Recipients> = {}, size = 1) => {
    const recipients = { sender: 0, upTo: Infinity, ...to };
    const bytes = new Uint8Array(size).fill(id);
    const delivery: Delivery = { to: recipients, frames: 1, bytes, kind: "sealed", number: 1 };
    feed.push(delivery);
    fanOut.appended(recipients);
  };
  const turn = () => turns.splice(0).forEach((call) => call());
  /** How many members have been written to. */
  const reached = () => [...writes.values()].filter(({ length }) => length > 0).length;
  return { feed, fanOut, outboxes, turns, failed, writes, append, turn, reached };
}

Deno.test("a room of 128 is written to at once, without a turn of the loop", () => {
  const { fanOut, append, reached, turns } = crowd(128);
  append(1);
  fanOut.flush();
  assertEquals([reached(), turns.length], [128, 0]);
});

Deno.test("a room of 129 is written to in groups", () => {
  const { fanOut, append, reached, turns } = crowd(129);
  append(1);
  fanOut.flush();
  assertEquals([reached(), turns.length], [64, 1]);
});

Deno.test("the fan-out writes to the sink of a wrapped link, and reports its errors with the member's number", () => {
  const numbers: number[] = [];
  const feed = new Feed();
  const fanOut = new FanOut(feed, () => {}, (_, number) => numbers.push(number));
  const sent: number[] = [];
  const wrapped = (send: () => void) =>
    fakeLink({ send: () => sent.push(0), sink: fakeLink({ send }) });
  const throws = () => {
    throw new TypeError("a link");
  };
  for (const [i, send] of [throws, () => sent.push(2)].entries()) {
    const number = i + 1;
    fanOut.add(new Outbox(number, feed), wrapped(send));
  }
  const to = { sender: 0, upTo: Infinity };
  feed.push({ to, frames: 1, bytes: new Uint8Array(1), kind: "sealed", number: 1 });
  fanOut.appended(to);
  fanOut.flush();
  assertEquals([sent, numbers], [[2], [1]]);
});

Deno.test("the frames of a member are joined into one buffer for all others, and the member gets nothing", () => {
  const { fanOut, feed, append, writes } = crowd(3);
  const to = { sender: 2, upTo: 2 };
  for (const id of [1, 2]) {
    feed.push({ to, frames: 1, bytes: new Uint8Array([id]), kind: "sealed", number: id });
    fanOut.appended(to);
  }
  fanOut.flush();
  assertEquals([...writes.values()].map((sent) => sent.map((bytes) => [...bytes])), [
    [[1, 2]],
    [],
    [],
  ]);
  append(3);
  fanOut.flush();
  assertEquals([...writes.values()].map(({ length }) => length), [2, 1, 1]);
});

Deno.test("a larger room is written to in groups of 64, with a turn of the loop between", () => {
  const { fanOut, append, reached, turn } = crowd(200);
  append(1);
  fanOut.flush();
  const after = [reached()];
  for (let i = 0; i < 4; i++) {
    turn();
    after.push(reached());
  }
  assertEquals(after, [64, 128, 192, 200, 200]);
});

Deno.test("frames that arrive during a pass are joined, and every member gets each frame once, in order", () => {
  const { fanOut, append, turn, turns, writes } = crowd(200);
  for (let id = 1; id <= 9; id++) {
    append(id, { sender: id });
    fanOut.flush();
    if (id % 3 === 0) turn();
  }
  for (let i = 0; i < 20 && turns.length > 0; i++) turn();
  for (const [number, sent] of writes) {
    const all = sent.flatMap((bytes) => [...bytes]);
    assertEquals(
      all,
      [1, 2, 3, 4, 5, 6, 7, 8, 9].filter((id) => id !== number),
      `member ${number}`,
    );
  }
  assert(writes.get(200)!.length < 9, "the last group was sent several at once");
});

Deno.test("members that are sent the same frames share one buffer", () => {
  const { fanOut, append, writes } = crowd(5);
  append(1, { sender: 1 });
  append(2, { sender: 2 });
  append(3, { sender: 1 });
  fanOut.flush();
  const [first, second, third, fourth] = [1, 2, 3, 4].map((number) => writes.get(number)![0]);
  assertEquals([...third!], [1, 2, 3]);
  assert(third === fourth);
  assertEquals([[...first!], [...second!]], [[2], [1, 3]]);
});

Deno.test("a frame for one member is written at once, after earlier frames, and to no other member", () => {
  const { fanOut, append, writes, reached } = crowd(200);
  append(1);
  fanOut.flush();
  append(2, { one: 200 });
  append(3, { one: 150 });
  fanOut.flush();
  assertEquals(writes.get(200)!.flatMap((bytes) => [...bytes]), [1, 2]);
  assertEquals(writes.get(150)!.flatMap((bytes) => [...bytes]), [1, 3]);
  assertEquals(reached(), 66);
});

Deno.test("members that were each sent something alone share one buffer again afterwards", () => {
  const { feed, fanOut, append, writes } = crowd(3);
  for (const one of [1, 2, 3]) append(one, { one });
  fanOut.flush();
  const to = { sender: 9, upTo: 3 };
  for (const id of [7, 8]) {
    feed.push({ to, frames: 1, bytes: new Uint8Array([id]), kind: "sealed", number: id });
    fanOut.appended(to);
  }
  fanOut.flush();
  const [first, second, third] = [1, 2, 3].map((number) => writes.get(number)!.at(-1)!);
  assertEquals([...first!], [7, 8]);
  assert(first === second && second === third);
});

Deno.test("large frames are not copied", () => {
  const { feed, fanOut, append, writes } = crowd(3);
  append(1, {}, 50_000);
  append(2, {}, 50_000);
  fanOut.flush();
  assertEquals(writes.get(1)!.map((bytes) => bytes === feed.at(bytes[0]! - 1).bytes), [true, true]);
});

Deno.test("a member whose outbox throws is reported, and the others are written to", () => {
  const { feed, fanOut, append, failed, reached } = crowd(3);
  const outbox = new Outbox(9, feed);
  outbox.take = () => {
    throw new Error("broken");
  };
  outbox.sentAll = outbox.take;
  fanOut.add(outbox, fakeLink({}));
  append(1);
  fanOut.flush();
  assertEquals([reached(), failed.length], [3, 1]);
});

Deno.test("a member that is removed during a pass is not written to", () => {
  const { fanOut, outboxes, append, turn, writes } = crowd(130);
  append(1);
  fanOut.flush();
  fanOut.delete(outboxes.get(100)!);
  turn();
  turn();
  assertEquals([writes.get(100)!.length, writes.get(130)!.length], [0, 1]);
});
