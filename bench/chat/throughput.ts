/**
 * Throughput: one sender, one relay, one receiver, each a process of its own, through the command line.
 *
 * @module
 */

import type { Bench, Figure } from "./bench.ts";
import { median, spread, thousands } from "./figures.ts";
import { linesIn, type Processes, type Running } from "./processes.ts";
import { startParley } from "./relays.ts";

const GOAL = 80_000;
const LINE_BYTES = 64;

/** How both members reach the relay. */
const CARRIERS = ["TCP", "WebSocket"] as const;
type Carrier = typeof CARRIERS[number];

/** Measures messages received a second, over TCP and over WebSocket by turns. */
export async function throughput({ processes, runs, quick }: Bench): Promise<Figure[]> {
  const count = quick ? 50_000 : 200_000;
  const relay = await startParley(processes, "--web");
  const rates: Record<Carrier, number[]> = { TCP: [], WebSocket: [] };
  for (let run = 0; run < runs; run++) {
    for (const carrier of CARRIERS) {
      const address = `${carrier === "TCP" ? "" : "http://"}127.0.0.1:${relay.port}`;
      rates[carrier].push(await measureRun(processes, address, `${carrier}-${run}`, count));
    }
  }
  await relay.process.stop();
  return CARRIERS.map((carrier) => figure(carrier, rates[carrier], count));
}

function figure(carrier: Carrier, rates: readonly number[], count: number): Figure {
  const rate = median(rates);
  const note = `${thousands(count)} lines a run, ${spread(rates, thousands)}`;
  const measured = `${thousands(rate)} messages/s`;
  if (carrier !== "TCP") {
    const what = `the same by ${carrier}, in turns`;
    return { what, goal: undefined, measured, met: undefined, note };
  }
  return {
    what: "throughput: 64-byte lines, one sender to one receiver",
    goal: `>= ${thousands(GOAL)} messages/s`,
    measured,
    met: rate >= GOAL,
    note,
  };
}

async function measureRun(
  processes: Processes,
  address: string,
  name: string,
  count: number,
): Promise<number> {
  const receiver = processes.chat(
    ["client", address, "--listen", "--json", "--name", `receiver-${name}`],
  );
  await receiver.endInput();
  await receiver.line(); // that it has joined itself
  const sender = processes.chat(["client", address, "--json", "--name", `sender-${name}`]);
  await receiver.line(); // that the sender has joined
  await receiver.line(); // that it is really there
  await sender.line();
  const drained = drain(sender);
  const rate = await measure(sender, receiver, count);
  await drained;
  await receiver.stop();
  return rate;
}

/** From the first byte into the sender's pipe to the last line out of the receiver's. */
async function measure(sender: Running, receiver: Running, count: number): Promise<number> {
  const chunks: Uint8Array[] = [];
  const started = performance.now();
  const entered = sender.write(numberedLines(count)).then(() => sender.endInput());
  for (let seen = 0; seen < count;) {
    const chunk = await receiver.read();
    if (chunk === undefined) throw new Error(`the receiver ended after ${seen} of ${count} lines`);
    chunks.push(chunk);
    seen += linesIn(chunk);
  }
  const seconds = (performance.now() - started) / 1000;
  await entered;
  await checkReceived(chunks, count);
  return count / seconds;
}

/** Lines of 64 bytes, their ends included, each with its number. */
function numberedLines(count: number): string {
  const lines: string[] = [];
  for (let i = 0; i < count; i++) lines.push(`${i} `.padEnd(LINE_BYTES - 1, "x"));
  return `${lines.join("\n")}\n`;
}

/** What was counted has to be every message, whole, in order, once. */
async function checkReceived(chunks: readonly Uint8Array[], count: number): Promise<void> {
  const lines = (await new Blob(chunks as Uint8Array<ArrayBuffer>[]).text()).split("\n");
  const expected = numberedLines(count).split("\n");
  for (let i = 0; i < count; i++) {
    const { event, text } = JSON.parse(lines[i]!);
    if (event !== "message" || text !== expected[i]) {
      throw new Error(`line ${i} came as ${lines[i]}`);
    }
  }
}

async function drain(process: Running): Promise<void> {
  while (await process.read() !== undefined);
}
