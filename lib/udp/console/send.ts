/**
 * One datagram from the command line.
 *
 * @module
 */

import { reportingFailure, say } from "../../cli/json_events.ts";
import type { Io } from "../../io.ts";
import { sendDatagram } from "../send_datagram.ts";
import { sent } from "./client_text.ts";

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
