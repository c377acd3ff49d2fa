/**
 * The benchmark's side of a crowd: a process that holds many connections.
 *
 * @module
 */

import type { Processes, Running } from "./processes.ts";

/** Which relay a crowd speaks to, where, and how many they are. */
export interface CrowdOptions {
  /** Members of a room, members that send receipts too, or bare connections that exchange bytes. */
  readonly kind: "parley" | "listening" | "plain";
  readonly port: number;
  readonly members: number;
  /** The length of a message between bare connections, in bytes. */
  readonly bytes?: number;
}

/** What one measurement gave. */
export interface Delivered {
  readonly deliveries: number;
  readonly seconds: number;
  /** How much of one core the crowd itself used, 0 to 1. */
  readonly busy: number;
}

/** A crowd in a room. */
export class CrowdProcess {
  readonly #process: Running;

  /** Takes over a process that has said that everybody is in. */
  constructor(process: Running) {
    this.#process = process;
  }

  /** Sends for so long with so many messages on their way at most. */
  async measure(window: number, ms: number): Promise<Delivered> {
    await this.#process.write(`${JSON.stringify({ window, ms })}\n`);
    return JSON.parse(await this.#process.line());
  }

  /**
   * Lets one member leave.
   *
   * @returns A promise of how long it took until each of the others had a key from each of `speakers`, in milliseconds.
   */
  async leave(speakers: number): Promise<number> {
    await this.#process.write(`${JSON.stringify({ leave: speakers })}\n`);
    return JSON.parse(await this.#process.line()).ms;
  }

  /** Ends it. */
  async stop(): Promise<void> {
    await this.#process.stop("SIGKILL");
  }
}

/** Whether crowds can be had here: they are made of Linux's own calls. */
export const HAS_CROWDS: boolean = Deno.build.os === "linux";

/** Why a measurement is missing where {@linkcode HAS_CROWDS} says no. */
export const NO_CROWDS = "the load generator needs Linux";

/** Starts a crowd; everybody is in when the promise is fulfilled. */
export async function startCrowd(
  processes: Processes,
  { kind, port, members, bytes = 0 }: CrowdOptions,
): Promise<CrowdProcess> {
  const args = [kind, String(port), String(members), String(bytes)];
  const flags = ["--allow-ffi"];
  const process = processes.deno(flags, "bench/chat/crowd/main.ts", args);
  await process.line();
  return new CrowdProcess(process);
}
