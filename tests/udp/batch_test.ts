// needs: net ffi (about 5 s)

/**
 * The echo server on a socket of the C library, with real sockets and with one that refuses what a test says.
 *
 * @module
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { encodeAddress } from "../../lib/base/host_port.ts";
import { BATCH, type BatchCalls, BatchPort } from "../../lib/udp/datagram_port.ts";
import { type EchoServerEvent, lengthReply } from "../../lib/udp/echo_server.ts";
import { openBatchEchoServer } from "../../lib/udp.ts";
import { Failure } from "../../lib/tcp.ts";
import { granted } from "../fixtures/granted.ts";
import { addr, until } from "./addr.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";

const MAY = granted("ffi") && Deno.build.os === "linux";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !MAY, fn });
}

const decoder = new TextDecoder();

/** Sends datagrams from a new socket, and returns the replies, sorted. */
async function ask(to: Deno.NetAddr, datagrams: readonly Uint8Array[]): Promise<string[]> {
  const hostname = to.hostname.includes(":") ? "::" : "0.0.0.0";
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  try {
    for (const data of datagrams) await socket.send(data, to);
    const replies: string[] = [];
    while (replies.length < datagrams.length) {
      const [data, from] = await socket.receive();
      assertEquals((from as Deno.NetAddr).port, to.port);
      replies.push(decoder.decode(data));
    }
    return replies.sort();
  } finally {
    socket.close();
  }
}

function repliesTo(datagrams: readonly Uint8Array[]): string[] {
  return datagrams.map(({ length }) => decoder.decode(lengthReply(length))).sort();
}

for (const hostname of ["127.0.0.1", "::1", "localhost"]) {
  test(`openBatchEchoServer() answers datagrams of every size at ${hostname}`, async () => {
    await using server = await openBatchEchoServer({ hostname, port: 0 });
    assert(server.addr.port > 0);
    const datagrams = [0, 1, 38, 1_472, 65_507].map((length) => new Uint8Array(length));
    assertEquals(await ask(server.addr, datagrams), repliesTo(datagrams));
    await until(() => server.counts.answered === 5, "the last reply's count");
    const bytes = 0 + 1 + 38 + 1_472 + 65_507;
    const counts = { datagrams: 5, bytes, answered: 5, dropped: 0, failed: 0 };
    assertEquals(server.counts, counts);
  });
}

test("openBatchEchoServer() tells its listener the addresses and bytes, and drops and delays as asked", async () => {
  const events: EchoServerEvent[] = [];
  const numbers = [0.1, 0.9];
  await using server = await openBatchEchoServer({
    port: 0,
    drop: 0.5,
    delayMs: 20,
    random: () => numbers.shift() ?? 1,
    event: (event) =>
      events.push(event.kind === "datagram" ? { ...event, data: event.data.slice() } : event),
  });
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const own = socket.addr as Deno.NetAddr;
  await socket.send(new Uint8Array([1]), server.addr);
  await socket.send(new Uint8Array([2, 3]), server.addr);
  assertEquals(decoder.decode((await socket.receive())[0]), "Your data was 2 bytes long");
  socket.close();
  await until(() => events.length === 4, "the last event");
  assertEquals(events.map(({ kind }) => kind), ["datagram", "dropped", "datagram", "answered"]);
  const [first, dropped, second, answered] = events;
  assert(first?.kind === "datagram" && dropped?.kind === "dropped");
  assert(second?.kind === "datagram" && answered?.kind === "answered");
  assertEquals([[...first.data], [...second.data]], [[1], [2, 3]]);
  // Addresses stay valid.
  for (const { hostname, port } of [first.from, dropped.from, second.from, answered.to]) {
    assertEquals([hostname, port], ["127.0.0.1", own.port]);
  }
});

test("openBatchEchoServer() loses nothing and confuses nothing while garbage is collected", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  await using server = await openBatchEchoServer({ port: 0 });
  for (let round = 0; round < 30; round++) {
    // The server waits in another thread now. What could take the place of freed buffers is allocated.
    collect();
    const garbage = Array.from({ length: 200 }, (_, i) => new Uint8Array(16 << (i % 8)).fill(0xaa));
    collect();
    const datagrams = Array.from({ length: 48 }, (_, i) => new Uint8Array(round * 48 + i));
    const asked = ask(server.addr, datagrams);
    collect();
    assertEquals(await asked, repliesTo(datagrams));
    assertEquals(garbage.length, 200);
  }
});

test("openBatchEchoServer() goes on if its reply cannot be delivered, and frees its port when it is closed", async () => {
  const server = await openBatchEchoServer({ port: 0 });
  const gone = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  await gone.send(new Uint8Array(9), server.addr);
  gone.close();
  await until(() => server.counts.answered === 1, "the reply to nobody");
  const datagrams = [new Uint8Array(3)];
  assertEquals(await ask(server.addr, datagrams), repliesTo(datagrams));
  const { port } = server.addr;
  const taken = await assertRejects(() => openBatchEchoServer({ port }), Failure);
  assertEquals([taken.code, taken.what], ["EADDRINUSE", `cannot listen on 127.0.0.1:${port}`]);
  await server.close();
  await using _again = await openBatchEchoServer({ port });
});

test("openBatchEchoServer() refuses in words what the system refuses", async () => {
  for (
    const [hostname, code] of [
      ["192.0.2.1", "EADDRNOTAVAIL"],
      ["fe80::1", "EINVAL"],
      ["fe80::1%nowhere", "ENODEV"],
      ["nowhere.invalid", "ENOTFOUND"],
    ] as const
  ) {
    const failure = await assertRejects(() => openBatchEchoServer({ hostname, port: 0 }), Failure);
    if (code === "ENOTFOUND") assert(["ENOTFOUND", "EAI_AGAIN"].includes(failure.code));
    else assertEquals(failure.code, code, failure.message);
  }
});

test("an error of a listener stops openBatchEchoServer(), and a signal does", async () => {
  const server = await openBatchEchoServer({
    port: 0,
    event: () => {
      throw new Error("the reader has gone");
    },
  });
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  await socket.send(new Uint8Array(1), server.addr);
  await assertRejects(() => server.finished, Error, "the reader has gone");
  socket.close();
  const stop = new AbortController();
  const stopped = await openBatchEchoServer({ port: 0, signal: stop.signal });
  stop.abort();
  await stopped.finished;
});

/** A socket that receives nothing and answers each call of `send` as a test says. */
class Refusing implements BatchCalls {
  readonly addr = addr("127.0.0.1", 1060);
  readonly sizes: number[] = [];
  readonly answers: (number | Error)[];
  received: (number | Error)[] = [];
  readonly #woken = Promise.withResolvers<void>();
  #ready = Promise.withResolvers<void>();
  closed = false;

  constructor(answers: (number | Error)[]) {
    this.answers = answers;
  }

  receive(): number {
    const next = this.received.shift() ?? 0;
    if (next instanceof Error) throw next;
    return next;
  }

  data(): Uint8Array {
    return new Uint8Array(0);
  }

  takeName(): Uint8Array {
    return encodeAddress(this.addr, 0);
  }

  set(): void {}

  send(count: number): number {
    this.sizes.push(count);
    const answer = this.answers.shift() ?? count;
    if (answer instanceof Error) throw answer;
    return answer;
  }

  async readable(): Promise<void> {
    await Promise.race([this.#woken.promise, this.#ready.promise]);
    this.#ready = Promise.withResolvers();
  }

  /** Lets {@linkcode readable} end once. */
  arrive(...received: (number | Error)[]): void {
    this.received = received;
    this.#ready.resolve();
  }

  wake(): void {
    this.#woken.resolve();
  }

  close(): void {
    this.closed = true;
  }
}

test("a batch port sends the rest of a batch again, skips what the system refuses, and waits for room", async () => {
  const unreachable = Object.assign(new Error("no"), { code: "ENETUNREACH" });
  // 2 of 5 are sent, the third is refused, then there is no room, twice, and then for all.
  const socket = new Refusing([2, unreachable, 0, 0]);
  const told: string[] = [];
  const port = new BatchPort(socket, {
    datagram: () => told.push("datagram"),
    sent: (_to, data) => told.push(`sent ${data[0]}`),
    failed: (error, to) => told.push(`failed ${(error as { code?: string }).code} ${to?.port}`),
  });
  for (let i = 0; i < 5; i++) port.send(new Uint8Array([i]), addr("127.0.0.1", 100 + i));
  await until(() => told.length === 5, "every outcome");
  assertEquals(told, ["sent 0", "sent 1", "failed ENETUNREACH 102", "sent 3", "sent 4"]);
  assertEquals(socket.sizes, [5, 3, 2, 2, 2]);
  port.close();
  await port.finished;
  assert(socket.closed);
});

test("a batch port sends no more than a batch at once, and receives nothing while replies wait", async () => {
  const socket = new Refusing([0]);
  const told: string[] = [];
  const port = new BatchPort(socket, {
    datagram: (_data, from) => {
      told.push("datagram");
      for (let i = 0; i < BATCH + 1; i++) port.send(new Uint8Array(1), from);
    },
    sent: () => told.push("sent"),
    failed: (error) => told.push(`failed ${error}`),
  });
  socket.arrive(1, new Error("a failed receive"), 0);
  await until(() => told.length === BATCH + 3, "a failed receive");
  assertEquals(socket.sizes, [BATCH, BATCH, 1]);
  assertEquals(told, [
    "datagram",
    ...Array(BATCH + 1).fill("sent"),
    "failed Error: a failed receive",
  ]);
  port.close();
  await port.finished;
});
