/**
 * The parts that need no socket: asking again, judging replies, counting times, receiving in batches.
 *
 * @module
 */

import { BoundedLog } from "../../lib/os/streams.ts";
import { ReceiveDepth } from "../../lib/udp/datagram_port.ts";
import { Question, resendWaits } from "../../lib/udp/echo_client.ts";
import { Histogram } from "../../lib/udp/load.ts";
import { addr, seeded } from "./addr.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";

const SERVER = addr("127.0.0.1", 1060);
const STRANGER = addr("127.0.0.1", 1061);

Deno.test("resendWaits() doubles from 100 ms to 2 s without jitter", () => {
  const waits = resendWaits(() => 0);
  const first = Array.from({ length: 7 }, () => waits.next().value);
  assertEquals(first, [100, 200, 400, 800, 1600, 2000, 2000]);
});

Deno.test("resendWaits() shortens each wait by up to a half, never the same for two clients", () => {
  const [one, two] = [resendWaits(seeded(1)), resendWaits(seeded(2))];
  for (const whole of [100, 200, 400, 800, 1600, 2000]) {
    const [a, b] = [one.next().value, two.next().value];
    for (const wait of [a, b]) assert(wait > whole / 2 && wait <= whole, `${wait} of ${whole}`);
    assert(a !== b);
  }
});

Deno.test("a question accepts only the reply of the server that was asked", () => {
  const question = new Question(SERVER, false);
  assertEquals(question.judge(STRANGER), "forged");
  assertEquals(question.judge(addr("127.0.0.2", 1060)), "forged");
  assertEquals(question.judge(SERVER), "answer");
  assertEquals(question.judge(SERVER), "duplicate");
  assertEquals(question.judge(STRANGER), "forged");
});

Deno.test("a question that timed out accepts nothing: its reply is late", () => {
  const question = new Question(SERVER, false);
  question.giveUp();
  assertEquals(question.judge(SERVER), "late");
  assertEquals(question.judge(SERVER), "late");
  assertEquals(question.judge(STRANGER), "forged");
});

Deno.test("a promiscuous question accepts the first reply from anyone, and the server's own is then late", () => {
  const question = new Question(SERVER, true);
  assertEquals(question.judge(STRANGER), "answer");
  assertEquals(question.judge(STRANGER), "duplicate");
  assertEquals(question.judge(SERVER), "late");
  question.giveUp();
  assertEquals(question.judge(SERVER), "late");
});

Deno.test("a histogram's percentiles lie within 1 in 32 of the exact ones", () => {
  const time = fc.double({ min: 2, max: 1e8, noNaN: true });
  fc.assert(fc.property(fc.array(time, { minLength: 1, maxLength: 200 }), (times) => {
    const histogram = new Histogram();
    for (const one of times) histogram.record(one);
    const sorted = times.toSorted((a, b) => a - b);
    for (const share of [0, 0.5, 0.9, 0.99, 1]) {
      const exact = sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1]!;
      const found = histogram.percentile(share);
      assert(Math.abs(found - exact) <= exact / 32, `${share}: ${found}, not ${exact}`);
    }
    assertEquals(histogram.count, times.length);
    assertEquals(histogram.max, sorted.at(-1));
    assertEquals(histogram.min, sorted[0]);
    assertEquals(histogram.rows().reduce((sum, { count }) => sum + count, 0), times.length);
  }));
});

Deno.test("a histogram has a row for each doubling, and no empty rows at its ends", () => {
  const histogram = new Histogram();
  assertEquals([histogram.rows(), histogram.percentile(0.5), histogram.min], [[], 0, 0]);
  for (const time of [0, 1.9, 33, 63.9, 64, 300, 1e15]) histogram.record(time);
  const rows = histogram.rows();
  assertEquals(rows[0], { from: 0, to: 2, count: 2 });
  assertEquals(rows.find(({ from }) => from === 32), { from: 32, to: 64, count: 2 });
  assertEquals(rows.find(({ from }) => from === 64), { from: 64, to: 128, count: 1 });
  assertEquals(rows.find(({ from }) => from === 128)!.count, 0);
  assertEquals(rows.at(-1)!.count, 1);
});

Deno.test("the depth stays at one receive, or returns to it, if datagrams arrive one by one", () => {
  const depth = new ReceiveDepth(32);
  for (let i = 0; i < 100; i++) {
    depth.note(1, depth.depth);
    assert(depth.depth <= 2, `${depth.depth} at datagram ${i}`);
  }
});

Deno.test("the depth grows to its limit while all complete together, and halves when few do", () => {
  const depth = new ReceiveDepth(32);
  for (let i = 0; i < 20; i++) depth.note(depth.depth, depth.depth);
  assertEquals(depth.depth, 32);
  depth.note(17, 32);
  assertEquals(depth.depth, 32);
  depth.note(16, 32);
  assertEquals(depth.depth, 16);
  for (let i = 0; i < 10; i++) depth.note(1, depth.depth);
  assert(depth.depth <= 2);
});

Deno.test("a log without a reader counts a long line as several", async () => {
  const gate = Promise.withResolvers<void>();
  const log = new BoundedLog({ write: (bytes) => gate.promise.then(() => bytes.length) });
  for (let i = 0; i < 100; i++) log.print(["x".repeat(400_000)]);
  assertEquals(log.leftOut, 90);
  gate.resolve();
  await log.flush();
  log.print(["again"]);
  assertEquals(log.leftOut, 90);
  await log.flush();
});

Deno.test("a log without a reader drops lines, counts them, and goes on when it is read", async () => {
  const gate = Promise.withResolvers<void>();
  let written = "";
  const log = new BoundedLog({
    write: async (bytes) => {
      await gate.promise;
      written += new TextDecoder().decode(bytes);
      return bytes.length;
    },
  });
  for (let i = 0; i < 30_000; i++) log.print([`line ${i}`]);
  assertEquals(log.leftOut, 20_000);
  log.print(["the end"], true);
  gate.resolve();
  await log.flush();
  const lines = written.trimEnd().split("\n");
  assertEquals([lines.length, lines.at(-2), lines.at(-1)], [10_001, "line 9999", "the end"]);
  log.print(["again"]);
  await log.flush();
  assert(written.endsWith("the end\nagain\n"));
});
