// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { callAfter, TimeLimit } from "../../lib/base/clock.ts";
import { HandClock, receiveAll } from "../fixtures/hand_clock.ts";

/** Waits for each of several times. Returns the times in the order of the calls, each with what had passed by then. */
function called(times: readonly number[], clock: HandClock, steps: readonly number[]) {
  const calls: [ms: number, passed: number][] = [];
  let passed = 0;
  for (const ms of times) callAfter(ms, () => calls.push([ms, passed]));
  for (const step of steps) {
    passed += step;
    clock.pass(step);
  }
  return calls;
}

Deno.test("callAfter() calls in the order of the times, and not before they have passed", () => {
  using clock = new HandClock();
  const steps = Array.from({ length: 6 }, () => 20);
  assertEquals(called([90, 10, 50], clock, steps), [[10, 20], [50, 60], [90, 100]]);
});

Deno.test("callAfter() calls in the order of the times where one interval was as long as all of them", () => {
  using clock = new HandClock();
  assertEquals(called([90, 10, 50], clock, [150]), [[10, 150], [50, 150], [90, 150]]);
  // What arrived during a very long interval is read first.
  assertEquals(called([90, 10, 50], clock, [600, 20]), [[10, 620], [50, 620], [90, 620]]);
});

Deno.test("callAfter() does not call once it is disposed", () => {
  using clock = new HandClock();
  let calls = 0;
  callAfter(10, () => calls++)[Symbol.dispose]();
  using _second = callAfter(20, () => calls++);
  const third = callAfter(30, () => calls++);
  callAfter(25, () => third[Symbol.dispose]());
  clock.pass(80);
  assertEquals(calls, 1);
});

Deno.test("callAfter() lets a function that it calls wait again", () => {
  using clock = new HandClock();
  const passed: number[] = [];
  let time = 0;
  callAfter(10, () => {
    passed.push(time);
    callAfter(60, () => passed.push(time));
  });
  while (passed.length < 2) {
    time += 20;
    clock.pass(20);
  }
  assertEquals(passed, [20, 80]);
});

Deno.test("TimeLimit lets what arrived during a long interval be handled before it aborts", async () => {
  using clock = new HandClock();
  using limit = new TimeLimit(100);
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const order: string[] = [];
  limit.signal.addEventListener("abort", () => order.push("aborted"));
  const received = socket.receive().then(() => order.push("received"));
  await socket.send(Uint8Array.of(1), socket.addr);
  clock.pass(600);
  await receiveAll();
  await received;
  assertEquals(order, ["received"]);
  clock.pass(20);
  assertEquals(order, ["received", "aborted"]);
  socket.close();
});

Deno.test("TimeLimit aborts with a TimeoutError", () => {
  using clock = new HandClock();
  using limit = new TimeLimit(20);
  clock.pass(19);
  assertEquals(limit.signal.aborted, false);
  clock.pass(1);
  const { aborted, reason } = limit.signal;
  assertEquals([aborted, reason.name, reason.message], [
    true,
    "TimeoutError",
    "no answer within 20 ms",
  ]);
});
