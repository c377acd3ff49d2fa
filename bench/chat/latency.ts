/**
 * Latency: one message from one client's standard input to another's standard output, through a relay; beside it the
 * same through ncat, and through the same hops in plain Deno. Both ends are pipes of this process, so one clock sees both.
 *
 * @module
 */

import { type Bench, type Figure, leftOut } from "./bench.ts";
import { median, percentile } from "./figures.ts";
import { pause, type Processes, type Running, within } from "./processes.ts";
import { hasNcat, NO_NCAT, startBare, startNcat, startParley } from "./relays.ts";

const GOAL_OF_BARE = 1.15;
const WARM_UP = 200;
const MESSAGE_TIMEOUT_MS = 5_000;
const NEWLINE = 10;

/** Two clients and what stands between them. */
interface Pair {
  readonly sender: Running;
  readonly receiver: Running;
  stop(): Promise<void>;
}

/** Measures a message's way, for parley and for ncat in turns. */
export async function latency({ processes, runs, quick }: Bench): Promise<Figure[]> {
  const count = quick ? 200 : 1000;
  const parley = await parleyPair(processes);
  const ncat = await hasNcat() ? await ncatPair(processes) : undefined;
  const bare = await barePair(processes);
  const ours = { middles: [] as number[], tails: [] as number[] };
  const theirs = { middles: [] as number[], tails: [] as number[] };
  const limit = { middles: [] as number[], tails: [] as number[] };
  await times(parley, WARM_UP);
  await times(bare, WARM_UP);
  for (let run = 0; run < runs; run++) {
    for (const [pair, into] of [[parley, ours], [ncat, theirs], [bare, limit]] as const) {
      if (pair === undefined) continue;
      const taken = await times(pair, count);
      into.middles.push(median(taken));
      into.tails.push(percentile(taken, 0.99));
    }
  }
  await parley.stop();
  await ncat?.stop();
  await bare.stop();
  const what = "latency: one message, send to shown";
  const middle = median(ours.middles);
  // Each run against the one beside it.
  const ratio = median(ours.middles.map((one, i) => one / limit.middles[i]!));
  return [
    {
      what,
      goal: `<= ${GOAL_OF_BARE} of bare`,
      measured: `${milliseconds(middle)}, ${ratio.toFixed(2)} of bare`,
      met: ratio <= GOAL_OF_BARE,
      note: `p99 ${milliseconds(median(ours.tails))}; ${count} messages a run`,
    },
    ncat === undefined ? leftOut(`${what}, ncat --broker`, NO_NCAT) : {
      what: `${what}, ncat --broker`,
      goal: undefined,
      measured: milliseconds(median(theirs.middles)),
      met: undefined,
      note: `p99 ${milliseconds(median(theirs.tails))}; not encrypted`,
    },
    {
      what: `${what}, bare`,
      goal: undefined,
      measured: milliseconds(median(limit.middles)),
      met: undefined,
      note: `p99 ${milliseconds(median(limit.tails))}`,
    },
  ];
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
  return { sender, receiver, stop: () => stop(sender, receiver, relay.process) };
}

async function ncatPair(processes: Processes): Promise<Pair> {
  const relay = await startNcat(processes);
  const client = () => processes.start("ncat", ["127.0.0.1", String(relay.port)]);
  const receiver = client();
  const sender = client();
  discard(sender);
  await pause(500); // ncat does not say when it is connected
  return { sender, receiver, stop: () => stop(sender, receiver, relay.process) };
}

async function barePair(processes: Processes): Promise<Pair> {
  const relay = await startBare(processes);
  const args = ["client", String(relay.port)];
  const client = () => processes.deno(["--allow-net"], "bench/chat/bare.ts", args);
  const receiver = client();
  const sender = client();
  discard(sender);
  await pause(500); // it does not say when it is connected
  return { sender, receiver, stop: () => stop(sender, receiver, relay.process) };
}

async function stop(...running: readonly Running[]): Promise<void> {
  for (const one of running) await one.stop();
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
