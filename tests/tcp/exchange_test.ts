// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  connect,
  type Connection,
  exchange,
  type Exchanged,
  type ExchangeOptions,
  Source,
} from "../../lib/tcp.ts";
import { connectPair, noise, openResetter, readText, sha256, TestInput } from "./pair.ts";

/** Runs an exchange; gives what it printed too. */
function start(
  connection: Parameters<typeof exchange>[0],
  input: TestInput,
  options: Partial<ExchangeOptions> = {},
): { readonly ended: Promise<Exchanged>; readonly text: () => string } {
  const decoder = new TextDecoder();
  let text = "";
  const received = (bytes: Uint8Array) => void (text += decoder.decode(bytes, { stream: true }));
  const source = new Source(input, 65_536);
  return {
    ended: exchange(connection, { input: source, received, ...options }),
    text: () => text,
  };
}

async function send(connection: Deno.Conn, text: string): Promise<void> {
  await connection.write(new TextEncoder().encode(text));
}

Deno.test("exchange() closes its sending side when input ends, and receives what still comes", async () => {
  using pair = await connectPair();
  const input = new TestInput();
  const { ended, text } = start(pair.near, input);
  await input.write("question");
  await input.end();
  assertEquals(await readText(pair.far), "question");
  await send(pair.far, "answer after the end");
  pair.far.close();
  const { failure, ...counts } = await ended;
  assertEquals(failure, undefined);
  assertEquals(counts, { sent: 8, received: 20, inputEnded: true, cutShort: false });
  assertEquals(text(), "answer after the end");
});

Deno.test("exchange() ends with the other side, though input stays open", async () => {
  using pair = await connectPair();
  const { ended, text } = start(pair.near, new TestInput(), { pauseMs: 1 });
  await send(pair.far, "bye");
  pair.far.close();
  assertEquals(await ended, {
    sent: 0,
    received: 3,
    inputEnded: false,
    cutShort: false,
    failure: undefined,
  });
  assertEquals(text(), "bye");
});

Deno.test("exchange() sends what input has without a pause to one who has ended its own sending", async () => {
  using pair = await connectPair();
  const input = new TestInput();
  const { ended } = start(pair.near, input, { pauseMs: 60_000 });
  await pair.far.closeWrite();
  await input.write("a");
  assertEquals(await pair.far.read(new Uint8Array(9)), 1);
  await input.write("b");
  await input.end();
  assertEquals(await readText(pair.far), "b");
  assertEquals((await ended).sent, 2);
  assert((await ended).inputEnded);
});

Deno.test("exchange() with no pause sends nothing to one who has ended", async () => {
  using pair = await connectPair();
  // The input has something just when the end has come.
  const ended = Promise.withResolvers<void>();
  const near = {
    ...methodsOf(pair.near),
    read: async (into: Uint8Array) => {
      const length = await pair.near.read(into);
      if (length === null) queueMicrotask(ended.resolve);
      return length;
    },
  };
  const input = new Source({ read: () => ended.promise.then(() => 1) }, 1);
  const exchanging = exchange(near, { input, received: () => {}, pauseMs: 0 });
  pair.far.closeWrite();
  assertEquals((await exchanging).sent, 0);
});

/** A connection as an object of its own, so that a test can put something in the place of a method. */
function methodsOf(connection: Connection): Connection {
  return {
    read: (into) => connection.read(into),
    write: (bytes) => connection.write(bytes),
    closeWrite: () => connection.closeWrite(),
    close: () => connection.close(),
    localAddr: connection.localAddr,
    remoteAddr: connection.remoteAddr,
  };
}

Deno.test("exchange() reports a reset after the bytes that came before it", async () => {
  await using far = await openResetter();
  const near = await connect({ to: { hostname: "127.0.0.1", port: far.port } });
  const came = Promise.withResolvers<void>();
  const { ended } = start(near, new TestInput(), { received: () => came.resolve() });
  const socket = await far.socket;
  socket.write("before");
  await came.promise;
  socket.resetAndDestroy();
  const { failure, received } = await ended;
  assertEquals([failure?.code, received], ["ECONNRESET", 6]);
});

Deno.test("exchange() ends after silence, which bytes in either direction interrupt", async () => {
  using pair = await connectPair();
  const { ended } = start(pair.near, new TestInput(), { idleMs: 20 });
  const { failure } = await ended;
  assertEquals(failure?.code, "IDLE");
  assertEquals(failure?.why, "nothing was sent or received for 20 ms");
  assertEquals(await pair.far.read(new Uint8Array(1)), null, "it is closed");
});

Deno.test("exchange() does not count a slow reader as silence", async () => {
  using pair = await connectPair();
  const shown = Promise.withResolvers<void>();
  const idleMs = 20;
  // Before the exchange begins, so that a busy machine does not make silence of the way here.
  await send(pair.far, "x");
  const { ended } = start(pair.near, new TestInput(), { idleMs, received: () => shown.promise });
  const first = await Promise.race([
    ended.then(() => "ended"),
    new Promise((resolve) => setTimeout(resolve, idleMs * 10, "waits")),
  ]);
  assertEquals(first, "waits");
  shown.resolve();
  assertEquals((await ended).failure?.code, "IDLE");
});

Deno.test("exchange() ends with its signal and closes the connection", async () => {
  using pair = await connectPair();
  const controller = new AbortController();
  const { ended } = start(pair.near, new TestInput(), { signal: controller.signal });
  controller.abort(new Error("stop"));
  await assertRejects(() => ended, Error, "stop");
  assertEquals(await pair.far.read(new Uint8Array(1)), null);
});

Deno.test("exchange() fails if received bytes cannot be shown, and closes the connection", async () => {
  using pair = await connectPair();
  const { ended } = start(pair.near, new TestInput(), {
    received: () => {
      throw new Deno.errors.BrokenPipe("the reader has gone");
    },
  });
  await send(pair.far, "x");
  await assertRejects(() => ended, Deno.errors.BrokenPipe);
  assertEquals(await pair.far.read(new Uint8Array(1)), null);
});

Deno.test("exchange() carries megabytes both ways at once, byte by byte", async () => {
  using pair = await connectPair();
  const [there, back] = [noise(5_000_003), noise(4_000_001)];
  const got: { near: Uint8Array[]; far: Uint8Array[] } = { near: [], far: [] };
  const side = (connection: Deno.TcpConn, bytes: Uint8Array<ArrayBuffer>, into: Uint8Array[]) => {
    const input = new TestInput();
    input.write(bytes).then(() => input.end());
    return exchange(connection, {
      input: new Source(input, 65_536),
      received: (chunk) => void into.push(chunk.slice()),
    });
  };
  const ends = await Promise.all([
    side(pair.near as Deno.TcpConn, there, got.near),
    side(pair.far, back, got.far),
  ]);
  for (const { failure, inputEnded } of ends) {
    assertEquals([failure, inputEnded], [undefined, true]);
  }
  const joined = async (parts: Uint8Array[]) =>
    new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
  assertEquals(await sha256(await joined(got.far)), await sha256(there));
  assertEquals(await sha256(await joined(got.near)), await sha256(back));
});

Deno.test("a Source keeps what one connection did not take for the next", async () => {
  const input = new TestInput();
  const source = new Source(input, 16);
  using first = await connectPair();
  const ended = exchange(first.near, { input: source, received: () => {}, pauseMs: 0 });
  first.far.close();
  await ended;
  const writing = input.write("for the second").then(() => input.end());
  using second = await connectPair();
  const again = exchange(second.near, { input: source, received: () => {} });
  assertEquals(await readText(second.far), "for the second");
  second.far.close();
  assert((await again).inputEnded);
  await writing;
  using third = await connectPair();
  const last = exchange(third.near, { input: source, received: () => {} });
  assertEquals(await readText(third.far), "", "input has ended: the next are sent nothing");
  third.far.close();
  await last;
});
