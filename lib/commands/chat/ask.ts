/**
 * `parley chat`: asks the tutorial's two questions.
 *
 * @module
 */

import { askSide } from "../../chat/app/ask_side.ts";
import { OPEN_MINDED } from "../../chat/app/load_trust.ts";
import { hostRoom, visitRoom } from "../../chat/app/run.ts";
import type { Io } from "../../os/io.ts";
import { readAddress } from "../address.ts";
import { CHAT_SERVER, DEFAULT_PORT } from "./spec.ts";

/** Asks whether to be the server or a client, and is that. */
export async function run(_input: unknown, io: Io): Promise<number> {
  const talk = {
    io,
    name: undefined,
    json: false,
    commands: false,
    wire: false,
    giveUpMs: 30_000,
    ...OPEN_MINDED,
  };
  const answer = await askSide(io, (text) => readAddress(text, DEFAULT_PORT));
  if (answer.side === "nobody") return answer.code;
  const { early = [] } = answer;
  const input = answer.input === undefined ? { early } : { input: answer.input };
  if (answer.side === "client") {
    return await visitRoom({ ...talk, ...input, ...answer.address, listen: false });
  }
  const { host, port, "max-members": maxMembers, grace } = CHAT_SERVER.options;
  return await hostRoom({
    ...talk,
    ...input,
    hostname: host.default,
    port: port.default,
    maxMembers: maxMembers.default,
    graceMs: grace.default,
    relayOnly: false,
    allow: undefined,
    publicNames: [],
  });
}
