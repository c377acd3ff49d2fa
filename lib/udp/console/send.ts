/**
 * One datagram from the command line.
 *
 * @module
 */

import { printLines } from "../../cli/print.ts";
import { sendDatagram } from "../send_datagram.ts";
import { sent } from "./client_text.ts";
import { reportingFailure } from "./reporting_failure.ts";
import { voiced } from "./voice.ts";

/**
 * Sends one datagram and says so.
 *
 * @returns 0.
 * @throws {Failure} Where it cannot be sent.
 */
export function sendOne(
  hostname: string,
  port: number,
  text: string,
  json: boolean,
): Promise<number> {
  return reportingFailure(json, async () => {
    printLines(voiced(sent(await sendDatagram(hostname, port, text)), json));
    return 0;
  });
}
