/**
 * Generates load for an echo server, and counts the round-trip times in a histogram.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { DEFAULT_LOAD, DEFAULT_PORT, hostPort, LOOPBACK, sameAddress } from "../base/host_port.ts";
import { resolveHost } from "../net/resolve_host.ts";
import { Receiver } from "./datagram_port.ts";
import { isRefusal, openSender, sendFrom } from "./datagram_socket.ts";

/** The interval between checks for lost datagrams, in milliseconds. */
const SWEEP_MS = 50;
/**
 * The number of checks after which a datagram counts as lost: they take one second. Counting checks instead of time
 * avoids reporting losses if this process itself was suspended.
 */
const LOST_AFTER_SWEEPS = 20;
/** How long to wait for duplicates at the end, in milliseconds. */
const TAIL_MS = 100;

/** The load to generate. */
export interface LoadOptions {
  /** The server's name or address; {@linkcode LOOPBACK} by default. */
  readonly hostname?: string;
  /** The server's port; {@linkcode DEFAULT_PORT} by default. */
  readonly port?: number;
  /** The length of each datagram in bytes; {@linkcode DEFAULT_LOAD} has the default. */
  readonly size?: number;
  /** How many datagrams are in flight at a time, 1 to {@linkcode MAX_WINDOW}; {@linkcode DEFAULT_LOAD} has the default. */
  readonly window?: number;
  /** How long to send, in seconds; {@linkcode DEFAULT_LOAD} has the default. */
  readonly seconds?: number;
  /** Ends the run early. The result covers the time until then. */
  readonly signal?: AbortSignal;
}

/** The result of a run. */
export interface LoadResult {
  /** The server. */
  readonly server: Deno.NetAddr;
  /** The time during which datagrams were sent, in seconds. */
  readonly seconds: number;
  /** Datagrams sent. */
  readonly sent: number;
  /** Datagrams answered within a second. */
  readonly replies: number;
  /** Datagrams not answered within a second. */
  readonly lost: number;
  /** Further replies to datagrams that had been answered. */
  readonly duplicates: number;
  /** Datagrams from other senders. */
  readonly forged: number;
  /** Replies per second. */
  readonly rate: number;
  /** Round-trip times in microseconds. */
  readonly roundTrips: Histogram;
}

/**
 * Keeps a window of datagrams in flight to an echo server, and measures the replies.
 *
 * A reply does not say which datagram it answers. So each datagram in flight has its own pair of ports, used in turn: a
 * duplicate reply arrives at the port that is not waiting.
 *
 * @param options The server, and the load.
 * @throws {Failure} `ETIMEDOUT` if no datagram is answered, `EMSGSIZE` if the datagrams are too large.
 *
 * @example
 * ```ts
 * import { openEchoServer } from "./echo_server.ts";
 *
 * await using server = openEchoServer({ port: 0 });
 * const { rate } = await measureLoad({ port: server.addr.port, seconds: 0.1 });
 * console.log(`${Math.round(rate)} replies/s`);
 * ```
 */
export async function measureLoad(options: LoadOptions = {}): Promise<LoadResult> {
  const { hostname = LOOPBACK, port = DEFAULT_PORT } = options;
  options.signal?.throwIfAborted();
  const run = new Run(await resolveHost(hostname, port), options);
  try {
    return await run.measure();
  } finally {
    await run.close();
  }
}

class Run {
  readonly counts = { sent: 0, lost: 0, replies: 0, duplicates: 0, forged: 0 };
  readonly roundTrips = new Histogram();
  readonly #server: Deno.NetAddr;
  readonly #options: LoadOptions;
  readonly #data: Uint8Array;
  readonly #failed = Promise.withResolvers<never>();
  readonly #lanes: Lane[] = [];
  #stopping = false;

  constructor(server: Deno.NetAddr, options: LoadOptions) {
    this.#server = server;
    this.#options = options;
    this.#data = new Uint8Array(options.size ?? DEFAULT_LOAD.size).fill(0x78);
    this.#failed.promise.catch(() => {}); // measure() reports it, if it is still waiting
  }

  async measure(): Promise<LoadResult> {
    const { window = DEFAULT_LOAD.window, seconds = DEFAULT_LOAD.seconds, signal } = this.#options;
    for (let i = 0; i < window; i++) this.#lanes.push(new Lane(this, this.#server));
    const sweep = setInterval(() => this.#sweep(), SWEEP_MS);
    const started = performance.now();
    try {
      for (const lane of this.#lanes) lane.next();
      await this.#wait(seconds * 1000, signal);
      this.#stopping = true;
      const elapsed = (performance.now() - started) / 1000;
      const replies = this.counts.replies;
      await this.#drain();
      await this.#wait(TAIL_MS);
      return this.#result(elapsed, replies);
    } finally {
      clearInterval(sweep);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }

  send(lane: Lane, socket: Deno.DatagramConn): void {
    if (this.#stopping) return;
    this.counts.sent += 1;
    lane.waitingSince = performance.now();
    sendFrom(socket, this.#data, this.#server).catch(this.#failed.reject);
  }

  fail(error: unknown): void {
    this.#failed.reject(error);
  }

  #sweep(): void {
    for (const lane of this.#lanes) {
      if (lane.waitingSince === undefined || ++lane.sweeps <= LOST_AFTER_SWEEPS) continue;
      this.counts.lost += 1;
      lane.renew();
    }
  }

  /** Waits until every datagram in flight is answered or lost. */
  async #drain(): Promise<void> {
    while (this.#lanes.some((lane) => lane.waitingSince !== undefined)) await this.#wait(1);
  }

  async #wait(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    const aborted = () => resolve();
    signal?.addEventListener("abort", aborted);
    try {
      await Promise.race([promise, this.#failed.promise]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
    }
  }

  #result(seconds: number, replies: number): LoadResult {
    const { sent, lost, duplicates, forged } = this.counts;
    if (this.counts.replies === 0) {
      throw new Failure({
        what: `sent ${sent} datagrams to ${hostPort(this.#server)}`,
        why: "the server did not answer",
        code: "ETIMEDOUT",
        hint: "check the address, and that the server is running",
      });
    }
    return {
      server: this.#server,
      seconds,
      sent,
      replies: this.counts.replies,
      lost,
      duplicates,
      forged,
      rate: replies / seconds,
      roundTrips: this.roundTrips,
    };
  }
}

/** One place in the window: one datagram at a time, from two ports in turn. */
class Lane {
  /** When the datagram in flight was sent; undefined if none is. */
  waitingSince: number | undefined;
  /** The number of checks since it was sent. */
  sweeps = 0;
  readonly #run: Run;
  readonly #server: Deno.NetAddr;
  readonly #closed: Promise<void>[] = [];
  #ports: [Port, Port];
  #turn: 0 | 1 = 0;

  constructor(run: Run, server: Deno.NetAddr) {
    this.#run = run;
    this.#server = server;
    this.#ports = [this.#open(), this.#open()];
  }

  /** Sends the next datagram from the other port. */
  next(): void {
    this.#turn = this.#turn === 0 ? 1 : 0;
    this.waitingSince = undefined;
    this.sweeps = 0;
    this.#run.send(this, this.#ports[this.#turn].socket);
  }

  /** Gives up the datagram in flight. Its port is closed, so a late reply is not received. */
  renew(): void {
    const lost = this.#ports[this.#turn];
    lost.receiver.close();
    this.#closed.push(lost.receiver.finished);
    this.#ports[this.#turn] = this.#open();
    this.next();
  }

  async close(): Promise<void> {
    for (const { receiver } of this.#ports) {
      receiver.close();
      this.#closed.push(receiver.finished);
    }
    await Promise.all(this.#closed);
  }

  #open(): Port {
    const socket = openSender(this.#server);
    const receiver = new Receiver(socket, {
      datagram: (_data, from) => this.#received(socket, from),
      failed: (error) => {
        if (!isRefusal(error)) this.#run.fail(error);
      },
    }, 1);
    return { socket, receiver };
  }

  #received(socket: Deno.DatagramConn, from: Deno.NetAddr): void {
    const { counts, roundTrips } = this.#run;
    if (!sameAddress(from, this.#server)) counts.forged += 1;
    else if (this.waitingSince === undefined || socket !== this.#ports[this.#turn].socket) {
      counts.duplicates += 1;
    } else {
      roundTrips.record((performance.now() - this.waitingSince) * 1000);
      counts.replies += 1;
      this.next();
    }
  }
}

interface Port {
  readonly socket: Deno.DatagramConn;
  readonly receiver: Receiver;
}

/** The number of buckets for each doubling of the time. A value is accurate to 1 in 32. */
const STEPS = 32;
/** The number of doublings: 2^36 us are 19 hours. */
const DOUBLINGS = 36;

/** A range of times and the number of times in it. */
export interface HistogramRow {
  /** The lower bound in microseconds, inclusive. */
  readonly from: number;
  /** The upper bound in microseconds, exclusive. */
  readonly to: number;
  /** The number of times in the range. */
  readonly count: number;
}

/**
 * Counts times in buckets that grow with the time. The memory does not depend on the number of times, and a percentile
 * is accurate to 3 %.
 */
export class Histogram {
  readonly #counts = new Float64Array(STEPS * DOUBLINGS);
  #count = 0;
  #sum = 0;
  #max = 0;
  #min = Infinity;

  /** The number of recorded times. */
  get count(): number {
    return this.#count;
  }

  /** The exact longest time in microseconds; 0 if nothing is recorded. */
  get max(): number {
    return this.#max;
  }

  /** The exact shortest time in microseconds; 0 if nothing is recorded. */
  get min(): number {
    return this.#count === 0 ? 0 : this.#min;
  }

  /** The exact mean in microseconds; 0 if nothing is recorded. */
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** Records a time in microseconds. */
  record(us: number): void {
    this.#counts[bucketOf(us)]! += 1;
    this.#count += 1;
    this.#sum += us;
    if (us > this.#max) this.#max = us;
    if (us < this.#min) this.#min = us;
  }

  /**
   * Returns a percentile (nearest rank) in microseconds; 0 if nothing is recorded.
   *
   * @param share The share of times that do not exceed the result, from 0 to 1: 0.99 for p99.
   */
  percentile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) {
        const middle = (startOf(bucket) + startOf(bucket + 1)) / 2;
        return Math.min(this.#max, Math.max(this.#min, middle));
      }
    }
    return 0;
  }

  /** Returns the counts for each doubling, from the first to the last that is not empty. */
  rows(): HistogramRow[] {
    const rows: HistogramRow[] = [];
    for (let doubling = 0; doubling < DOUBLINGS; doubling++) {
      const start = doubling * STEPS;
      const count = this.#counts.subarray(start, start + STEPS).reduce((a, b) => a + b, 0);
      rows.push({ from: startOf(start), to: startOf(start + STEPS), count });
    }
    const first = rows.findIndex(({ count }) => count > 0);
    return first < 0 ? [] : rows.slice(first, rows.findLastIndex(({ count }) => count > 0) + 1);
  }
}

/** Returns the bucket of a time. Buckets are linear under 2 us; above, each doubling has `STEPS`. */
function bucketOf(us: number): number {
  if (us < 2) return Math.max(0, Math.floor(us / 2 * STEPS));
  const doubling = Math.min(DOUBLINGS - 1, Math.floor(Math.log2(us)));
  return Math.min(
    doubling * STEPS + Math.floor((us / 2 ** doubling - 1) * STEPS),
    STEPS * DOUBLINGS - 1,
  );
}

function startOf(bucket: number): number {
  const doubling = Math.floor(bucket / STEPS);
  const step = bucket % STEPS;
  return doubling === 0 ? step * 2 / STEPS : 2 ** doubling * (1 + step / STEPS);
}
