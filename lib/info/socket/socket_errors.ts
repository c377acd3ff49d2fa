/**
 * The errors of sockets: each one is provoked on the loopback, caught and explained.
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { nearest } from "../../base/nearest.ts";
import { errorClass, errorCode, SOCKET_ERRORS } from "../../os/errors.ts";
import { isGranted } from "../../os/io.ts";

/** A socket error, and what came of provoking it. */
export interface SocketErrorReport {
  /** Its POSIX name: `ECONNREFUSED`. */
  readonly code: string;
  /** Its number on this system, or null where it is none of errno(3). */
  readonly errno: number | null;
  /** The class by which the runtime reports it, or null where it has none of its own. */
  readonly class: string | null;
  /** What it means. */
  readonly why: string;
  /** What to do about it. */
  readonly hint: string;
  /** Whether it was provoked, just now. */
  readonly provoked: boolean;
  /** What provoked it, or why nothing did. */
  readonly by: string;
}

/**
 * Provokes socket errors, all at the same time.
 *
 * @param codes Which; all of the table by default.
 * @returns A report for each, in order.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { provokeSocketErrors } from "./socket_errors.ts";
 *
 * const [report] = await provokeSocketErrors(["ECONNREFUSED"]);
 * assertEquals([report?.class, report?.provoked], ["Deno.errors.ConnectionRefused", true]);
 * ```
 */
export async function provokeSocketErrors(
  codes: readonly string[] = Object.keys(SOCKET_ERRORS),
): Promise<SocketErrorReport[]> {
  const { constants } = await import("node:os");
  const numbers: Readonly<Record<string, number | undefined>> = constants.errno;
  return await Promise.all(codes.map(async (code) => {
    const { error, by } = await provoke(code);
    return {
      code,
      errno: numbers[code] ?? null,
      class: error === undefined ? knownClass(code) : className(error),
      ...SOCKET_ERRORS[code]!,
      provoked: error !== undefined,
      by,
    };
  }));
}

/**
 * The code that somebody means.
 *
 * @param text A POSIX name, in any case, or a number of errno(3) on this system.
 * @throws {Failure} `UNKNOWN_ERROR`, with the nearest, where the table has none such.
 */
export async function readErrorCode(text: string): Promise<string> {
  const codes = Object.keys(SOCKET_ERRORS);
  const { constants } = await import("node:os");
  const numbers: Readonly<Record<string, number | undefined>> = constants.errno;
  const code = codes.find((each) =>
    each === text.toUpperCase() || String(numbers[each] ?? "") === text
  );
  if (code !== undefined) return code;
  const near = nearest(text.toUpperCase().slice(0, 32), codes);
  throw new Failure({
    what: `no socket error ${JSON.stringify(text.slice(0, 60))}`,
    why: "it is not in the table",
    code: "UNKNOWN_ERROR",
    hint: near === undefined ? undefined : `did you mean ${near}?`,
  });
}

/** What was thrown, where it was the error that was wanted, and what led to it or did not. */
async function provoke(code: string): Promise<{ readonly error?: Error; readonly by: string }> {
  const provocation = PROVOCATIONS[code];
  if (provocation === undefined) return { by: "it cannot be provoked on the loopback" };
  if (typeof provocation === "string") return { by: provocation };
  const unpermitted = { by: `${provocation.by} needs the network, which this process may not use` };
  if (!isGranted({ name: "net", host: "127.0.0.1" })) return unpermitted;
  try {
    await provocation.run();
  } catch (error) {
    // Some go beyond the loopback; node:dns says EPERM where the permission is missing.
    const refused = errorCode(error) === "EPERM" && !isGranted({ name: "net" });
    if (refused || error instanceof Deno.errors.NotCapable) return unpermitted;
    if (error instanceof Error && errorCode(error) === code) return { error, by: provocation.by };
    return { by: `${provocation.by} gave ${errorCode(error) ?? String(error)} here` };
  }
  return { by: `${provocation.by} ${provocation.otherwise ?? "failed in no way here"}` };
}

function knownClass(code: string): string | null {
  const name = errorClass(code);
  return name === undefined ? null : `Deno.errors.${name}`;
}

function className(error: Error): string {
  const name = error.constructor.name;
  if (error instanceof DOMException) return `DOMException, named ${error.name}`;
  return name in Deno.errors ? `Deno.errors.${name}` : name;
}

/** What provokes an error. */
interface Provocation {
  /** What is done, as the start of a sentence: "listening twice at one port". */
  readonly by: string;
  /** What it means where that does not fail. */
  readonly otherwise?: string;
  /** Does it: throws the error. */
  run(): Promise<void>;
}

const LOOPBACK = "127.0.0.1";
/** How long is waited for who does not answer, in milliseconds. */
const DEADLINE_MS = 500;

/** By code: what provokes it, or why nothing does. */
const PROVOCATIONS: Readonly<Record<string, Provocation | string>> = {
  EACCES: {
    by: "listening at port 1",
    otherwise: "is permitted here: the user is root, or the system guards no ports",
    run: () => listenOnce({ hostname: LOOPBACK, port: 1 }),
  },
  EADDRINUSE: {
    by: "listening twice at one port",
    run: async () => {
      using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
      await listenOnce({ hostname: LOOPBACK, port: listener.addr.port });
    },
  },
  EADDRNOTAVAIL: {
    by: "listening at 198.51.100.77, which is for documentation and nobody's",
    run: () => listenOnce({ hostname: "198.51.100.77", port: 0 }),
  },
  EAI_AGAIN: {
    by: "looking up parley.invalid, which asks the name server,",
    otherwise: `was not answered in ${DEADLINE_MS} ms`,
    run: () => within(DEADLINE_MS, lookUp("parley.invalid")),
  },
  ECONNABORTED: "it takes a connection that ends while it waits to be accepted",
  ECONNREFUSED: {
    by: "connecting to a port where nothing listens",
    run: async () => {
      const listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
      const { port } = listener.addr;
      listener.close();
      (await Deno.connect({ hostname: LOOPBACK, port })).close();
    },
  },
  ECONNRESET: { by: "reading while the other side resets", run: readWhileReset },
  EHOSTUNREACH: "it takes a router that says so",
  EMFILE: "it would take every file that this process may open",
  EMSGSIZE: {
    by: "sending a datagram of 65508 bytes over IPv4, one too many,",
    run: async () => {
      const socket = Deno.listenDatagram({ transport: "udp", hostname: LOOPBACK, port: 0 });
      try {
        await socket.send(new Uint8Array(65_508), socket.addr);
      } finally {
        socket.close();
      }
    },
  },
  ENETUNREACH: {
    by: "connecting by TCP to a multicast group, which no route leads to,",
    run: async () => {
      const signal = AbortSignal.timeout(DEADLINE_MS);
      (await Deno.connect({ hostname: "224.0.0.1", port: 9, signal })).close();
    },
  },
  ENOTFOUND: {
    by: "looking up a name whose label is longer than 63 characters",
    run: () => lookUp(`${"x".repeat(64)}.invalid`),
  },
  EPIPE: {
    by: "writing after the end of one's own stream",
    run: async () => {
      using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
      using near = await Deno.connect({ hostname: LOOPBACK, port: listener.addr.port });
      using _far = await listener.accept();
      await near.closeWrite();
      await near.write(new Uint8Array(1));
    },
  },
  ETIMEDOUT: {
    by:
      `connecting to who never accepts, with a deadline of ours, ${DEADLINE_MS} ms (the system waits for minutes),`,
    run: connectToFull,
  },
};

// deno-lint-ignore require-await -- what it throws is to be a rejection
async function listenOnce(options: Deno.TcpListenOptions): Promise<void> {
  Deno.listen(options).close();
}

async function lookUp(name: string): Promise<void> {
  const { promises: { lookup } } = await import("node:dns");
  await lookup(name);
}

/** Waits for a promise, no longer than so long. */
async function within(ms: number, promise: Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The runtime's own sockets never reset on purpose; those of its Node API do. */
async function readWhileReset(): Promise<void> {
  const { createServer } = await import("node:net");
  const server = createServer((socket) => socket.resetAndDestroy());
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen(0, LOOPBACK, listening.resolve);
  await listening.promise;
  const closed = Promise.withResolvers<unknown>();
  try {
    const { port } = server.address() as { readonly port: number };
    using connection = await Deno.connect({ hostname: LOOPBACK, port });
    await connection.read(new Uint8Array(1));
  } finally {
    server.close(closed.resolve);
    await closed.promise;
  }
}

/** Fills a listener's backlog: what knocks beyond it is not answered (listen(2)). */
async function connectToFull(): Promise<void> {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const waiting: Deno.Conn[] = [];
  try {
    // Linux takes one more than the backlog, others more: 64 is beyond all of them.
    while (waiting.length < 64) {
      const signal = AbortSignal.timeout(DEADLINE_MS);
      waiting.push(await Deno.connect({ hostname: LOOPBACK, port, signal }));
    }
  } finally {
    for (const connection of waiting) connection.close();
  }
}
