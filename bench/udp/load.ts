/**
 * Load on an echo server on 127.0.0.1.
 *
 * @module
 */

import { measureLoad } from "../../lib/udp.ts";

/** What came out. */
export interface LoadOutcome {
  /** Replies a second. */
  readonly rate: number;
  readonly replies: number;
  readonly lost: number;
}

/** Keeps a window of datagrams of a size under way to a port, for so many seconds. */
export type Load = (
  port: number,
  window: number,
  size: number,
  seconds: number,
) => Promise<LoadOutcome>;

/** The load of `load.c`, compiled. */
export function cLoad(program: string): Load {
  return async (port, window, size, seconds) => {
    const { success, stdout, stderr } = await new Deno.Command(program, {
      args: [port, window, size, seconds].map(String),
    }).output();
    const decoder = new TextDecoder();
    if (!success) throw new Error(`load failed: ${decoder.decode(stderr)}`);
    const [replies, lost, nanoseconds] = decoder.decode(stdout).split(" ").map(Number);
    return { rate: replies! / nanoseconds! * 1e9, replies: replies!, lost: lost! };
  };
}

/** The load of `parley udp bench`. */
export const parleyLoad: Load = (port, window, size, seconds) =>
  measureLoad({ port, window, size, seconds });
