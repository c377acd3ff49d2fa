// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import { callAfter, TimeLimit } from "../../lib/base/clock.ts";

/** Keeps the event loop busy. */
function block(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

function after(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  callAfter(ms, resolve);
  return promise;
}

Deno.test("callAfter() calls in the order of the times, and not before they have passed", async () => {
  const start = performance.now();
  const order: number[] = [];
  await Promise.all([90, 10, 50].map(async (ms) => {
    await after(ms);
    order.push(ms);
    assert(performance.now() - start >= ms - 1, `${ms} ms have passed`);
  }));
  assertEquals(order, [10, 50, 90]);
});

Deno.test("callAfter() does not call once it is disposed", async () => {
  let called = false;
  callAfter(10, () => called = true)[Symbol.dispose]();
  await after(80);
  assertEquals(called, false);
});

Deno.test("callAfter() lets a function that it calls wait again", async () => {
  await after(10);
  const start = performance.now();
  await after(60);
  assert(performance.now() - start >= 59);
});

Deno.test("TimeLimit lets what arrived during a long interval be handled before it aborts", async () => {
  using limit = new TimeLimit(100);
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const received = socket.receive();
  await socket.send(Uint8Array.of(1), socket.addr);
  const first = Promise.race([
    received.then(() => "received"),
    new Promise<string>((resolve) => {
      limit.signal.addEventListener("abort", () => resolve("aborted"));
    }),
  ]);
  block(600);
  assertEquals(await first, "received");
  socket.close();
});

Deno.test("TimeLimit aborts with a TimeoutError", async () => {
  using limit = new TimeLimit(20);
  const { signal } = limit;
  await assertRejects(
    () => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    DOMException,
    "no answer within 20 ms",
  );
  assertEquals(signal.reason.name, "TimeoutError");
});
