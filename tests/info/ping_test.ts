// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Failure } from "../../lib/base/failure.ts";
import { ping, type Probe } from "../../lib/info.ts";
import { SilentListener } from "./silent_listener.ts";

async function probes(options: Parameters<typeof ping>[0]): Promise<Probe[]> {
  return await Array.fromAsync(ping({ intervalMs: 1, ...options }));
}

Deno.test("ping() counts an accepted and a refused connection as answers", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = listener.addr;
  const open = await probes({ hostname, port, count: 3, timeoutMs: 20_000 });
  assertEquals(open.map(({ seq, state }) => [seq, state]), [[1, "open"], [2, "open"], [3, "open"]]);
  assert(open.every(({ time_ms, error }) => time_ms !== null && error === null));
  listener.close();
  const [refused] = await probes({ hostname, port, count: 1, timeoutMs: 20_000 });
  assertEquals([refused?.state, refused?.error], ["refused", null]);
  assert(refused?.time_ms !== null);
});

Deno.test("ping() reports a timeout if a host does not answer", async () => {
  await using listener = await SilentListener.open("127.0.0.1");
  const { hostname, port } = listener;
  const [last] = await probes({ hostname, port, count: 1, timeoutMs: 200 });
  assertEquals([last?.state, last?.time_ms, last?.error], ["timeout", null, null]);
});

Deno.test({
  name: "ping() tells an unreachable network from a host that is silent",
  // Only Linux refuses a connection to a multicast group by its route (RFC 9293 section 3.9.2.3).
  ignore: Deno.build.os !== "linux",
  async fn() {
    const [probe] = await probes({ hostname: "224.0.0.1", port: 9, count: 1, timeoutMs: 20_000 });
    assertEquals([probe?.state, probe?.time_ms, probe?.error], [
      "unreachable",
      null,
      "ENETUNREACH",
    ]);
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

Deno.test("ping() fails for an invalid address", async () => {
  await assertRejects(() => probes({ hostname: "no host", port: 1, count: 1 }), Failure);
});
