/**
 * The relays that are compared: parley's, ncat's broker, and the bare one.
 *
 * @module
 */

import { pause, type Processes, type Running } from "./processes.ts";

/** A relay that listens on 127.0.0.1. */
export interface RunningRelay {
  readonly port: number;
  readonly process: Running;
}

/** Starts `parley chat server --relay-only`, with more options if any are given. */
export async function startParley(
  processes: Processes,
  ...more: readonly string[]
): Promise<RunningRelay> {
  const args = ["server", "--relay-only", "--port", "0", "--max-members", "1100", "--json"];
  // A thousand members of one identity, and one who speaks as fast as the relay can: not what limits are for.
  const free = ["--max-rejoins", "1000000", "--max-frames", "1000000"];
  const wide = ["--max-bytes", String(1 << 30), "--max-fanout", String(1 << 30)];
  const process = processes.chat([...args, ...free, ...wide, ...more]);
  const { port } = JSON.parse(await process.line());
  // What it says of members that come and go is read, so that it does not fill its pipe.
  const drain = async () => {
    while (await process.read() !== undefined);
  };
  drain().catch(() => {}); // ends with the process, which reports for itself
  return { port, process };
}

/** Whether ncat is there. */
export async function hasNcat(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("ncat", { args: ["--version"] }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Why a comparison is missing where {@linkcode hasNcat} says no. */
export const NO_NCAT = "ncat is not installed (Debian package ncat)";

/** Starts `ncat -l --broker`. */
export async function startNcat(processes: Processes): Promise<RunningRelay> {
  const port = freePort();
  const limit = ["--max-conns", "1010"];
  const args = ["-4", "-l", "--broker", ...limit, "127.0.0.1", String(port)];
  const process = processes.start("ncat", args);
  for (let tries = 0; !await answers(port); tries++) {
    if (tries === 50) throw new Error("ncat does not listen");
    await pause(100);
  }
  return { port, process };
}

/** Starts the relay of `bare.ts`. */
export async function startBare(processes: Processes): Promise<RunningRelay> {
  const process = processes.deno(["--allow-net"], "bench/chat/bare.ts", ["relay"]);
  return { port: Number(await process.line()), process };
}

async function answers(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ port, hostname: "127.0.0.1" })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
