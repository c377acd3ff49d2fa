/**
 * `parley chat client`.
 *
 * @module
 */

import { visitRoom } from "../../chat/app/run.ts";
import type { Input } from "../../cli/spec.ts";
import type { Io } from "../../os/io.ts";
import { readAddress } from "../address.ts";
import { clientFiles, trustSettings } from "./file_options.ts";
import { type CHAT_CLIENT, DEFAULT_PORT } from "./spec.ts";

/** Joins a room. */
export function run(
  { options, operands, release }: Input<typeof CHAT_CLIENT>,
  io: Io,
): Promise<number> {
  return visitRoom({
    io,
    ...readAddress(operands[0] ?? "127.0.0.1", DEFAULT_PORT),
    ...clientFiles(options.tls, options.ca),
    name: options.name,
    ...trustSettings(options),
    listen: options.listen,
    giveUpMs: options["give-up"],
    json: options.json,
    commands: options.commands,
    wire: options.wire,
    release,
  });
}
