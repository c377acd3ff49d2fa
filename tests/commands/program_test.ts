import { type CommandSpec, isRunnable } from "../../lib/cli/spec.ts";
import { CODE, loadCommand, PROGRAM } from "../../lib/commands/load.ts";
import { PARLEY } from "../../lib/commands/table.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertRejects } from "@std/assert";

/** What stands of a command on the first page of the help. */
const line = ({ name, summary }: CommandSpec) => ({ name, summary });

Deno.test("the program that starts has the commands of the table, in its words and its order", () => {
  assertEquals(PROGRAM.commands?.map(line), PARLEY.commands?.map(line));
});

/** The words of every command of a table that runs. */
function* runnable(command: CommandSpec, words: readonly string[] = []): Generator<string, void> {
  if (isRunnable(command)) yield words.join(" ");
  for (const inner of command.commands ?? []) yield* runnable(inner, [...words, inner.name]);
}

Deno.test("there is code for exactly the commands of the table that run", async () => {
  assertEquals(Object.keys(CODE).sort(), [...runnable(PARLEY)].sort());
  for (const name of Object.keys(CODE)) {
    assertEquals(typeof await loadCommand(name.split(" ")), "function", name);
  }
});

Deno.test("loadCommand() refuses a command that has no code", async () => {
  await assertRejects(() => loadCommand(["info"]), TypeError, "no code for the command info");
});
