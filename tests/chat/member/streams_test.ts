/**
 * Streams of message numbers, against a model that keeps the state of each number.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type Arrival,
  IncomingStream,
  MAX_GAPS,
  MAX_SENDERS,
  Streams,
} from "../../../lib/chat/member/acknowledger.ts";
import { STREAM } from "../../../lib/chat/wire/content.ts";
import { TestRoom } from "../room.ts";

/** A stream as the set of the numbers that are missing. Its state is that of section 10.1, without the bound. */
class Model {
  readonly missing = new Set<number>();
  seen = 0;

  get through(): number {
    return this.missing.size === 0 ? this.seen : Math.min(...this.missing) - 1;
  }

  reach(last: number): number {
    let found = 0;
    for (; this.seen < last; found++) this.missing.add(++this.seen);
    return found;
  }

  link(number: number, last: number): number {
    const found = this.reach(last);
    for (let at = last + 1; at < number; at++) this.missing.delete(at);
    this.seen = Math.max(this.seen, number - 1);
    return found;
  }

  take(number: number): Arrival {
    if (number > this.seen) {
      this.reach(number - 1);
      this.seen = number;
      return "new";
    }
    return this.missing.delete(number) ? "late" : "copy";
  }

  gone(number: number): number {
    const found = this.reach(number);
    for (let at = 1; at <= number; at++) this.missing.delete(at);
    return found;
  }
}

/** Everything that one can learn of a stream. */
type Move =
  | { readonly does: "reach" | "take" | "gone"; readonly number: number }
  | { readonly does: "link"; readonly number: number; readonly last: number };

function play(stream: IncomingStream | Model, move: Move): number | Arrival {
  if (move.does === "link") return stream.link(move.number, move.last);
  return stream[move.does](move.number);
}

const NUMBER = fc.integer({ min: 1, max: 60 });
const MOVE: fc.Arbitrary<Move> = fc.oneof(
  fc.record({ does: fc.constantFrom("reach" as const, "take", "gone"), number: NUMBER }),
  fc.tuple(NUMBER, fc.nat(59)).filter(([number, last]) => last < number)
    .map(([number, last]) => ({ does: "link" as const, number, last })),
);

Deno.test("a stream is as a model that keeps each number", () => {
  fc.assert(
    fc.property(fc.array(MOVE, { maxLength: 60 }), (moves) => {
      const [stream, model] = [new IncomingStream(), new Model()];
      for (const move of moves) {
        const before = stream.through;
        assertEquals(play(stream, move), play(model, move), JSON.stringify(move));
        assertEquals([stream.through, stream.seen], [model.through, model.seen]);
        assert(stream.through >= before && stream.through <= stream.seen, "it does not go back");
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("numbers in order are new, and taken through", () => {
  const stream = new IncomingStream();
  assertEquals([stream.seen, stream.through], [0, 0]);
  assertEquals([1, 2, 3].map((number) => stream.take(number)), ["new", "new", "new"]);
  assertEquals(stream.progress(STREAM.private), {
    stream: STREAM.private,
    through: 3,
    seen: 3,
    withheld: 0,
  });
});

Deno.test("a number above the next one opens a gap: what fills it is late, and all else is a copy", () => {
  const stream = new IncomingStream();
  assertEquals(stream.reach(3), 3);
  assertEquals(stream.take(4), "new");
  assertEquals([stream.through, stream.seen], [0, 4]);
  assertEquals([2, 2, 4, 1, 3].map((number) => stream.take(number)), [
    "late",
    "copy",
    "copy",
    "late",
    "late",
  ]);
  assertEquals([stream.through, stream.seen], [4, 4]);
});

Deno.test("numbers that are not addressed to the recipient open no gap", () => {
  const stream = new IncomingStream();
  stream.take(1);
  // 2 to 8 are for others.
  assertEquals(stream.link(9, 1), 0);
  assertEquals([stream.through, stream.seen], [8, 8]);
  assertEquals(stream.take(9), "new");
  // 10 and 11 are missing, 12 to 19 are for others.
  assertEquals(stream.link(20, 11), 2);
  assertEquals([stream.through, stream.seen], [9, 19]);
  assertEquals([stream.take(20), stream.take(12), stream.take(11)], ["new", "copy", "late"]);
  assertEquals(stream.through, 9);
});

Deno.test("a link closes what was a gap before it was known whom it is for", () => {
  const stream = new IncomingStream();
  stream.reach(9);
  stream.take(10);
  assertEquals(stream.link(9, 3), 0);
  assertEquals(stream.take(9), "late");
  assertEquals(stream.through, 0);
  for (const number of [1, 2, 3]) assertEquals(stream.take(number), "late");
  assertEquals(stream.through, 10);
});

Deno.test("numbers that their sender gives up are missing once and no longer expected", () => {
  const stream = new IncomingStream();
  stream.take(1);
  stream.reach(4);
  assertEquals(stream.gone(6), 2, "5 and 6 were not known; 2 to 4 were told before");
  assertEquals([stream.through, stream.seen], [6, 6]);
  assertEquals(stream.take(3), "copy", "what was given up is not shown");
  assertEquals(stream.gone(6), 0);
  assertEquals(stream.take(7), "new");
});

Deno.test("a stream keeps 256 gaps and closes the lowest one above that", () => {
  assertEquals(MAX_GAPS, 256);
  const stream = new IncomingStream();
  for (let i = 1; i <= MAX_GAPS; i++) stream.take(2 * i);
  assertEquals([stream.through, stream.seen], [0, 512]);
  stream.take(514);
  assertEquals(stream.through, 2, "1 is given up");
  assertEquals(stream.take(1), "copy");
  assertEquals(stream.take(3), "late");
  assertEquals(stream.through, 4);
});

Deno.test("a stream keeps 256 gaps also where what is taken splits one", () => {
  const stream = new IncomingStream();
  stream.reach(4 * MAX_GAPS);
  for (let i = 1; i <= MAX_GAPS; i++) stream.take(2 * i);
  assertEquals(stream.seen, 4 * MAX_GAPS);
  assertEquals(stream.through, 2, "the oldest of 257 gaps is closed: 1 is given up");
});

Deno.test("numbers that are found missing one after the other are one gap", () => {
  const stream = new IncomingStream();
  for (let last = 1; last <= 2 * MAX_GAPS; last++) assertEquals(stream.reach(last), 1);
  assertEquals(stream.through, 0);
  assertEquals(stream.take(1), "late");
});

Deno.test("the streams of a sender are apart from each other, and from those of others", () => {
  const streams = new Streams();
  const isContact = () => false;
  const ada = streams.of("ada", isContact);
  ada.of(STREAM.group).take(3);
  ada.of(STREAM.private).take(1);
  assertEquals(streams.of("ada", isContact).progress, [
    { stream: STREAM.group, through: 0, seen: 3, withheld: 0 },
    { stream: STREAM.private, through: 1, seen: 1, withheld: 0 },
  ]);
  assertEquals(streams.of("bo", isContact).of(STREAM.group).seen, 0);
});

Deno.test("the streams of the 16,384 senders heard last are kept, and those of contacts always", () => {
  const streams = new Streams();
  const isContact = (key: string) => key === "contact";
  streams.of("contact", isContact).of(STREAM.group).take(1);
  streams.of("first", isContact).of(STREAM.group).take(1);
  streams.of("second", isContact).of(STREAM.group).take(1);
  for (let i = 3; i < MAX_SENDERS; i++) streams.of(`sender ${i}`, isContact);
  assertEquals(streams.size, MAX_SENDERS);
  // first is heard again, so that second is the one that was heard longest ago.
  streams.of("first", isContact);
  streams.of("another", isContact);
  assertEquals(streams.size, MAX_SENDERS);
  const seen = (key: string) => streams.of(key, isContact).of(STREAM.group).seen;
  assertEquals([seen("contact"), seen("first")], [1, 1]);
  assertEquals(seen("second"), 0);
});

Deno.test("of the senders that have left, the one that was heard last is forgotten last", async () => {
  const room = new TestRoom();
  await room.join("ada");
  const [bo, cy] = [await room.join("bo"), await room.join("cy")];
  for (const seat of [bo, cy, bo]) {
    seat.member.enter("hello");
    await room.settle();
  }
  const used: string[] = [];
  const { of } = Streams.prototype;
  Streams.prototype.of = function (this: Streams, key, isContact) {
    used.push(key);
    return of.call(this, key, isContact);
  };
  try {
    bo.member.leave();
    await room.settle();
  } finally {
    Streams.prototype.of = of;
  }
  assertEquals(used, [bo.self.key, bo.self.key]); // by ada and by cy
});

Deno.test("messages missing in a gap that is closed above the limit count as withheld, not as shown", () => {
  const stream = new IncomingStream();
  for (let i = 1; i <= MAX_GAPS; i++) stream.take(2 * i);
  assertEquals(stream.progress(STREAM.group), {
    stream: STREAM.group,
    through: 0,
    seen: 2 * MAX_GAPS,
    withheld: 0,
  });
  stream.take(2 * MAX_GAPS + 2);
  assertEquals(stream.progress(STREAM.group).through, 2);
  assertEquals(stream.progress(STREAM.group).withheld, 1);
  stream.withhold(7);
  stream.withhold(6);
  assertEquals(stream.progress(STREAM.group).withheld, 7);
});
