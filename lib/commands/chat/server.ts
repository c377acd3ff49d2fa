/**
 * `parley chat server`.
 *
 * @module
 */

import { hostRoom } from "../../chat/app/run.ts";
import type { Input } from "../../cli/spec.ts";
import type { Io } from "../../os/io.ts";
import { LOG_LEVELS } from "../../os/log.ts";
import { readAddress } from "../address.ts";
import { refuseTrust, serverFiles, trustSettings } from "./file_options.ts";
import { limitsFrom } from "./limit_options.ts";
import { type CHAT_SERVER, DEFAULT_PORT } from "./spec.ts";

/** Opens a room, and sits in it unless it is to relay only. */
export function run({ options, release }: Input<typeof CHAT_SERVER>, io: Io): Promise<number> {
  if (options["relay-only"]) refuseTrust(options);
  // What is no address would let nobody in.
  for (const name of options["public-name"]) readAddress(name, DEFAULT_PORT);
  return hostRoom({
    io,
    hostname: options.host,
    port: options.port,
    name: options.name,
    ...serverFiles(options["tls-cert"], options["tls-key"]),
    ...trustSettings(options),
    allow: options.allow,
    publicNames: options["public-name"],
    maxMembers: options["max-members"],
    limits: limitsFrom(options),
    graceMs: options.grace,
    logLevel: LOG_LEVELS.find((level) => level === options["log-level"]),
    metricsPort: options.metrics,
    relayOnly: options["relay-only"],
    // A server stays when its input ends.
    giveUpMs: Infinity,
    json: options.json,
    commands: options.commands,
    wire: options.wire,
    release,
  });
}
