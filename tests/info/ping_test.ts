// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Failure } from "../../lib/base/failure.ts";
import { ping, PingStatistics, type Probe, sparkline } from "../../lib/info.ts";

async function probes(options: Parameters<typeof ping>[0]): Promise<Probe[]> {
  return await Array.fromAsync(ping({ intervalMs: 1, ...options }));
}

Deno.test("ping() takes an accept and a refusal for an answer", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = listener.addr;
  const open = await probes({ hostname, port, count: 3, timeoutMs: 20_000 });
  assertEquals(open.map(({ seq, state }) => [seq, state]), [[1, "open"], [2, "open"], [3, "open"]]);
  assert(open.every(({ time_ms }) => time_ms !== null));
  listener.close();
  const [refused] = await probes({ hostname, port, count: 1, timeoutMs: 20_000 });
  assertEquals(refused?.state, "refused");
  assert(refused?.time_ms !== null);
});

Deno.test("ping() gives up on who does not answer", async () => {
  // A full backlog: the kernel drops what knocks beyond it (listen(2)).
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { hostname, port } = listener.addr;
  const held: Deno.Conn[] = [];
  let last: Probe | undefined;
  for (let i = 0; i < 16 && last?.state !== "timeout"; i++) {
    [last] = await probes({ hostname, port, count: 1, timeoutMs: 200 });
    if (last?.state === "open") held.push(await Deno.connect({ hostname, port }));
  }
  for (const connection of held) connection.close();
  assertEquals([last?.state, last?.time_ms], ["timeout", null]);
});

Deno.test({
  name: "ping() tells an unreachable network from a host that is silent",
  // Only Linux refuses a connection to a multicast group by its route (RFC 9293 section 3.9.2.3).
  ignore: Deno.build.os !== "linux",
  async fn() {
    const [probe] = await probes({ hostname: "224.0.0.1", port: 9, count: 1, timeoutMs: 20_000 });
    assertEquals([probe?.state, probe?.time_ms], ["unreachable", null]);
  },
});

Deno.test("ping() ends with its signal, between probes and before the first", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = listener.addr;
  const controller = new AbortController();
  const seen: number[] = [];
  const options = { hostname, port, count: 0, intervalMs: 3_600_000, signal: controller.signal };
  for await (const { seq } of ping(options)) {
    seen.push(seq);
    controller.abort();
  }
  assertEquals(seen, [1]);
  assertEquals(await probes(options), []);
});

Deno.test("ping() fails where the address is none", async () => {
  await assertRejects(() => probes({ hostname: "no host", port: 1, count: 1 }), Failure);
});

Deno.test("PingStatistics gives loss, minimum, mean, maximum and standard deviation", () => {
  const statistics = new PingStatistics();
  assertEquals(statistics.summary.loss_percent, 0);
  for (const time_ms of [2, 4, 4, 4, 5, 5, 7, 9, null, null, null, null]) {
    statistics.add({ time_ms });
  }
  assertEquals(statistics.summary, {
    sent: 12,
    answered: 8,
    loss_percent: 33.3,
    min_ms: 2,
    avg_ms: 5,
    max_ms: 9,
    stddev_ms: 2,
  });
});

Deno.test("PingStatistics has no times where nothing was answered", () => {
  const statistics = new PingStatistics();
  statistics.add({ time_ms: null });
  assertEquals(statistics.summary, {
    sent: 1,
    answered: 0,
    loss_percent: 100,
    min_ms: null,
    avg_ms: null,
    max_ms: null,
    stddev_ms: null,
  });
});

Deno.test("sparkline() has a bar for each time, and a cross for what was lost", () => {
  assertEquals(sparkline([1, 8, null, 4.5]), "▁█×▅");
  assertEquals(sparkline([3, 3]), "▁▁");
});
