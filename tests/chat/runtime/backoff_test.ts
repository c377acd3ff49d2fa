// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import {
  Attempts,
  LASTING_MS,
  MAX_RETRY_DELAY_MS,
  retryDelay,
} from "../../../lib/chat/runtime/session.ts";

Deno.test("the first attempt is made at once", () => {
  assertEquals(retryDelay(0, 0.9), 0);
});

Deno.test("the wait doubles from half a second to thirty seconds", () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 8, 100].map((attempt) => retryDelay(attempt, 0));
  assertEquals(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

Deno.test("jitter shortens a wait by at most half", () => {
  for (let attempt = 1; attempt < 50; attempt++) {
    const most = retryDelay(attempt, 0);
    const least = retryDelay(attempt, 0.999_999);
    assert(least >= most / 2 && most <= MAX_RETRY_DELAY_MS, `${attempt}: ${least} to ${most}`);
    assert(least < most);
  }
});

Deno.test("attempts are counted on over connections that a relay closes at once, and from 0 after one that has lasted", () => {
  const attempts = new Attempts();
  assertEquals([attempts.next(0), attempts.next(1), attempts.next(1_000_000)], [0, 1, 2]);
  attempts.succeeded(1_000_000);
  assertEquals(attempts.next(1_000_000 + LASTING_MS - 1), 3);
  attempts.succeeded(2_000_000);
  assertEquals([attempts.next(2_000_000 + LASTING_MS), attempts.next(3_000_000)], [0, 1]);
});
