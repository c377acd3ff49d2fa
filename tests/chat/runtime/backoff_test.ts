// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { MAX_RETRY_DELAY_MS, retryDelay } from "../../../lib/chat/runtime/session.ts";

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
