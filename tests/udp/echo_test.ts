/**
 * The echo server and client over real sockets on the loopback.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Failure } from "../../lib/base/failure.ts";
import {
  type EchoClient,
  type EchoClientEvent,
  type EchoClientOptions,
  type EchoServer,
  MAX_IPV4_BYTES,
  MAX_IPV6_BYTES,
  openEchoClient,
  openEchoServer,
  sendDatagram,
} from "../../lib/udp.ts";
import { addr, seeded, until } from "./addr.ts";

const PATIENT = { timeoutMs: 60_000 } as const;

const encoder = new TextEncoder();

function clientOf(server: EchoServer, options: EchoClientOptions = {}): Promise<EchoClient> {
  const { hostname, port } = server.addr;
  return openEchoClient({ hostname, port, ...PATIENT, ...options });
}

function socketAt(hostname: string): Deno.DatagramConn & Disposable {
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  return Object.assign(socket, { [Symbol.dispose]: () => socket.close() });
}

for (const hostname of ["127.0.0.1", "::1"]) {
  const most = hostname === "::1" ? MAX_IPV6_BYTES : MAX_IPV4_BYTES;

  Deno.test(`the echo server at ${hostname} answers with the length of anything up to the largest datagram`, async () => {
    await using server = openEchoServer({ hostname, port: 0 });
    await using client = await clientOf(server);
    for (const length of [0, 1, 38, 1_472, 65_506, most]) {
      const { text, from } = await client.ask(new Uint8Array(length));
      assertEquals(text, `Your data was ${length} bytes long`);
      assertEquals(from.port, server.addr.port);
    }
    assertEquals(server.counts.bytes, 38 + 1 + 1_472 + 65_506 + most);
  });

  Deno.test(`the echo server at ${hostname} leaves a reply unanswered: two servers would answer each other for ever`, async () => {
    await using server = openEchoServer({ hostname, port: 0 });
    using socket = socketAt(hostname);
    const say = (text: string) => socket.send(encoder.encode(text), server.addr);
    await say("Your data was 5 bytes long");
    await say("Your data was 65507 bytes long");
    await say("Your data was 123456 bytes long");
    const [reply] = await socket.receive();
    assertEquals(new TextDecoder().decode(reply), "Your data was 31 bytes long");
    const { datagrams, answered, dropped } = server.counts;
    assertEquals({ datagrams, answered, dropped }, { datagrams: 3, answered: 1, dropped: 2 });
  });

  Deno.test(`one byte more than a datagram to ${hostname} takes is EMSGSIZE, from the client and from send`, async () => {
    await using server = openEchoServer({ hostname, port: 0 });
    await using client = await clientOf(server);
    const what = new RegExp(`^cannot send ${most + 1} bytes to .*${server.addr.port}$`);
    for (
      const send of [
        (data: Uint8Array) => client.ask(data),
        (data: Uint8Array) => sendDatagram(hostname, server.addr.port, data),
      ]
    ) {
      const failure = await assertRejects(() => send(new Uint8Array(most + 1)), Failure);
      assertEquals(failure.code, "EMSGSIZE");
      assert(what.test(failure.what), failure.what);
    }
    assertEquals((await client.ask("still there")).text, "Your data was 11 bytes long");
  });

  Deno.test(`a client at ${hostname} does not take a forged reply, and waits on for the true one`, async () => {
    using server = socketAt(hostname);
    const { port } = server.addr as Deno.NetAddr;
    const forged: EchoClientEvent[] = [];
    const event = (one: EchoClientEvent) => one.kind === "forged" && forged.push(one);
    await using client = await openEchoClient({ hostname, port, ...PATIENT, retries: 0, event });
    const answer = client.ask("who are you?");
    const [, victim] = await server.receive() as [Uint8Array, Deno.NetAddr];
    for (const lie of ["Your data was stolen", "Your data was 12 bytes long", ""]) {
      await sendDatagram(victim.hostname, victim.port, lie);
    }
    // Once all the lies have gone, however long that takes.
    await server.send(encoder.encode("Your data was 12 bytes long"), victim);
    const { text, from } = await answer;
    assertEquals([text, from.port], ["Your data was 12 bytes long", port]);
    assertEquals([client.counts.forged, forged.length], [3, 3]);
  });

  Deno.test(`a promiscuous client at ${hostname} takes the forged reply and says from whom`, async () => {
    using server = socketAt(hostname);
    const { port } = server.addr as Deno.NetAddr;
    const options = { ...PATIENT, retries: 0, promiscuous: true };
    await using client = await openEchoClient({ hostname, port, ...options });
    const answer = client.ask("who are you?");
    const [, victim] = await server.receive();
    using attacker = socketAt(hostname);
    await attacker.send(encoder.encode("lies"), victim);
    const { text, from } = await answer;
    assertEquals([text, from.port], ["lies", (attacker.addr as Deno.NetAddr).port]);
    // The server's own reply finds the question answered.
    await server.send(encoder.encode("Your data was 12 bytes long"), victim);
    await until(() => client.counts.late === 1, "the late reply");
  });
}

Deno.test("the echo server answers text of any script, by its bytes", async () => {
  await using server = openEchoServer({ port: 0 });
  await using client = await clientOf(server, { hostname: "localhost" });
  assertEquals((await client.ask("世界 👋")).text, "Your data was 11 bytes long");
});

Deno.test("the echo server answers 10,000 datagrams from 1,000 ports, and reports them in order", async () => {
  const heard = new Map<number, number[]>();
  await using server = openEchoServer({
    port: 0,
    event: (event) => {
      if (event.kind !== "datagram") return;
      const numbers = heard.get(event.from.port) ?? [];
      heard.set(event.from.port, numbers);
      numbers.push(event.data.length);
    },
  });
  let replies = 0;
  // The same port is never open twice at a time, but the system may give one again: it is counted by batch.
  for (let batch = 0; batch < 10; batch++) {
    const sockets = Array.from({ length: 100 }, () => socketAt("127.0.0.1"));
    heard.clear();
    await Promise.all(sockets.map(async (socket) => {
      // One at a time from each port: a hundred are under way, and no buffer of the system overflows.
      for (let i = 1; i <= 10; i++) {
        await socket.send(new Uint8Array(i), server.addr);
        const [data] = await socket.receive();
        assertEquals(new TextDecoder().decode(data), `Your data was ${i} bytes long`);
        replies += 1;
      }
    }));
    assertEquals(heard.size, 100);
    for (const numbers of heard.values()) assertEquals(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    for (const socket of sockets) socket.close();
  }
  assertEquals(replies, 10_000);
  assertEquals(server.counts.datagrams, 10_000);
});

Deno.test("the echo server survives senders that vanish and datagrams of garbage", async () => {
  await using server = openEchoServer({ port: 0 });
  const random = seeded(5);
  for (let i = 0; i < 200; i++) {
    using socket = socketAt("127.0.0.1");
    const garbage = Uint8Array.from({ length: Math.floor(random() * 100) }, () => random() * 256);
    await socket.send(garbage, server.addr);
  }
  await until(() => server.counts.datagrams === 200, "all of them");
  await using client = await clientOf(server);
  assertEquals((await client.ask("still there?")).text, "Your data was 12 bytes long");
});

Deno.test("--drop: the echo server ignores the requested share, and the client asks again until it is answered", async () => {
  await using server = openEchoServer({ port: 0, drop: 0.3, random: seeded(1) });
  await using client = await clientOf(server, { retries: 100, random: () => 1 });
  for (let i = 0; i < 8; i++) {
    assertEquals((await client.ask("x")).text, "Your data was 1 bytes long");
  }
  const { datagrams, answered, dropped } = server.counts;
  assertEquals(answered + dropped, datagrams);
  assert(dropped > 0, "some were dropped");
  assert(client.counts.asked > 8, "and asked again");
});

Deno.test("a question without an answer fails at its timeout, and says how often it was sent", async () => {
  await using server = openEchoServer({ port: 0, drop: 1 });
  await using client = await clientOf(server, { timeoutMs: 3_000, retries: 2, random: () => 1 });
  const failure = await assertRejects(() => client.ask("x"), Failure);
  assertEquals(failure.code, "ETIMEDOUT");
  assertEquals(failure.why, "the server did not answer");
  assertEquals(failure.what, `asked 127.0.0.1:${server.addr.port} 3 times in 3000 ms`);
  await until(() => server.counts.datagrams === 3, "three datagrams");
});

Deno.test("a flood of forged replies does not delay the timeout", async () => {
  const asked = Promise.withResolvers<Deno.NetAddr>();
  await using server = openEchoServer({
    port: 0,
    drop: 1,
    event: (event) => event.kind === "datagram" && asked.resolve(event.from),
  });
  await using client = await clientOf(server, { timeoutMs: 300, retries: 0 });
  let over = false;
  const answer = assertRejects(() => client.ask("x"), Failure).finally(() => over = true);
  using attacker = socketAt("127.0.0.1");
  const victim = await asked.promise;
  while (!over) {
    for (let i = 0; i < 50; i++) await attacker.send(new Uint8Array(1), victim);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assertEquals((await answer).code, "ETIMEDOUT");
  assert(client.counts.forged > 0);
  assertEquals(client.counts.answered, 0);
});

Deno.test("a reply to a question that was given up is late, and does not answer the next one", async () => {
  using server = socketAt("127.0.0.1");
  const seen: string[] = [];
  await using client = await openEchoClient({
    port: (server.addr as Deno.NetAddr).port,
    timeoutMs: 3_000,
    retries: 0,
    event: ({ kind, question }) => seen.push(`${kind} ${question}`),
  });
  const [first] = await Promise.all([server.receive(), assertRejects(() => client.ask("one"))]);
  const second = client.ask("two");
  const [, to] = await server.receive();
  await server.send(encoder.encode("to one"), first[1]);
  await until(() => seen.includes("late 1"), "the late reply");
  await server.send(encoder.encode("to two"), to);
  assertEquals((await second).text, "to two");
  assertEquals(client.counts.late, 1);
});

Deno.test("a reply that comes twice is a duplicate, and not the next question's answer", async () => {
  using server = socketAt("127.0.0.1");
  await using client = await openEchoClient({
    port: (server.addr as Deno.NetAddr).port,
    ...PATIENT,
  });
  const ask = async (text: string, ...replies: string[]) => {
    const answer = client.ask(text);
    const [, from] = await server.receive();
    for (const reply of replies) await server.send(encoder.encode(reply), from);
    return { answer: await answer, from };
  };
  const { answer, from } = await ask("one", "first", "first");
  assertEquals(answer.text, "first");
  await until(() => client.counts.duplicates === 1, "the duplicate");
  const second = client.ask("two");
  await server.send(encoder.encode("first"), from);
  await until(() => client.counts.duplicates === 2, "the second duplicate");
  const [, next] = await server.receive();
  await server.send(encoder.encode("second"), next);
  assertEquals((await second).text, "second");
  assertEquals(client.counts.answered, 2);
});

Deno.test("a client with hundreds of questions keeps few ports open", async () => {
  await using server = openEchoServer({ port: 0 });
  await using client = await clientOf(server);
  const ports = new Set<number>();
  for (let i = 0; i < 300; i++) await client.ask("x");
  // Were all 300 open, with a buffer each, closing would take them all; a port that is closed can be taken.
  const assigned: number[] = [];
  await using counting = await clientOf(server, {
    event: (event) => event.kind === "assigned" && assigned.push(event.addr.port),
  });
  for (let i = 0; i < 40; i++) await counting.ask("x");
  for (const port of assigned) {
    try {
      Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port }).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      ports.add(port);
    }
  }
  assert(ports.size <= 17, `${ports.size} of 40 are open`);
  assert(ports.size > 0, "the last ones are");
});

Deno.test("an abort signal stops a server and a client, and an aborted one starts neither", async () => {
  const stop = new AbortController();
  await using server = openEchoServer({ port: 0, drop: 1, signal: stop.signal });
  await using client = await clientOf(server, { signal: stop.signal });
  const answer = client.ask("x");
  await until(() => server.counts.datagrams > 0, "the question");
  stop.abort(new Error("enough"));
  await assertRejects(() => answer, Error, "enough");
  await server.finished;
  await assertRejects(() => client.ask("y"), Error, "enough");
  await assertRejects(() => openEchoClient({ signal: stop.signal }), Error, "enough");
  await assertRejects(
    () => Promise.resolve().then(() => openEchoServer({ port: 0, signal: stop.signal })),
    Error,
    "enough",
  );
});

Deno.test("Symbol.asyncDispose closes a server with replies that wait, and a client with questions that wait", async () => {
  let address = addr("", 0);
  let answer: Promise<unknown> = Promise.resolve();
  {
    await using server = openEchoServer({ port: 0, delayMs: 3_600_000 });
    address = server.addr;
    await using client = await clientOf(server);
    answer = assertRejects(() => client.ask("x"), DOMException, "closed");
    await until(() => server.counts.datagrams > 0, "the question");
  }
  await answer;
  await using again = openEchoServer({ port: address.port });
  assertEquals(again.addr.port, address.port);
});

Deno.test("a host that does not exist and an address that is taken are failures in plain words", async () => {
  await using server = openEchoServer({ port: 0 });
  const { port } = server.addr;
  const taken = await assertRejects(
    () => Promise.resolve().then(() => openEchoServer({ port })),
    Failure,
  );
  assertEquals([taken.what, taken.code], [`cannot listen on 127.0.0.1:${port}`, "EADDRINUSE"]);
  const nobody = await assertRejects(() => openEchoClient({ hostname: "no.invalid" }), Failure);
  assertEquals(nobody.what, "cannot find no.invalid");
  assert(["ENOTFOUND", "EAI_AGAIN"].includes(nobody.code), nobody.code);
});
