/**
 * Provokes the errors of sockets on the loopback interface, catches them and explains them.
 *
 * @module
 */

import { Failure, nearest } from "../../base/failure.ts";
import { errorClass, errorCode, SOCKET_ERRORS } from "../../os/errors.ts";
import { isGranted } from "../../os/io.ts";

/** A socket error, and the result of provoking it. */
export interface SocketErrorReport {
  /** Its POSIX name, such as `ECONNREFUSED`. */
  readonly code: string;
  /** Its number on this system (errno(3)); null if it has none. */
  readonly errno: number | null;
  /** The runtime's class for it; null if there is none. */
  readonly class: string | null;
  /** Its meaning. */
  readonly why: string;
  /** What to do about it. */
  readonly hint: string;
  /** Whether it was provoked in this run. */
  readonly provoked: boolean;
  /** How it was provoked, or why it was not. */
  readonly by: string;
}

/**
 * Provokes socket errors, all at the same time.
 *
 * @param codes The POSIX names of the errors; all of {@linkcode SOCKET_ERRORS} by default.
 * @returns A report for each error, in order.
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
 * Finds the code of a socket error.
 *
 * @param text A POSIX name in any case, or a number of errno(3) on this system.
 * @returns The POSIX name.
 * @throws {Failure} `UNKNOWN_ERROR`, with the nearest name as a hint, if it is not in {@linkcode SOCKET_ERRORS}.
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

/** Provokes an error. Returns the error if it is the expected one, and how it was provoked or why not. */
async function provoke(code: string): Promise<{ readonly error?: Error; readonly by: string }> {
  const provocation = PROVOCATIONS[code];
  if (provocation === undefined) return { by: "it cannot be provoked on the loopback" };
  if (typeof provocation === "string") return { by: provocation };
  const unpermitted = { by: `${provocation.by} needs the network, which this process may not use` };
  if (!isGranted({ name: "net", host: "127.0.0.1" })) return unpermitted;
  try {
    await provocation.run();
  } catch (error) {
    // Some provocations go beyond the loopback. node:dns reports a missing permission as EPERM.
    const refused = errorCode(error) === "EPERM" && !isGranted({ name: "net" });
    if (refused || error instanceof Deno.errors.NotCapable) return unpermitted;
    if (error instanceof Error && errorCode(error) === code) return { error, by: provocation.by };
    return { by: `${provocation.by} gave ${errorCode(error) ?? String(error)} here` };
  }
  return { by: `${provocation.by} ${provocation.otherwise ?? "did not fail here"}` };
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

/** Code that provokes an error. */
interface Provocation {
  /** A description of the code, to follow "by": "listening twice at one port". */
  readonly by: string;
  /** What happened if the error does not occur, as the rest of that sentence. */
  readonly otherwise?: string;
  /** Provokes the error and throws it. */
  run(): Promise<void>;
}

const LOOPBACK = "127.0.0.1";
/** How long to wait for a reply that does not come, in milliseconds. */
const DEADLINE_MS = 500;

/** By code: how to provoke the error, or why that is not possible. */
const PROVOCATIONS: Readonly<Record<string, Provocation | string>> = {
  EACCES: {
    by: "listening at port 1",
    otherwise: "is permitted here: the user is root, or the system does not restrict ports",
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
    by: "listening at 198.51.100.77, an address reserved for documentation",
    run: () => listenOnce({ hostname: "198.51.100.77", port: 0 }),
  },
  EAI_AGAIN: {
    by: "looking up parley.invalid, which asks the name server,",
    otherwise: `was not answered in ${DEADLINE_MS} ms`,
    run: () => within(DEADLINE_MS, lookUp("parley.invalid")),
  },
  ECONNABORTED: "it needs a connection that ends while it waits to be accepted",
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
  EHOSTUNREACH: "it needs a router that reports it",
  EMFILE: "it would need every file that this process may open",
  EMSGSIZE: {
    by: "sending a datagram of 65508 bytes over IPv4, one more than allowed,",
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
    by: "writing after closing one's own side of the connection",
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
      `connecting to a server that never accepts, with our own deadline of ${DEADLINE_MS} ms (the system waits for minutes),`,
    run: connectToFull,
  },
};

// deno-lint-ignore require-await -- a thrown error must become a rejection
async function listenOnce(options: Deno.TcpListenOptions): Promise<void> {
  Deno.listen(options).close();
}

async function lookUp(name: string): Promise<void> {
  const { promises: { lookup } } = await import("node:dns");
  await lookup(name);
}

/** Waits for a promise, at most `ms` milliseconds. */
async function within(ms: number, promise: Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Uses the Node API: the runtime's own sockets cannot send a reset. */
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

/** Fills a listener's backlog. Further connections get no answer (listen(2)). */
async function connectToFull(): Promise<void> {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const waiting: Deno.Conn[] = [];
  try {
    // Linux queues one more than the backlog, other systems more than that, but none as many as 64.
    while (waiting.length < 64) {
      const signal = AbortSignal.timeout(DEADLINE_MS);
      waiting.push(await Deno.connect({ hostname: LOOPBACK, port, signal }));
    }
  } finally {
    for (const connection of waiting) connection.close();
  }
}
