/**
 * `parley chat client`.
 *
 * @module
 */

import type { Input } from "../cli/spec.ts";
import { visitRoom } from "../conversation/rooms.ts";
import type { Io } from "../io.ts";
import { readAddress } from "./address.ts";
import { trustSettings } from "./trust_settings.ts";
import type { CHAT_CLIENT } from "./chat_spec.ts";
import { DEFAULT_PORT } from "./chat_spec.ts";
import { clientFiles } from "./tls_files.ts";

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
