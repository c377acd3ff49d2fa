// needs: net read=.

import { parseCommandLine } from "../../lib/cli/run.ts";
import { type CommandSpec, isRunnable } from "../../lib/cli/spec.ts";
import { PARLEY } from "../../lib/commands/table.ts";
import { wordsOf } from "../../lib/tour/tour.ts";
import { granted } from "../fixtures/granted.ts";
import { readDocument } from "./documents.ts";

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";

const ignore = !granted("read=.");

/** The rows of the table under a heading, each as its cells. */
async function tableUnder(heading: string): Promise<string[][]> {
  const readme = await readDocument("README.md");
  const part = readme.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  assert(part !== undefined, heading);
  const rows = [...part.matchAll(/^\|(.*)\|$/gm)].map(([, row]) =>
    row!.split("|").map((cell) => cell.trim())
  );
  return rows.slice(2);
}

function codeIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
}

function* commandsOf(
  command: CommandSpec,
  above: readonly string[] = [],
): Generator<readonly [words: string, command: CommandSpec], void> {
  if (isRunnable(command)) yield [above.join(" "), command];
  for (const inner of command.commands ?? []) yield* commandsOf(inner, [...above, inner.name]);
}

Deno.test({
  name: "the README's table of the tutorial names commands that parley takes as they are printed",
  ignore,
  async fn() {
    const rows = await tableUnder("The tutorial, command by command");
    assert(rows.length >= 25);
    for (const [, commands] of rows) {
      const lines = codeIn(commands!);
      assert(lines.length > 0, commands);
      for (const line of lines) {
        assert(line.startsWith("parley "), line);
        const { path } = await parseCommandLine(PARLEY, wordsOf(line));
        assert(isRunnable(path.at(-1)!), line);
      }
    }
  },
});

Deno.test("the tasks that run parley say so, name the terminal, and draw no download over what it says", async () => {
  const { default: config } = await import("../../deno.json", { with: { type: "json" } });
  const commands = Object.entries(config.tasks).map(([, { command }]) => command);
  const ofParley = commands.filter((command) => command.includes(" main.ts"));
  assert(ofParley.length >= 9);
  for (const command of ofParley) assert(command.includes(" main.ts --task=$TERM"), command);
  // A download in the background draws how far it is into the same rows of the terminal.
  for (const command of ofParley.filter((one) => / (chat|tour)\b|TERM$/.test(one))) {
    assert(command.startsWith("deno run -q "), command);
  }
});

Deno.test({
  name: "the README's table of permissions says of every command what it keeps",
  ignore,
  async fn() {
    const rows = await tableUnder("Permissions");
    const told = new Map(
      rows.flatMap(([commands, kept]) =>
        codeIn(commands!).map((name) => [name, codeIn(kept!).sort()] as const)
      ),
    );
    const declared = new Map(
      [...commandsOf(PARLEY)].map(([name, { permissions }]) =>
        [name, [...permissions ?? []].sort()] as const
      ),
    );
    assertEquals(Object.fromEntries(told), Object.fromEntries(declared));
  },
});
