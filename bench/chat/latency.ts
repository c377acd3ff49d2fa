/**
 * Latency: one message from one client's standard input to another's standard output, through a relay; beside it the
 * same through ncat, and through the same hops in plain Deno. Both ends are pipes of this process, so one clock sees both.
 * The processor time of the three processes stands beside it, as other work on the machine changes it less.
 *
 * @module
 */

import { type Bench, type Figure, leftOut } from "./bench.ts";
import { median, percentile } from "./figures.ts";
import { pause, type Processes, type Running, within } from "./processes.ts";
import { processorMs } from "./processor.ts";
import { hasNcat, NO_NCAT, startBare, startNcat, startParley } from "./relays.ts";

const GOAL_OF_BARE = 1.15;
const WARM_UP = 200;
const MESSAGE_TIMEOUT_MS = 5_000;
const NEWLINE = 10;

/** Two clients and what stands between them. */
interface Pair {
  readonly sender: Running;
  readonly relay: Running;
  readonly receiver: Running;
}

/** What each run gave, in milliseconds a message. */
class Runs {
  readonly middles: number[] = [];
  readonly tails: number[] = [];
  /** The processor time of the three processes. */
  readonly costs: number[] = [];

  /** Measures one run. */
  async add(pair: Pair, count: number): Promise<void> {
    const before = await processorOf(pair);
    const taken = await times(pair, count);
    this.costs.push((await processorOf(pair) - before) / count);
    this.middles.push(median(taken));
    this.tails.push(percentile(taken, 0.99));
  }

  /** What stands beside the median. */
  get note(): string {
    return `p99 ${milliseconds(median(this.tails))}; processor ${milliseconds(median(this.costs))}`;
  }
}

async function processorOf(pair: Pair): Promise<number> {
  const used = await Promise.all(processesOf(pair).map(({ pid }) => processorMs(pid)));
  return used.reduce((sum, ms) => sum + ms, 0);
}

function processesOf({ sender, receiver, relay }: Pair): Running[] {
  return [sender, receiver, relay];
}

/** Measures a message's way, for parley and for ncat in turns. */
export async function latency({ processes, runs, quick }: Bench): Promise<Figure[]> {
  const count = quick ? 200 : 1000;
  const parley = await parleyPair(processes);
  const ncat = await hasNcat() ? await ncatPair(processes) : undefined;
  const bare = await barePair(processes);
  const [ours, theirs, limit] = [new Runs(), new Runs(), new Runs()];
  await times(parley, WARM_UP);
  await times(bare, WARM_UP);
  for (let run = 0; run < runs; run++) {
    await ours.add(parley, count);
    if (ncat !== undefined) await theirs.add(ncat, count);
    await limit.add(bare, count);
  }
  for (const pair of [parley, ncat, bare]) await stop(pair);
  const what = "latency: one message, send to shown";
  // Each run against the one beside it.
  const beside = (name: "middles" | "costs") =>
    median(ours[name].map((one, i) => one / limit[name][i]!));
  const ratio = beside("middles");
  return [
    {
      what,
      goal: `<= ${GOAL_OF_BARE} of bare`,
      measured: `${milliseconds(median(ours.middles))}, ${ratio.toFixed(2)} of bare`,
      met: ratio <= GOAL_OF_BARE,
      note: `${ours.note}, ${beside("costs").toFixed(2)} of bare; ${count} messages a run`,
    },
    ncat === undefined
      ? leftOut(`${what}, ncat --broker`, NO_NCAT)
      : { ...besideIt(`${what}, ncat --broker`, theirs), note: `${theirs.note}; not encrypted` },
    besideIt(`${what}, bare`, limit),
  ];
}

function besideIt(what: string, runs: Runs): Figure {
  const measured = milliseconds(median(runs.middles));
  return { what, goal: undefined, measured, met: undefined, note: runs.note };
}

function milliseconds(value: number): string {
  return `${value.toFixed(2)} ms`;
}

async function parleyPair(processes: Processes): Promise<Pair> {
  const relay = await startParley(processes);
  const client = ["client", `127.0.0.1:${relay.port}`, "--json", "--listen", "--name"];
  const receiver = processes.chat([...client, "receiver"]);
  await receiver.line(); // that it has joined itself
  const sender = processes.chat([...client, "sender"]);
  await receiver.line(); // that the sender has joined
  await receiver.line(); // that it is really there
  discard(sender);
  return { sender, receiver, relay: relay.process };
}

async function ncatPair(processes: Processes): Promise<Pair> {
  const relay = await startNcat(processes);
  const client = () => processes.start("ncat", ["127.0.0.1", String(relay.port)]);
  const receiver = client();
  const sender = client();
  discard(sender);
  await pause(500); // ncat does not say when it is connected
  return { sender, receiver, relay: relay.process };
}

async function barePair(processes: Processes): Promise<Pair> {
  const relay = await startBare(processes);
  const args = ["client", String(relay.port)];
  const client = () => processes.deno(["--allow-net"], "bench/chat/bare.ts", args);
  const receiver = client();
  const sender = client();
  discard(sender);
  await pause(500); // it does not say when it is connected
  return { sender, receiver, relay: relay.process };
}

async function stop(pair: Pair | undefined): Promise<void> {
  for (const one of pair === undefined ? [] : processesOf(pair)) await one.stop();
}

/** Reads what a process says to its end, so that it never waits for a reader. */
function discard(process: Running): void {
  const drain = async () => {
    while (await process.read() !== undefined);
  };
  drain().catch(() => {}); // ends with the process, which reports for itself
}

/** How long messages took, one at a time, in milliseconds. */
async function times(pair: Pair, count: number): Promise<number[]> {
  const taken: number[] = [];
  for (let i = 0; i < count; i++) {
    const text = `message ${i} `.padEnd(63, "x");
    const started = performance.now();
    const written = pair.sender.write(`${text}\n`);
    await within(MESSAGE_TIMEOUT_MS, "a message", wholeLine(pair.receiver));
    taken.push(performance.now() - started);
    await written;
    // A message now and then, as people send them: not the next before the last has been acknowledged.
    await pause(1);
  }
  return taken;
}

async function wholeLine(process: Running): Promise<void> {
  let last: number | undefined;
  while (last !== NEWLINE) {
    const chunk = await process.read();
    if (chunk === undefined) throw new Error("the receiver ended");
    last = chunk.at(-1);
  }
}
