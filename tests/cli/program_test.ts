// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import type { CommandSpec } from "../../lib/cli/spec.ts";
import { PROGRAM } from "../../lib/commands/program.ts";
import { PARLEY } from "../../lib/commands/table.ts";

/** What stands of a command on the first page of the help. */
const line = ({ name, summary }: CommandSpec) => ({ name, summary });

Deno.test("the program that starts has the commands of the table, in its words and its order", () => {
  assertEquals(PROGRAM.commands?.map(line), PARLEY.commands?.map(line));
});

Deno.test("the program that starts loads of every command what the table has", async () => {
  for (const [i, { whole }] of PROGRAM.commands!.entries()) {
    assertEquals(await whole?.(), PARLEY.commands![i]);
  }
});
