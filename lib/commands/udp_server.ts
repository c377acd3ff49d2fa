/**
 * `parley udp server`.
 *
 * @module
 */

import type { Input } from "../cli/spec.ts";
import type { Io } from "../io.ts";
import { serve } from "../udp/console/server.ts";
import type { UDP_SERVER } from "./udp_spec.ts";

/** Answers datagrams until it is told to stop. */
export function run({ options }: Input<typeof UDP_SERVER>, io: Io): Promise<number> {
  return serve(io, {
    hostname: options.host,
    port: options.port,
    drop: options.drop,
    delayMs: options.delay,
    quiet: options.quiet,
    json: options.json,
  });
}
