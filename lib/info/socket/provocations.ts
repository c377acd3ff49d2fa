/**
 * What provokes each socket error: real sockets, on the loopback.
 *
 * @module
 */

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
export const PROVOCATIONS: Readonly<Record<string, Provocation | string>> = {
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
  const { lookup } = await import("node:dns/promises");
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
