/**
 * What a relay says of itself to Prometheus.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Failure } from "../../../lib/base/failure.ts";
import { EXPOSITION_TYPE, serveMetrics } from "../../../lib/chat/app/observe.ts";
import { openRelay } from "../../../lib/tcp_chat.ts";
import { leave, say, twoGuests } from "../guests.ts";
import { RawSocket } from "../raw_socket.ts";
import { until } from "../room.ts";

interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: Map<string, number>;
}

/** Reads the exposition format 0.0.4, strictly: every line has to be one that it knows. */
function parse(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  assert(text.endsWith("\n"), "the last line ends in a line feed");
  let help: RegExpExecArray | null = null;
  let family: [string, Family] | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    const helpLine = /^# HELP ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
    const typeLine = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram)$/.exec(line);
    if (helpLine !== null) help = helpLine;
    else if (typeLine !== null) {
      assertEquals(typeLine[1], help?.[1], "HELP and TYPE come together");
      family = [typeLine[1]!, { type: typeLine[2]!, help: help![2]!, samples: new Map() }];
      assert(!families.has(family[0]), `${family[0]} comes once`);
      families.set(...family);
    } else {
      const label = '[a-zA-Z_]\\w*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
      const form = `^([a-zA-Z_:][\\w:]*)(\\{${label}(?:,${label})*\\})? (\\S+)$`;
      const sample = new RegExp(form).exec(line);
      assert(sample !== null && family !== undefined, `not a sample: ${line}`);
      const [, name, labels = "", value] = sample;
      const suffix = name!.slice(family[0].length);
      assert(name!.startsWith(family[0]), `${name} under ${family[0]}`);
      const suffixes = family[1].type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      assert(suffixes.includes(suffix), line);
      assert(Number.isFinite(Number(value)), line);
      assert(!family[1].samples.has(suffix + labels), `${line} comes once`);
      family[1].samples.set(suffix + labels, Number(value));
    }
  }
  return families;
}

Deno.test("a relay's metrics are Prometheus's format, and count what happened", async () => {
  const relay = openRelay({ port: 0 });
  const stop = new AbortController();
  const metrics = serveMetrics(0, () => relay.state(), stop.signal);
  const url = `http://127.0.0.1:${metrics.addr.port}/metrics`;
  const read = async () => {
    const response = await fetch(url);
    assertEquals(response.headers.get("content-type"), EXPOSITION_TYPE);
    return parse(await response.text());
  };
  const [ada, bo] = await twoGuests(relay.addr.port);
  for (const text of ["one", "two", "three"]) await say(ada, bo, text);
  using foreign = await RawSocket.dial(relay.addr.port);
  await foreign.send(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  assertEquals(await foreign.bye(), "NOT_PARLEY");
  using silent = await RawSocket.dial(relay.addr.port);
  await until(() => relay.state().pending === 1, "the silent one is there");
  const during = await read();
  const value = (families: Map<string, Family>, name: string, labels = "") =>
    families.get(name)?.samples.get(labels);
  assertEquals(value(during, "parley_members"), 2);
  assertEquals(value(during, "parley_connections"), 3);
  assertEquals(value(during, "parley_pending_connections"), 1);
  assertEquals(value(during, "parley_joins_total"), 2);
  assertEquals(value(during, "parley_messages_total"), 3);
  assertEquals(value(during, "parley_deliveries_total"), 3);
  assert(value(during, "parley_received_bytes_total")! > 1000);
  assertEquals(value(during, "parley_disconnects_total", '{reason="NOT_PARLEY"}'), 1);
  assert(value(during, "process_resident_memory_bytes")! > 1 << 20);
  silent.close();
  await leave(ada, bo);
  await until(() => relay.state().connections === 0, "everybody has gone");
  const after = await read();
  assertEquals(value(after, "parley_members"), 0);
  assertEquals(value(after, "parley_queue_bytes"), 0);
  assertEquals(value(after, "parley_disconnects_total", '{reason="LEFT"}'), 2);
  assertEquals(value(after, "parley_disconnects_total", '{reason="LOST"}'), 1);
  for (const [name, { type, help }] of after) {
    assertEquals(type === "counter", name.endsWith("_total"), name);
    assert(/^[A-Z].*\.$/.test(help), help);
  }
  stop.abort();
  await metrics.finished;
  await relay.close();
});

Deno.test("the histogram of joins rises to its count", async () => {
  const relay = openRelay({ port: 0 });
  const stop = new AbortController();
  const metrics = serveMetrics(0, () => relay.state(), stop.signal);
  const [ada, bo] = await twoGuests(relay.addr.port);
  const text = await (await fetch(`http://127.0.0.1:${metrics.addr.port}/metrics`)).text();
  const { samples } = parse(text).get("parley_join_duration_seconds")!;
  const buckets = [...samples].filter(([labels]) => labels.startsWith("_bucket"));
  assertEquals(buckets.at(-1), ['_bucket{le="+Inf"}', 2]);
  assertEquals(samples.get("_count"), 2);
  assert(samples.get("_sum")! > 0);
  const counts = buckets.map(([, count]) => count);
  assertEquals(counts, counts.toSorted((a, b) => a - b));
  await leave(ada, bo);
  stop.abort();
  await metrics.finished;
  await relay.close();
});

Deno.test("metrics answer GET of /metrics and nothing else, on loopback alone", async () => {
  const relay = openRelay({ port: 0 });
  const stop = new AbortController();
  const metrics = serveMetrics(0, () => relay.state(), stop.signal);
  assertEquals(metrics.addr.hostname, "127.0.0.1");
  const base = `http://127.0.0.1:${metrics.addr.port}`;
  const statuses: number[] = [];
  for (const [path, method] of [["/", "GET"], ["/metrics", "POST"], ["/metrics", "HEAD"]]) {
    const response = await fetch(base + path, { method: method! });
    await response.body?.cancel();
    statuses.push(response.status);
  }
  assertEquals(statuses, [404, 405, 200]);
  for (const [target, status] of [["http://[::bad/metrics", 421], ["//[", 404]] as const) {
    assertEquals(await ask(metrics.addr.port, target, "localhost"), status, target);
  }
  const failure = assertThrows(
    () => serveMetrics(metrics.addr.port, relay.state, stop.signal),
    Failure,
  );
  assertEquals(failure.code, "EADDRINUSE");
  stop.abort();
  await metrics.finished;
  await relay.close();
});

/** The status with which a GET of a target is answered, with headers of its own. */
async function ask(port: number, target: string, ...hosts: readonly string[]): Promise<number> {
  using conn = await Deno.connect({ port });
  const headers = hosts.map((host) => `Host: ${host}\r\n`).join("");
  await conn.write(new TextEncoder().encode(`GET ${target} HTTP/1.1\r\n${headers}\r\n`));
  const answer = new Uint8Array(64);
  await conn.read(answer);
  return Number(new TextDecoder().decode(answer).slice(9, 12));
}

Deno.test("metrics answer requests that name this machine, and no page under another name", async () => {
  const relay = openRelay({ port: 0 });
  const stop = new AbortController();
  const metrics = serveMetrics(0, () => relay.state(), stop.signal);
  const { port } = metrics.addr;
  for (
    const host of [
      `127.0.0.1:${port}`,
      `localhost:${port}`,
      "LOCALHOST",
      "[::1]:9464",
      "127.0.0.53",
    ]
  ) {
    assertEquals(await ask(port, "/metrics", host), 200, host);
  }
  const foreign = ["evil.example", `evil.example:${port}`, "localhost.evil.example", "192.0.2.1"];
  for (const host of [...foreign, "127.0.0.1.evil.example", "localhost@evil.example", "a b", ""]) {
    const status = await ask(port, "/metrics", host);
    assert(status === 421 || status === 400, `${host}: ${status}`);
  }
  // What the request line names counts, and so does the header.
  const absolute = `http://127.0.0.1:${port}/metrics`;
  assertEquals(await ask(port, absolute, "localhost"), 200);
  assertEquals(await ask(port, absolute, "evil.example"), 421);
  assertEquals(await ask(port, "http://evil.example/metrics", "localhost"), 421);
  // Without any.
  assert([400, 421].includes(await ask(port, "/metrics")));
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  assertEquals(response.status, 200);
  await response.body?.cancel();
  stop.abort();
  await metrics.finished;
  await relay.close();
});
