/**
 * The table of commands: what each takes, what it may do, and where its code is.
 *
 * The manual, completions and permissions are derived from it. Nothing here loads a command's code.
 * What runs one command starts from `program.ts`, which loads that command's part alone.
 *
 * @module
 */

import type { CommandSpec } from "../cli/spec.ts";
import { CHAT } from "./chat/spec.ts";
import { COMPLETIONS } from "./completions/spec.ts";
import { INFO } from "./info/spec.ts";
import { PROGRAM } from "./program.ts";
import { RSA } from "./rsa/spec.ts";
import { TOUR } from "./tour/spec.ts";
import { UDP } from "./udp/spec.ts";

/** The program, whole. */
export const PARLEY: CommandSpec = {
  ...PROGRAM,
  commands: [CHAT, INFO, UDP, RSA, TOUR, COMPLETIONS],
};
