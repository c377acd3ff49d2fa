// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { MAX_RATED, RateTable } from "../../lib/chat/rate_table.ts";
import { TokenBucket } from "../../lib/chat/token_bucket.ts";

Deno.test("a bucket gives its burst at once, and then its rate", () => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 5 }, 0);
  const taken = (now: number) => {
    let count = 0;
    while (bucket.take(1, now)) count += 1;
    return count;
  };
  assertEquals(taken(0), 5);
  assertEquals(taken(99), 0);
  assertEquals(taken(100), 1);
  assertEquals(taken(400), 3);
  assertEquals(taken(3_600_000), 5);
});

Deno.test("a debt says when it is paid, and is paid by then", () => {
  const bucket = new TokenBucket({ perSecond: 100, burst: 10 }, 1000);
  assertEquals(bucket.spend(10, 1000), 0);
  assertEquals(bucket.spend(50, 1000), 500);
  assertEquals(bucket.take(1, 1400), false);
  assertEquals(bucket.spend(0, 1500), 0);
  assertEquals(bucket.isFull(1599), false);
  assertEquals(bucket.isFull(1600), true);
});

Deno.test("a clock that goes back gives nothing and takes nothing", () => {
  const bucket = new TokenBucket({ perSecond: 1, burst: 2 }, 10_000);
  assert(bucket.take(2, 10_000));
  assertEquals(bucket.take(1, 0), false);
  assertEquals(bucket.take(1, 10_999), false);
  assertEquals(bucket.take(1, 11_000), true);
});

Deno.test("no order of takes gets more out of a bucket than its burst and its rate", () => {
  const steps = fc.array(fc.record({
    wait: fc.integer({ min: 0, max: 5_000 }),
    tokens: fc.integer({ min: 1, max: 20 }),
  }));
  fc.assert(fc.property(steps, (list) => {
    const bucket = new TokenBucket({ perSecond: 7, burst: 20 }, 0);
    let now = 0;
    let taken = 0;
    for (const { wait, tokens } of list) {
      now += wait;
      if (bucket.take(tokens, now)) taken += tokens;
      assert(taken <= 20 + now / 1000 * 7 + 1e-6);
    }
  }));
});

Deno.test("each key has its own bucket, and those that are full again are forgotten", () => {
  const table = new RateTable({ perSecond: 1, burst: 2 });
  assertEquals([1, 2, 3].map(() => table.take("a", 0)), [true, true, false]);
  assertEquals(table.take("b", 0), true);
  assertEquals(table.size, 2);
  assertEquals(table.take("c", 5_000), true);
  assertEquals(table.size, 1);
});

Deno.test("however many keys come, the table is bounded", () => {
  const table = new RateTable({ perSecond: 0.001, burst: 1 });
  for (let i = 0; i < 3 * MAX_RATED; i++) table.take(String(i), 0);
  assert(table.size <= MAX_RATED, String(table.size));
  assertEquals(table.take(String(3 * MAX_RATED - 1), 0), false);
});
