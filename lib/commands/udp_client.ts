/**
 * `parley udp client`.
 *
 * @module
 */

import type { Input } from "../cli/spec.ts";
import type { Io } from "../io.ts";
import { ask } from "../udp/console/client.ts";
import type { UDP_CLIENT } from "./udp_spec.ts";

/** Asks an echo server. */
export function run({ options, operands }: Input<typeof UDP_CLIENT>, io: Io): Promise<number> {
  return ask(io, {
    hostname: operands[0] ?? "127.0.0.1",
    port: options.port,
    text: options.message,
    count: options.count,
    intervalMs: options.interval,
    timeoutMs: options.timeout,
    retries: options.retries,
    promiscuous: options.promiscuous,
    json: options.json,
  });
}
