// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { DueReceipts, receiptInterval } from "../../../lib/chat/member/acknowledger.ts";

/** Receipts by a clock that stands still, and a speaker. */
function receipts() {
  const clock = { now: 1000 };
  return { clock, due: new DueReceipts<{ name: string }>(() => clock.now), ada: { name: "ada" } };
}

Deno.test("the interval is nothing up to four members, then a millisecond each, a second at most", () => {
  const intervals = [[1, 0], [4, 0], [5, 5], [16, 16], [999, 999], [1000, 1000], [10_000, 1000]];
  for (const [members, interval] of intervals) {
    assertEquals(receiptInterval(members!), interval, `${members}`);
  }
});

Deno.test("a receipt is due an interval after the first change, for all speakers together", () => {
  const { clock, due, ada } = receipts();
  const bo = { name: "bo" };
  assertEquals([due.dueAt, due.due()], [Infinity, []]);
  due.changed(ada, 100);
  clock.now += 60;
  due.changed(bo, 100);
  due.changed(ada, 100);
  assertEquals([due.dueAt, due.due()], [1100, []]);
  clock.now += 39;
  assertEquals(due.due(), []);
  clock.now += 1;
  assertEquals(due.due(), [ada, bo]);
  assertEquals([due.dueAt, due.due()], [Infinity, []]);
});

Deno.test("in a small room a receipt is due at once", () => {
  const { due, ada } = receipts();
  due.changed(ada, 4);
  assertEquals(due.due(), [ada]);
});

Deno.test("a waiting receipt can be taken before it is due", () => {
  const { due, ada } = receipts();
  due.changed(ada, 500);
  assertEquals(due.due(), []);
  assertEquals(due.take(), [ada]);
  assertEquals([due.dueAt, due.take()], [Infinity, []]);
});

Deno.test("an ask is answered at once, and each speaker's once in 250 ms", () => {
  const { clock, due, ada } = receipts();
  const bo = { name: "bo" };
  due.asked(ada, 2);
  assertEquals(due.due(), [ada]);
  clock.now += 100;
  due.asked(ada, 2);
  due.asked(ada, 2);
  assertEquals([due.dueAt, due.due()], [1250, []]);
  clock.now += 150;
  assertEquals(due.due(), [ada]);
  due.asked(bo, 2);
  assertEquals(due.due(), [bo], "others have a pace of their own");
});

Deno.test("a flood of asks does not put the answer off", () => {
  const { clock, due, ada } = receipts();
  let answers = 0;
  for (let i = 0; i < 1000; i++) {
    due.asked(ada, 2);
    answers += due.due().length;
    clock.now += 10;
  }
  // Ten seconds: one answer for each 250 ms.
  assertEquals(answers, 40);
});

Deno.test("a member answers asks at most once an interval", () => {
  const { clock, due, ada } = receipts();
  due.asked(ada, 800);
  assertEquals(due.due(), [ada]);
  due.asked(ada, 800);
  clock.now += 799;
  assertEquals(due.due(), []);
  clock.now += 1;
  assertEquals(due.due(), [ada]);
});
