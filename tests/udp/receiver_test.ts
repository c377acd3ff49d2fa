/**
 * Receiving and answering on sockets that do what no real one here can be made to do.
 *
 * @module
 */

import { portOf, Receiver } from "../../lib/udp/datagram_port.ts";
import type { DatagramSocket } from "../../lib/udp/datagram_socket.ts";
import { type EchoServerEvent, serveEcho } from "../../lib/udp/echo_server.ts";
import { addr, until } from "./addr.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";

const CLIENT = addr("127.0.0.1", 40_000);

interface Pending {
  readonly buffer: Uint8Array<ArrayBuffer>;
  resolve(received: [Uint8Array<ArrayBuffer>, Deno.Addr]): void;
  reject(error: unknown): void;
}

/** A socket whose receives complete when a test says so, in the order that it says. */
class ScriptedSocket implements DatagramSocket {
  readonly addr = addr("127.0.0.1", 1060);
  readonly pending: Pending[] = [];
  readonly sent: string[] = [];
  sendError: unknown;

  receive(buffer = new Uint8Array(65_507)): Promise<[Uint8Array<ArrayBuffer>, Deno.Addr]> {
    return new Promise((resolve, reject) => this.pending.push({ buffer, resolve, reject }));
  }

  send(data: Uint8Array): Promise<number> {
    if (this.sendError !== undefined) return Promise.reject(this.sendError);
    this.sent.push(new TextDecoder().decode(data));
    return Promise.resolve(data.length);
  }

  /** Completes one of the receives in flight with so many bytes of a value. */
  complete(index: number, value: number, length = 1): void {
    const [{ buffer, resolve }] = this.pending.splice(index, 1) as [Pending];
    resolve([buffer.fill(value, 0, length).subarray(0, length), CLIENT]);
  }

  fail(index: number, error: unknown): void {
    this.pending.splice(index, 1)[0]!.reject(error);
  }

  close(): void {
    for (const { reject } of this.pending.splice(0)) reject(new Deno.errors.Interrupted());
  }
}

/** Lets everything happen that is ready. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Completes single receives until more than one is in flight. */
async function deepen(socket: ScriptedSocket, inFlight: number): Promise<void> {
  while (socket.pending.length < inFlight) {
    while (socket.pending.length > 0) socket.complete(0, 0);
    await turn();
  }
}

Deno.test("a receiver handles datagrams in the order in which they completed, not that of its buffers", async () => {
  const socket = new ScriptedSocket();
  const values: number[] = [];
  const receiver = new Receiver(socket, {
    datagram: (data) => values.push(data[0]!),
    failed: (error) => assertEquals(error, undefined),
  });
  await deepen(socket, 8);
  values.length = 0;
  for (const [index, value] of [[5, 1], [0, 2], [3, 3], [3, 4], [1, 5]] as const) {
    socket.complete(index, value);
  }
  await turn();
  assertEquals(values, [1, 2, 3, 4, 5]);
  receiver.close();
  await receiver.finished;
});

Deno.test("a receiver has a limited number of receives under way, and one if little arrives", async () => {
  const socket = new ScriptedSocket();
  const receiver = new Receiver(socket, { datagram: () => {}, failed: () => {} }, 4);
  assertEquals(socket.pending.length, 1);
  for (let i = 0; i < 30; i++) {
    while (socket.pending.length > 0) socket.complete(0, 0);
    await turn();
    assert(socket.pending.length <= 4);
  }
  assertEquals(socket.pending.length, 4);
  for (let i = 0; i < 8; i++) {
    socket.complete(0, 0);
    await turn();
  }
  assert(socket.pending.length <= 2, `${socket.pending.length}`);
  receiver.close();
  await receiver.finished;
});

Deno.test("a receiver goes on after receives that failed", async () => {
  const socket = new ScriptedSocket();
  const failures: unknown[] = [];
  let received = 0;
  const receiver = new Receiver(socket, {
    datagram: () => received += 1,
    failed: (error) => failures.push(error),
  });
  for (let i = 0; i < 3; i++) {
    // As Windows reports that an earlier reply found nobody.
    socket.fail(0, new Deno.errors.ConnectionReset("a sender has vanished"));
    await turn();
    assertEquals(socket.pending.length, 1);
    socket.fail(0, new Error("anything else"));
    await until(() => socket.pending.length === 1, "the next receive");
  }
  socket.complete(0, 1);
  await turn();
  assertEquals([failures.length, received], [6, 1]);
  socket.fail(0, new Error("just before it is closed"));
  await turn();
  receiver.close();
  await receiver.finished;
});

Deno.test("an echo server counts the replies that it cannot send, says which, and goes on", async () => {
  const socket = new ScriptedSocket();
  const events: EchoServerEvent[] = [];
  const server = serveEcho(portOf(socket), { event: (event) => events.push(event) });
  socket.sendError = Object.assign(new Error("os error 101"), { code: "ENETUNREACH" });
  socket.complete(0, 1, 5);
  await turn();
  socket.sendError = undefined;
  socket.complete(0, 1, 6);
  await turn();
  assertEquals(socket.sent, ["Your data was 6 bytes long"]);
  assertEquals(events.map(({ kind }) => kind), ["datagram", "failed", "datagram", "answered"]);
  assertEquals(server.counts, { datagrams: 2, bytes: 11, answered: 1, dropped: 0, failed: 1 });
  await server.close();
});

Deno.test("an error of an echo server's listener stops it and rejects `finished`", async () => {
  const socket = new ScriptedSocket();
  const server = serveEcho(portOf(socket), {
    event: () => {
      throw new Error("the reader has gone");
    },
  });
  socket.complete(0, 1);
  await assertRejects(() => server.finished, Error, "the reader has gone");
  assertEquals(socket.sent, []);
  await assertRejects(() => server.close(), Error, "the reader has gone");
});

Deno.test("at most 10,000 replies of an echo server wait", async () => {
  const socket = new ScriptedSocket();
  const server = serveEcho(portOf(socket), { delayMs: 3_600_000 });
  while (server.counts.datagrams < 10_100) {
    while (socket.pending.length > 0) socket.complete(0, 1);
    await Promise.resolve().then(() => {}).then(() => {});
  }
  assertEquals(server.counts.dropped, server.counts.datagrams - 10_000);
  await server.close();
});
