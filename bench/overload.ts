/**
 * `deno task bench overload`: how two members fare while their relay is attacked, and what memory that costs it.
 *
 * Relay and attacker are processes of their own; the two members are in this one and say something to each
 * other, one message at a time, before, during and after each attack.
 *
 * @module
 */

// @ts-types="../types/std.d.ts"
import { parseArgs } from "@std/cli/parse-args";
import {
  createIdentity,
  joinRoom,
  type MemberEvent,
  type OwnCredential,
  type Session,
} from "../lib/tcp_chat.ts";
import { median, percentile } from "./chat/figures.ts";
import { memoryOf } from "./chat/memory.ts";
import { pause, type Processes, type Running, within, withProcesses } from "./chat/processes.ts";

const ATTACKS: Readonly<Record<string, string>> = {
  pending: "1,000 connections that never join",
  joins: "1,000 joins a second",
  flood: "a member that floods",
  floods: "five members that flood",
  stuck: "a flood to a member that never reads",
  turns: "10,000 connections in turn",
  steps: "frames that are 1,000 steps ahead",
  asks: "endless repetition of one ask",
  absent: "frames to 10,000 absent members",
  junk: "200 junk joins a second",
  pings: "a relay that pings and does not read",
};
/** The attack of a relay on a client. */
const BY_RELAY = "pings";
/** The attack during which the time that newcomers take to join is measured too. */
const NEWCOMERS = "junk";
const BETWEEN_JOINS_MS = 1_100;

/** How long each phase is measured, in milliseconds. */
const PHASE_MS = { before: 3_000, during: 20_000, after: 3_000 };
/** How long a relay may take to give memory back, in milliseconds. */
const RECOVERY_MS = 30_000;
/** The time between two messages, as people write them, in milliseconds. */
const BETWEEN_MS = 10;
const MESSAGE_TIMEOUT_MS = 20_000;
/** The goals: how many times as slow the others may become, and how many times the memory may remain. */
const GOALS = { slower: 2, memory: 1.2 } as const;

/**
 * How much more memory a client may take, in MiB: at most 5 MiB that it keeps for its relay, and garbage that is not
 * collected yet.
 */
const CLIENT_MEBIBYTES = 48;

const USAGE = `usage: deno task bench overload [--only NAME]... [--seconds N]

  --only NAME  one attack: ${Object.keys(ATTACKS).join(", ")}
  --seconds N  how long each attack lasts (default ${PHASE_MS.during / 1000})`;

/** One attack's figures: milliseconds and MiB. */
interface Outcome {
  readonly before: readonly number[];
  readonly during: readonly number[];
  readonly after: readonly number[];
  /** How long newcomers took to come in. */
  readonly joins?: readonly number[];
  readonly memory: { readonly before: number; readonly peak: number; readonly after: number };
}

/**
 * Runs the attacks and prints their table.
 *
 * @param args The arguments behind `bench overload`.
 * @returns 0 where every goal was met, 1 where one was not, 2 for wrong usage.
 */
export async function run(args: string[]): Promise<number> {
  const given = parseArgs(args, {
    string: ["only", "seconds", "_"],
    boolean: ["help"],
    collect: ["only"],
  });
  const only = [given.only ?? []].flat().map(String);
  const names = only.length === 0 ? Object.keys(ATTACKS) : only;
  const seconds = Number(given.seconds ?? PHASE_MS.during / 1000);
  const known = names.every((name) => Object.hasOwn(ATTACKS, name)) && seconds > 0;
  if (given.help === true || !known) {
    console.error(USAGE);
    return given.help === true ? 0 : 2;
  }
  return await withProcesses(async (processes) => {
    PHASE_MS.during = seconds * 1000;
    console.log(HEAD.join("  "));
    let met = true;
    for (const name of names) {
      const row = name === BY_RELAY
        ? printClient(await attackClient(processes, name))
        : print(ATTACKS[name]!, await attack(processes, name));
      met = row && met;
    }
    return met ? 0 : 1;
  });
}

async function attack(processes: Processes, name: string): Promise<Outcome> {
  // Those who come in are told from the attacker by their address.
  const [host, hostname] = name === NEWCOMERS ? ["::", "::1"] : ["127.0.0.1", "127.0.0.1"];
  const relay = processes.chat(["server", "--relay-only", "--host", host, "--port", "0", "--json"]);
  const { port } = JSON.parse(await relay.line());
  discard(relay);
  const pair = await Pair.join(hostname, port);
  await warmUp(processes, port);
  await pair.times(1_000);
  const before = await pair.times(PHASE_MS.before);
  const memoryBefore = (await memoryOf(relay.pid)).VmRSS;
  const script = "bench/overload/attacker.ts";
  const attacker = processes.deno(["--allow-net"], script, [name, String(port)]);
  await attacker.line();
  discard(attacker);
  const newcomer = name === NEWCOMERS ? await createIdentity("newcomer") : undefined;
  const [during, joins] = await Promise.all([
    pair.times(PHASE_MS.during),
    newcomer && joinTimes(hostname, port, newcomer),
  ]);
  await attacker.stop("SIGKILL");
  const peak = (await memoryOf(relay.pid)).VmHWM;
  await pause(1_000);
  const after = await pair.times(PHASE_MS.after);
  const memoryAfter = await settled(relay.pid, memoryBefore * GOALS.memory);
  await pair.leave();
  await relay.stop();
  const memory = { before: memoryBefore, peak, after: memoryAfter };
  return { before, during, after, memory, ...(joins === undefined ? {} : { joins }) };
}

/** How long it takes to come in during an attack, in milliseconds each: once in little more than a second. */
async function joinTimes(
  hostname: string,
  port: number,
  self: OwnCredential,
): Promise<number[]> {
  const taken: number[] = [];
  for (const end = performance.now() + PHASE_MS.during; performance.now() < end;) {
    const ready = Promise.withResolvers<void>();
    const started = performance.now();
    const event = ({ kind }: MemberEvent) => kind === "ready" && ready.resolve();
    const session = await joinRoom({ hostname, port, self, event });
    await within(MESSAGE_TIMEOUT_MS, "a newcomer's joining", ready.promise);
    taken.push(performance.now() - started);
    session.leave();
    await session.ended;
    await pause(BETWEEN_JOINS_MS);
  }
  return taken;
}

/** A client whose relay attacks it: what memory that takes. */
async function attackClient(processes: Processes, name: string): Promise<Outcome["memory"]> {
  const script = "bench/overload/hostile_relay.ts";
  const relay = processes.deno(["--allow-net"], script, [name]);
  const port = await relay.line();
  const client = processes.chat(["client", `127.0.0.1:${port}`, "--json", "--listen"]);
  discard(client);
  await relay.line(); // it is in
  const before = (await memoryOf(client.pid)).VmRSS;
  await relay.write("\n");
  await pause(PHASE_MS.during);
  const { VmHWM: peak, VmRSS: after } = await memoryOf(client.pid);
  await relay.stop("SIGKILL");
  await client.stop("SIGKILL");
  return { before, peak, after };
}

/** A relay that has seen some ordinary use: what it does for the first time takes memory once and for all. */
async function warmUp(processes: Processes, port: number): Promise<void> {
  const script = "bench/overload/attacker.ts";
  const guests = processes.deno(["--allow-net"], script, ["guests", String(port)]);
  await guests.line();
  await guests.status;
}

/** The memory of a process once it is no more than so much, or once it has had its time. */
async function settled(pid: number, mebibytes: number): Promise<number> {
  const deadline = performance.now() + RECOVERY_MS;
  let { VmRSS } = await memoryOf(pid);
  while (VmRSS > mebibytes && performance.now() < deadline) {
    await pause(500);
    ({ VmRSS } = await memoryOf(pid));
  }
  return VmRSS;
}

function discard(process: Running): void {
  const drain = async () => {
    while (await process.read() !== undefined);
  };
  drain().catch(() => {}); // ends with the process, which reports for itself
}

const PAIR: ReadonlySet<string> = new Set(["ada", "bo"]);

/** Two members who say something to each other in turns. */
class Pair {
  readonly #sessions: Session[] = [];
  #shown = Promise.withResolvers<void>();
  #turn = 0;

  static async join(hostname: string, port: number): Promise<Pair> {
    const pair = new Pair();
    for (const name of PAIR) {
      const self = await createIdentity(name);
      const ready = Promise.withResolvers<void>();
      const event = (one: MemberEvent) => {
        if (one.kind === "ready") ready.resolve();
        if (one.kind === "ended") {
          const error = new Error(`${name} was ended: ${one.reason} ${one.detail}`);
          ready.reject(error);
          pair.#shown.reject(error);
        }
        if (one.kind === "message" && PAIR.has(one.from.credential.name)) pair.#shown.resolve();
      };
      pair.#sessions.push(await joinRoom({ hostname, port, self, event }));
      await ready.promise;
    }
    pair.#shown.promise.catch(() => {}); // heard of by the message that waits
    while (pair.#sessions[0]!.members().length < 2) await pause(10);
    return pair;
  }

  /** How long messages took, for so long, in milliseconds each. */
  async times(ms: number): Promise<number[]> {
    const taken: number[] = [];
    for (const end = performance.now() + ms; performance.now() < end;) {
      this.#shown = Promise.withResolvers();
      const started = performance.now();
      const entered = this.#sessions[this.#turn++ % 2]!.send("a message of ordinary length, say");
      if (!entered.ok) throw new Error(entered.message);
      await within(MESSAGE_TIMEOUT_MS, "a message", this.#shown.promise);
      taken.push(performance.now() - started);
      await pause(BETWEEN_MS);
    }
    return taken;
  }

  async leave(): Promise<void> {
    for (const session of this.#sessions) session.leave();
    await Promise.all(this.#sessions.map((session) => session.ended));
  }
}

const WIDTH = 38;
const HEAD = [
  "attack".padEnd(WIDTH),
  "median before, during, after".padEnd(28),
  "slower".padEnd(6),
  "p99 during".padEnd(10),
  "memory before, peak, after".padEnd(27),
  "met",
];

/** Prints the row of a client; tells whether its memory stayed within the bound. */
function printClient({ before, peak, after }: Outcome["memory"]): boolean {
  const met = peak <= before + CLIENT_MEBIBYTES;
  console.log([
    ATTACKS[BY_RELAY]!.padEnd(WIDTH),
    "-".padEnd(28),
    "-".padEnd(6),
    "-".padEnd(10),
    `${[before, peak, after].map((size) => size.toFixed(0)).join(", ")} MiB`.padEnd(27),
    met ? "yes" : "NO",
  ].join("  "));
  return met;
}

/** Prints a row; tells whether its goals were met. */
function print(what: string, { before, during, after, memory, joins }: Outcome): boolean {
  const slower = median(during) / median(before);
  const met = slower <= GOALS.slower && memory.after <= memory.before * GOALS.memory;
  const medians = [before, during, after].map((times) => median(times).toFixed(2)).join(", ");
  const sizes = [memory.before, memory.peak, memory.after].map((size) => size.toFixed(0));
  console.log([
    what.padEnd(WIDTH),
    `${medians} ms`.padEnd(28),
    slower.toFixed(2).padEnd(6),
    `${percentile(during, 0.99).toFixed(2)} ms`.padEnd(10),
    `${sizes.join(", ")} MiB`.padEnd(27),
    met ? "yes" : "NO",
  ].join("  "));
  if (joins !== undefined) {
    const [middle, longest] = [median(joins), Math.max(...joins)].map((ms) => ms.toFixed(0));
    console.log(`  ${joins.length} newcomers were in after ${middle} ms, at most ${longest} ms`);
  }
  return met;
}
