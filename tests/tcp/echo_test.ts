// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  askEcho,
  type EchoServer,
  type EchoServerEvent,
  Failure,
  openEchoServer,
} from "../../lib/tcp.ts";
import { kept } from "../fixtures/heap.ts";
import { openResetter, readText } from "./pair.ts";

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function connectTo({ addr: { hostname, port } }: EchoServer): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname, port });
}

Deno.test("an echo server answers each read with how long it was", async () => {
  await using server = openEchoServer({ port: 0 });
  const { bytes, writes } = await askEcho({ port: server.addr.port, texts: ["世界"] });
  assertEquals([text(bytes), writes], ["Your data was 6 bytes long", 1]);
});

Deno.test("a read takes no more than a chunk, so that one write is many reads", async () => {
  const reads: string[] = [];
  await using server = openEchoServer({
    port: 0,
    chunkBytes: 4,
    event: (event) => {
      if (event.kind === "data") reads.push(text(event.data));
    },
  });
  const { bytes } = await askEcho({ port: server.addr.port, texts: ["abcdefghij"] });
  assertEquals(reads, ["abcd", "efgh", "ij"]);
  assertEquals(
    text(bytes),
    "Your data was 4 bytes longYour data was 4 bytes longYour data was 2 bytes long",
  );
});

Deno.test("while a server waits with an answer, writes join into one read", async () => {
  await using server = openEchoServer({ port: 0, delayMs: 200 });
  const { bytes } = await askEcho({ port: server.addr.port, texts: ["a", "bc", "def"] });
  const sizes = [...text(bytes).matchAll(/was (\d+) bytes/g)].map(([, size]) => Number(size));
  assertEquals(sizes.reduce((sum, size) => sum + size), 6);
  assertEquals(sizes.at(-1)! > 1, true, "the last read has more than one write's byte");
});

Deno.test("a server counts and reports its connections, and refuses those above its limit", async () => {
  const events: EchoServerEvent["kind"][] = [];
  await using server = openEchoServer({
    port: 0,
    maxConnections: 1,
    event: ({ kind }) => events.push(kind),
  });
  const first = await connectTo(server);
  await first.write(new Uint8Array(3));
  assertEquals(await first.read(new Uint8Array(99)), 26);
  const second = await connectTo(server);
  assertEquals(await readText(second), "");
  second.close();
  first.close();
  await server.close();
  assertEquals(server.counts.refused, 1);
  assertEquals([server.counts.connections, server.counts.reads, server.counts.bytes], [1, 1, 3]);
  assertEquals(events.slice(0, 4), ["connected", "data", "answered", "refused"]);
});

Deno.test("a reset connection does not stop a server", async () => {
  const failed = Promise.withResolvers<void>();
  await using server = openEchoServer({
    port: 0,
    event: ({ kind }) => {
      if (kind === "failed") failed.resolve();
    },
  });
  const { connect } = await import("node:net");
  const socket = connect(server.addr.port, "127.0.0.1", () => socket.resetAndDestroy());
  socket.on("error", () => {});
  await failed.promise;
  const { bytes } = await askEcho({ port: server.addr.port, texts: ["x"] });
  assertEquals(text(bytes), "Your data was 1 bytes long");
});

Deno.test("a server stops with its signal, and closes its connections", async () => {
  const controller = new AbortController();
  const server = openEchoServer({ port: 0, signal: controller.signal });
  const connection = await connectTo(server);
  await connection.write(new Uint8Array(1));
  await connection.read(new Uint8Array(99));
  controller.abort();
  await server.finished;
  assertEquals(await readText(connection), "");
  connection.close();
});

Deno.test("an error of a server's listener stops the server and is its failure", async () => {
  const server = openEchoServer({
    port: 0,
    event: () => {
      throw new Error("the reader has gone");
    },
  });
  const connection = await connectTo(server);
  await assertRejects(() => server.finished, Error, "the reader has gone");
  connection.close();
});

Deno.test("askEcho() keeps nothing of what comes after the first mebibyte", async () => {
  const READS = 10_000;
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let heard = Promise.withResolvers<void>();
  let bytes = 0;
  const asking = askEcho({
    port: listener.addr.port,
    texts: ["x"],
    timeoutMs: 60_000,
    event: (event) => {
      if (event.kind === "data") bytes += event.data.length;
      heard.resolve();
    },
  });
  using conn = await listener.accept();
  const say = async (data: Uint8Array, until: number) => {
    for (let rest = data; rest.length > 0;) rest = rest.subarray(await conn.write(rest));
    while (bytes < until) {
      heard = Promise.withResolvers();
      await heard.promise;
    }
  };
  await say(new Uint8Array(1 << 20), 1 << 20);
  const before = await kept();
  // Each byte is a read of its own.
  for (let i = 1; i <= READS; i++) await say(new Uint8Array(1), (1 << 20) + i);
  const more = await kept() - before;
  conn.close();
  assertEquals((await asking).bytes.length, 1 << 20);
  assert(more < 40 * READS, `${more / READS} bytes for each read`);
});

Deno.test("askEcho() gives up on a server that says nothing", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const error = await assertRejects(
    () => askEcho({ port, texts: ["x"], timeoutMs: 50 }),
    Failure,
  );
  assertEquals([error.code, error.why], ["ETIMEDOUT", "it sent nothing for 50 ms"]);
});

Deno.test("askEcho() fails with the name of a reset, and with its signal's reason", async () => {
  await using far = await openResetter();
  const asking = askEcho({ port: far.port, texts: ["x"] });
  const socket = await far.socket;
  socket.once("data", () => socket.resetAndDestroy());
  assertEquals((await assertRejects(() => asking, Failure)).code, "ECONNRESET");
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const controller = new AbortController();
  const aborted = askEcho({
    port: silent.addr.port,
    texts: ["x"],
    signal: controller.signal,
    event: ({ kind }) => {
      if (kind === "finished") controller.abort(new Error("enough"));
    },
  });
  await assertRejects(() => aborted, Error, "enough");
});
