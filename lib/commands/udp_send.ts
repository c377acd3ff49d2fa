/**
 * `parley udp send`.
 *
 * @module
 */

import type { Input } from "../cli/spec.ts";
import type { Io } from "../io.ts";
import { sendOne } from "../udp/console/send.ts";
import { readPort } from "../cli/host.ts";
import type { UDP_SEND } from "./udp_spec.ts";

/** Sends one datagram. */
export function run({ options, operands }: Input<typeof UDP_SEND>, io: Io): Promise<number> {
  const [host = "", port = "", text = ""] = operands;
  return sendOne(io, host, readPort(port), text, options.json);
}
