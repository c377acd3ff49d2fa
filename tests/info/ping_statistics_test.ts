// needs: nothing

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { PingStatistics, type PingSummary, sparkline } from "../../lib/info/ping/ping.ts";

function summaryOf(times: readonly (number | null)[]): PingSummary {
  const statistics = new PingStatistics();
  for (const time_ms of times) statistics.add({ time_ms });
  return statistics.summary;
}

Deno.test("PingStatistics gives loss, minimum, mean, maximum, standard deviation, percentiles and jitter", () => {
  assertEquals(summaryOf([]).loss_percent, 0);
  assertEquals(summaryOf([2, 4, 4, 4, 5, 5, 7, 9, null, null, null, null]), {
    sent: 12,
    answered: 8,
    loss_percent: 33.3,
    min_ms: 2,
    avg_ms: 5,
    max_ms: 9,
    stddev_ms: 2,
    p50_ms: 4,
    p90_ms: 9,
    p99_ms: 9,
    jitter_ms: 1,
  });
});

Deno.test("PingStatistics has no times without an answer, and no jitter before the second answer", () => {
  assertEquals(summaryOf([null]), {
    sent: 1,
    answered: 0,
    loss_percent: 100,
    min_ms: null,
    avg_ms: null,
    max_ms: null,
    stddev_ms: null,
    p50_ms: null,
    p90_ms: null,
    p99_ms: null,
    jitter_ms: null,
  });
  assertEquals([summaryOf([3]).p99_ms, summaryOf([3]).jitter_ms], [3, null]);
  assertEquals(summaryOf([3, null, 5]).jitter_ms, 2);
});

Deno.test("PingStatistics gives percentiles of a million times to within 0.1 %, whatever their order", () => {
  const statistics = new PingStatistics();
  // 7 is coprime to the count: every time from 0.001 to 1,000 ms comes once.
  for (let i = 0; i < 1_000_000; i++) {
    statistics.add({ time_ms: (i * 7 % 1_000_000 + 1) / 1_000 });
  }
  const { p50_ms, p90_ms, p99_ms } = statistics.summary;
  for (const [got, exact] of [[p50_ms, 500], [p90_ms, 900], [p99_ms, 990]] as const) {
    assert(Math.abs(got! - exact) <= exact * 0.001, `${got} for ${exact}`);
  }
});

Deno.test("PingStatistics takes a time of zero", () => {
  assertEquals([summaryOf([0, 0]).min_ms, summaryOf([0, 0]).p50_ms], [0, 0]);
});

Deno.test("sparkline() has a bar for each time, and a cross for each lost probe", () => {
  assertEquals(sparkline([1, 8, null, 4.5]), "▁█×▅");
  assertEquals(sparkline([3, 3]), "▁▁");
  assertEquals(sparkline([null]), "×");
  assertEquals(sparkline([]), "");
});
