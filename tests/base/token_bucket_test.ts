// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Costs, MAX_ACCOUNTS, TokenBucket } from "../../lib/base/clock.ts";

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

Deno.test("a debt tells when it is paid, and is paid by then", () => {
  const bucket = new TokenBucket({ perSecond: 100, burst: 10 }, 1000);
  assertEquals(bucket.spend(10, 1000), 0);
  assertEquals(bucket.spend(50, 1000), 500);
  assertEquals(bucket.take(1, 1400), false);
  assertEquals(bucket.spend(0, 1500), 0);
  assertEquals(bucket.isFull(1599), false);
  assertEquals(bucket.isFull(1600), true);
});

Deno.test("a clock that goes back changes no bucket", () => {
  const bucket = new TokenBucket({ perSecond: 1, burst: 2 }, 10_000);
  assert(bucket.take(2, 10_000));
  assertEquals(bucket.take(1, 0), false);
  assertEquals(bucket.take(1, 10_999), false);
  assertEquals(bucket.take(1, 11_000), true);
});

Deno.test("no order of requests gets more out of a bucket than its burst and its rate", () => {
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

Deno.test("each peer has an account of its own, and accounts without charges are forgotten", () => {
  const costs = new Costs({ join: { perSecond: 1, burst: 2 } });
  const take = (key: string, now: number) => costs.of(key, now).allow("join", 1, now);
  assertEquals([1, 2, 3].map(() => take("a", 0)), [true, true, false]);
  assertEquals(take("b", 0), true);
  assertEquals(costs.size, 2);
  assertEquals(take("c", 5_000), true);
  assertEquals(costs.size, 1);
});

Deno.test("an account charges each kind of work separately, and a debt tells when it is paid", () => {
  const costs = new Costs({ join: { perSecond: 1, burst: 2 }, step: { perSecond: 10, burst: 5 } });
  const account = costs.of("a", 0);
  assertEquals(account.charge("join", 3, 0), 1000);
  assertEquals(account.allow("step", 5, 0), true);
  assertEquals(account.allow("step", 1, 0), false);
  assertEquals([account.charged("join", 0), account.charged("step", 0)], [3, 5]);
  assertEquals([account.isClear(999), account.isClear(3_000)], [false, true]);
});

Deno.test("the number of accounts is bounded, however many peers cause work", () => {
  const costs = new Costs({ join: { perSecond: 0.001, burst: 1 } });
  for (let i = 0; i < 3 * MAX_ACCOUNTS; i++) costs.of(String(i), 0).allow("join", 1, 0);
  assert(costs.size <= MAX_ACCOUNTS, String(costs.size));
  assertEquals(costs.of(String(3 * MAX_ACCOUNTS - 1), 0).allow("join", 1, 0), false);
});
