/**
 * `parley udp bench`.
 *
 * @module
 */

import type { Input } from "../cli/spec.ts";
import type { Io } from "../io.ts";
import { bench } from "../udp/console/bench.ts";
import type { UDP_BENCH } from "./udp_spec.ts";

/** Puts load on an echo server. */
export function run({ options, operands }: Input<typeof UDP_BENCH>, io: Io): Promise<number> {
  return bench(io, {
    hostname: operands[0] ?? "127.0.0.1",
    port: options.port,
    size: options.size,
    window: options.window,
    seconds: options.seconds,
    json: options.json,
  });
}
