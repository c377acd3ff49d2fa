/**
 * The parts of tcp: frames, ports, lessons, listening and connecting.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type CheckedPort,
  checkPorts,
  connect,
  endpointText,
  Failure,
  frame,
  FrameReader,
  LESSONS,
  listen,
  playLesson,
} from "../../lib/tcp.ts";
import { mostReactions } from "../fixtures/reactions.ts";
import { readText } from "./pair.ts";

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

Deno.test("frame() puts the length before a message, in network byte order", () => {
  assertEquals([...frame(bytes("hi"))], [0, 0, 0, 2, 0x68, 0x69]);
  assertEquals(frame(new Uint8Array(0x1234)).subarray(0, 4).toHex(), "00001234");
});

Deno.test("FrameReader gives the same messages however the stream is cut", () => {
  const messages = ["one", "", "a".repeat(300), "last"];
  const stream = messages.flatMap((message) => [...frame(bytes(message))]);
  for (let size = 1; size <= stream.length; size++) {
    const reader = new FrameReader();
    const taken: string[] = [];
    for (let at = 0; at < stream.length; at += size) {
      const added = reader.add(new Uint8Array(stream.slice(at, at + size)));
      taken.push(...added.map((message) => new TextDecoder().decode(message)));
    }
    assertEquals(taken, messages, `${size} bytes a read`);
    assertEquals(reader.held, 0);
  }
});

Deno.test("FrameReader holds an unfinished frame, and refuses one that is too long before its bytes arrive", () => {
  const reader = new FrameReader(10);
  assertEquals(reader.add(frame(bytes("0123456789")).subarray(0, 8)), []);
  assertEquals(reader.held, 8);
  const error = assertThrows(() => new FrameReader(10).add(new Uint8Array([0, 0, 0, 11])), Failure);
  assertEquals(error.code, "FRAME_TOO_LONG");
});

for (const name of LESSONS) {
  Deno.test(`the lesson ${name} shows what it is to show`, async () => {
    const kinds: string[] = [];
    const event = ({ party, kind }: { party: string; kind: string }) =>
      kinds.push(`${party} ${kind}`);
    const outcome = await playLesson(name, { event });
    assert(outcome.asExpected, kinds.join(", "));
    const expected = {
      joined: [2, 1, 0],
      split: [1, 2, 0],
      framed: [3, 3, 3],
      "half-close": [1, 1, 0],
      reset: [1, 0, 0],
    }[name];
    assertEquals([outcome.writes, outcome.reads, outcome.messages], expected);
  });
}

Deno.test("a lesson ends with its signal", async () => {
  for (const name of LESSONS) {
    const controller = new AbortController();
    const event = () => controller.abort(new Error("enough"));
    const playing = playLesson(name, { event, paceMs: 60_000, signal: controller.signal });
    await assertRejects(() => playing, Error, "enough");
  }
});

async function check(options: Parameters<typeof checkPorts>[0]): Promise<CheckedPort[]> {
  return await Array.fromAsync(checkPorts({ timeoutMs: 20_000, ...options }));
}

Deno.test("checkPorts() gives the state of each port, in order", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ports = [closed.addr.port, listener.addr.port];
  closed.close();
  const found = await check({ hostname: "127.0.0.1", ports, parallel: 1 });
  assertEquals(found.map(({ port, state }) => [port, state]), [
    [ports[0], "refused"],
    [ports[1], "open"],
  ]);
  assert(found.every(({ time_ms, address }) => time_ms !== null && address === "127.0.0.1"));
});

Deno.test("checkPorts() says why a host is unreachable", async () => {
  const [found] = await check({ hostname: "224.0.0.1", ports: [9] });
  assertEquals([found?.state, found?.error], ["unreachable", "ENETUNREACH"]);
});

Deno.test("checkPorts() reports a port as open if it is open at one address of the name", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const [found] = await check({ hostname: "localhost", ports: [port] });
  assertEquals([found?.state, found?.address], ["open", "127.0.0.1"]);
});

Deno.test("checkPorts() checks many ports at a time and keeps their order", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ports = Array.from({ length: 500 }, (_, i) => i + 1).concat(listener.addr.port);
  const found = await check({ hostname: "127.0.0.1", ports, parallel: 1_000 });
  assertEquals(found.map(({ port }) => port), ports);
  assertEquals(found.at(-1)?.state, "open");
});

Deno.test("checkPorts() leaves nothing of a port with a promise that lives as long as the check", async () => {
  const ports = Array.from({ length: 100 }, (_, i) => i + 1);
  const most = await mostReactions(async () => {
    assertEquals((await check({ hostname: "127.0.0.1", ports, parallel: 1 })).length, 100);
  });
  assert(most < 10, `one promise got ${most} reactions`);
});

Deno.test("checkPorts() ends all its waits when its signal is aborted", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const stop = new AbortController();
  const ports = [listener.addr.port, 1, 2, 3];
  const options = { hostname: "127.0.0.1", ports, parallel: 1, signal: stop.signal };
  const checked = checkPorts(options);
  assertEquals((await checked.next()).value?.state, "open");
  const rest = Array.fromAsync(checked);
  stop.abort(new Error("enough"));
  await assertRejects(() => rest, Error, "enough");
});

Deno.test("checkPorts() fails if the host does not exist, and ends with its signal", async () => {
  const options = { hostname: "no-such-host.invalid", ports: [1] };
  const error = await assertRejects(() => check(options), Failure);
  assert(["ENOTFOUND", "EAI_AGAIN"].includes(error.code), error.code);
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => check({ hostname: "127.0.0.1", ports: [1], signal }), Error, "enough");
});

Deno.test("listen() and connect() meet, and say where", async () => {
  using listener = listen({ at: { hostname: "127.0.0.1", port: 0 } });
  const connection = await connect({ to: listener.endpoint });
  const other = await listener.accept();
  assertEquals(connection.remoteAddr, other.localAddr);
  other.close();
  assertEquals(await readText(connection), "");
  connection.close();
  assertEquals(endpointText({ hostname: "::1", port: 80 }), "[::1]:80");
  assertEquals(endpointText({ path: "/run/\x1b[31m" }), "unix:/run/␛[31m");
});

Deno.test("connect() tries every address of a name: one of them answers", async () => {
  using listener = listen({ at: { hostname: "127.0.0.1", port: 0 } });
  const { port } = listener.endpoint as { port: number };
  const connection = await connect({ to: { hostname: "localhost", port } });
  assertEquals((connection.remoteAddr as Deno.NetAddr).hostname, "127.0.0.1");
  connection.close();
  (await listener.accept()).close();
});

Deno.test("listen() and connect() fail with the names of errors", async () => {
  const listener = listen({ at: { hostname: "127.0.0.1", port: 0 } });
  const { endpoint } = listener;
  const taken = assertThrows(() => listen({ at: endpoint }), Failure);
  assertEquals(taken.code, "EADDRINUSE");
  const waiting = listener.accept();
  listener.close();
  listener.close();
  assertEquals((await assertRejects(() => waiting, Failure)).code, "ECLOSED");
  const refused = await assertRejects(() => connect({ to: endpoint }), Failure);
  assertEquals(refused.code, "ECONNREFUSED");
  assertEquals(refused.what, `cannot connect to ${endpointText(endpoint)}`);
});
