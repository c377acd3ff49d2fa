/**
 * One datagram from the command line.
 *
 * @module
 */

import { readPort } from "../../cli/host.ts";
import { reportingFailure, say } from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import type { Io } from "../../os/io.ts";
import { sendDatagram } from "../../udp/datagram_socket.ts";
import { sent } from "./client_text.ts";
import type { UDP_SEND } from "./spec.ts";

/**
 * Sends one datagram and says so.
 *
 * @returns 0.
 * @throws {Failure} Where it cannot be sent.
 */
export function sendOne(
  io: Io,
  hostname: string,
  port: number,
  text: string,
  json: boolean,
): Promise<number> {
  return reportingFailure(io, json, async () => {
    say(io, sent(await sendDatagram(hostname, port, text)), json);
    return 0;
  });
}

/** Sends one datagram. */
export function run({ options, operands }: Input<typeof UDP_SEND>, io: Io): Promise<number> {
  const [host = "", port = "", text = ""] = operands;
  return sendOne(io, host, readPort(port), text, options.json);
}
