/**
 * Load, and the forged reply, over real sockets on the loopback.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Failure } from "../../lib/base/failure.ts";
import { type ForgeryEvent, measureLoad, openEchoServer, playForgery } from "../../lib/udp.ts";
import { seeded } from "./addr.ts";

/** A server of the tests' own, which answers each datagram as it is told. */
class OddServer implements AsyncDisposable {
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly #running: Promise<void>;
  received = 0;

  constructor(
    answer: (socket: Deno.DatagramConn, from: Deno.Addr, nth: number) => Promise<unknown>,
  ) {
    this.#running = (async () => {
      for await (const [, from] of this.#socket) await answer(this.#socket, from, ++this.received);
    })();
  }

  get port(): number {
    return (this.#socket.addr as Deno.NetAddr).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#running;
  }
}

const REPLY = new TextEncoder().encode("Your data was 38 bytes long");

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(`load on ${hostname}: every datagram of a reliable server is answered once, and timed`, async () => {
    // A busy machine may answer nothing for a while: the run ends after so many answers, all but a window of them read.
    const enough = new AbortController();
    let answered = 0;
    await using server = openEchoServer({
      hostname,
      port: 0,
      event: ({ kind }) => {
        if (kind === "answered" && ++answered === 64) enough.abort();
      },
    });
    const { port } = server.addr;
    const { signal } = enough;
    const result = await measureLoad({ hostname, port, window: 8, size: 100, seconds: 60, signal });
    const { sent, replies, lost, duplicates, forged, roundTrips } = result;
    assert(sent >= 64);
    assertEquals([replies, lost, duplicates, forged], [sent, 0, 0, 0]);
    assertEquals(roundTrips.count, sent);
    assertEquals(server.counts.bytes, sent * 100);
    assert(result.rate * result.seconds >= 56 - 1e-6);
    assert(result.rate <= replies / result.seconds);
  });
}

Deno.test("load: the window limits the number of datagrams under way", async () => {
  const waiting: Deno.Addr[] = [];
  let most = 0;
  await using server = new OddServer(async (socket, from, nth) => {
    waiting.push(from);
    most = Math.max(most, waiting.length);
    // Holds back what comes first until the window is full, then answers all.
    if (nth >= 16) { for (const one of waiting.splice(0)) await socket.send(REPLY, one); }
  });
  await measureLoad({ port: server.port, window: 16, seconds: 0.1 });
  assertEquals(most, 16);
});

Deno.test("load: what a server drops is lost, and the window stays full", async () => {
  await using server = openEchoServer({ port: 0, drop: 0.05, random: seeded(3) });
  const result = await measureLoad({ port: server.addr.port, window: 8, seconds: 0.3 });
  assertEquals(result.lost, server.counts.dropped);
  assertEquals(result.sent, server.counts.datagrams);
  assertEquals(result.replies + result.lost, result.sent);
  assert(result.lost > 0);
  assertEquals(result.duplicates, 0);
});

Deno.test("load: second replies are duplicates, and replies of others are not counted as replies", async () => {
  using other = Object.assign(
    Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 }),
    {
      [Symbol.dispose](this: Deno.DatagramConn) {
        this.close();
      },
    },
  );
  await using server = new OddServer(async (socket, from) => {
    await other.send(REPLY, from);
    await socket.send(REPLY, from);
    await socket.send(REPLY, from);
  });
  const result = await measureLoad({ port: server.port, window: 1, seconds: 0.2 });
  assertEquals(result.replies, server.received);
  assertEquals(result.forged, server.received);
  assertEquals(result.duplicates, server.received);
});

Deno.test("load: a server that never answers and an impossible size are failures", async () => {
  await using server = openEchoServer({ port: 0, drop: 1 });
  const { port } = server.addr;
  const silent = await assertRejects(() => measureLoad({ port, window: 2, seconds: 0.1 }), Failure);
  assertEquals([silent.why, silent.code], ["the server did not answer", "ETIMEDOUT"]);
  assertEquals(silent.what, `sent 2 datagrams to 127.0.0.1:${port}`);
  const large = await assertRejects(() => measureLoad({ port, size: 65_508 }), Failure);
  assertEquals(large.code, "EMSGSIZE");
});

Deno.test("load: an abort signal ends the run early, with the figures so far", async () => {
  await using server = openEchoServer({ port: 0 });
  const stop = new AbortController();
  const result = measureLoad({ port: server.addr.port, seconds: 86_400, signal: stop.signal });
  while (server.counts.answered < 100) await new Promise((resolve) => setTimeout(resolve, 1));
  stop.abort();
  assert((await result).replies >= 100);
});

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(`the forged reply at ${hostname} fools a promiscuous client and no other, and all see it in order`, async () => {
    const play = async (promiscuous: boolean) => {
      const seen: string[] = [];
      const event = ({ party, event: { kind } }: ForgeryEvent) => seen.push(`${party} ${kind}`);
      return { seen, outcome: await playForgery({ promiscuous, hostname, event }) };
    };
    const start = ["server listening", "client assigned", "client asked", "server datagram"];
    const fooled = await play(true);
    assertEquals(fooled.seen, [
      ...start,
      "attacker forges",
      "client answer",
      "server answered",
      "client late",
    ]);
    assertEquals([fooled.outcome.fooled, fooled.outcome.refused], [true, 0]);
    assert(fooled.outcome.believed.port !== fooled.outcome.server.port);
    const checking = await play(false);
    assertEquals(checking.seen, [
      ...start,
      "attacker forges",
      "client forged",
      "server answered",
      "client answer",
    ]);
    assertEquals([checking.outcome.fooled, checking.outcome.refused], [false, 1]);
    assertEquals(checking.outcome.believed.port, checking.outcome.server.port);
  });
}

Deno.test("an abort signal ends the scene of the forged reply", async () => {
  const stop = new AbortController();
  const scene = playForgery({
    promiscuous: false,
    signal: stop.signal,
    event: ({ event }) => event.kind === "forged" && stop.abort(new Error("seen enough")),
  });
  await assertRejects(() => scene, Error, "seen enough");
});
