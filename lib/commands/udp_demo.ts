/**
 * `parley udp demo`.
 *
 * @module
 */

import type { Input } from "../cli/spec.ts";
import type { Io } from "../io.ts";
import { demonstrate } from "../udp/console/demo.ts";
import type { UDP_DEMO } from "./udp_spec.ts";

/** Shows the forged reply. */
export function run({ options }: Input<typeof UDP_DEMO>, io: Io): Promise<number> {
  return demonstrate(io, { hostname: options.host, json: options.json });
}
