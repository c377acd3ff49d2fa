/**
 * A live demonstration of a forged reply: a slow server, a client, and an attacker that answers first.
 *
 * @module
 */

import { sendDatagram } from "./datagram_socket.ts";
import { type EchoClientEvent, openEchoClient } from "./echo_client.ts";
import { type EchoServer, type EchoServerEvent, openEchoServer } from "./echo_server.ts";

/** The delay of the server's reply in milliseconds: long enough for the attacker, short enough to watch. */
const SLOW_MS = 500;

/** The attacker's reply. */
export const FORGED_REPLY = "Your data was stolen";

/** What one of the parties sees or does, in order. */
export type ForgeryEvent =
  | {
    readonly party: "server";
    readonly event: EchoServerEvent | { readonly kind: "listening"; readonly addr: Deno.NetAddr };
  }
  | {
    readonly party: "attacker";
    readonly event: {
      readonly kind: "forges";
      readonly from: Deno.NetAddr;
      readonly to: Deno.NetAddr;
    };
  }
  | {
    readonly party: "client";
    readonly event: EchoClientEvent;
    /** The server that the client asks. */
    readonly server: Deno.NetAddr;
  };

/** Options of the demonstration. */
export interface ForgeryOptions {
  /** Whether the client accepts a datagram from any sender. */
  readonly promiscuous: boolean;
  /** The address that all parties use; 127.0.0.1 by default, ::1 for IPv6. */
  readonly hostname?: string;
  /** Called with what each party sees and does. */
  readonly event?: (event: ForgeryEvent) => void;
  /** Ends the demonstration. */
  readonly signal?: AbortSignal;
}

/** The result of the demonstration. */
export interface ForgeryOutcome {
  /** The server that the client asked. */
  readonly server: Deno.NetAddr;
  /** The sender of the reply that the client accepted. */
  readonly believed: Deno.NetAddr;
  /** Whether that was not the server. */
  readonly fooled: boolean;
  /** The number of datagrams that the client rejected. */
  readonly refused: number;
}

/**
 * Runs the demonstration on real sockets. The attacker learns the client's port from the datagram that reaches the
 * server, as an attacker on the path would.
 *
 * @param options The client's mode, and the address to use.
 * @throws {Failure} If a socket cannot be opened or used.
 * @throws The signal's reason, if it aborts.
 *
 * @example
 * ```ts
 * const { fooled } = await playForgery({ promiscuous: true });
 * console.log(fooled); // true
 * ```
 */
export async function playForgery(options: ForgeryOptions): Promise<ForgeryOutcome> {
  const { promiscuous, hostname = "127.0.0.1", event, signal } = options;
  signal?.throwIfAborted();
  const asked = Promise.withResolvers<Deno.NetAddr>();
  const truth = Promise.withResolvers<void>();
  const stop = { ...(signal === undefined ? {} : { signal }) };
  await using server = openEchoServer({
    hostname,
    port: 0,
    delayMs: SLOW_MS,
    ...stop,
    event: (seen) => {
      event?.({ party: "server", event: seen });
      if (seen.kind === "datagram") asked.resolve(seen.from);
    },
  });
  event?.({ party: "server", event: { kind: "listening", addr: server.addr } });
  await using client = await openEchoClient({
    hostname,
    port: server.addr.port,
    promiscuous,
    retries: 0,
    timeoutMs: SLOW_MS * 20,
    ...stop,
    event: (seen) => {
      event?.({ party: "client", event: seen, server: server.addr });
      // The server's own reply, accepted or late.
      if (seen.kind === "answer" ? seen.from.port === server.addr.port : seen.kind === "late") {
        truth.resolve();
      }
    },
  });
  const forging = asked.promise.then((victim) => forge(victim, event));
  const [answer] = await orAborted(
    Promise.all([client.ask(timeText()), forging, truth.promise]),
    signal,
  );
  return outcome(server, answer.from, client.counts.forged);
}

async function forge(to: Deno.NetAddr, event: ForgeryOptions["event"]): Promise<void> {
  const { from } = await sendDatagram(to.hostname, to.port, FORGED_REPLY);
  event?.({ party: "attacker", event: { kind: "forges", from, to } });
}

function outcome({ addr }: EchoServer, believed: Deno.NetAddr, refused: number): ForgeryOutcome {
  return { server: addr, believed, fooled: believed.port !== addr.port, refused };
}

async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/**
 * Returns the default text of a datagram: `The time is 2019-08-16 16:34:56.276877`, in local time, 38 bytes long, as
 * Python's `datetime.now()` prints it.
 *
 * @param epochMs Milliseconds since 1970, with a fraction; now by default.
 */
export function timeText(epochMs: number = performance.timeOrigin + performance.now()): string {
  const time = new Date(epochMs);
  const two = (value: number) => String(value).padStart(2, "0");
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
  const micros = Math.floor((epochMs - Math.floor(epochMs / 1000) * 1000) * 1000);
  return `The time is ${date} ${clock}.${String(micros).padStart(6, "0")}`;
}
