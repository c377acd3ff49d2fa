// needs: net run=deno,sh read=. tool=groff,man

import { manualPage } from "../../lib/cli/manual.ts";
import type { CommandSpec } from "../../lib/cli/spec.ts";
import { PARLEY } from "../../lib/commands/table.ts";
import { VERSION } from "../../lib/os/build.ts";
import { has, sh } from "../fixtures/shell.ts";

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertStringIncludes } from "@std/assert";

const page = manualPage(PARLEY, VERSION);

function* commandsOf(command: CommandSpec): Generator<CommandSpec, void> {
  yield command;
  for (const inner of command.commands ?? []) yield* commandsOf(inner);
}

Deno.test("the manual page has every command, option and example of the table", () => {
  const plain = page.replaceAll("\\-", "-").replaceAll("\\e", "\\").replaceAll("\\&", "");
  for (const { summary, options, examples, name } of commandsOf(PARLEY)) {
    if (name !== PARLEY.name) assertStringIncludes(plain, summary);
    for (const option of Object.keys(options ?? {})) assertStringIncludes(plain, `--${option}`);
    for (const example of examples ?? []) assertStringIncludes(plain, example);
  }
});

Deno.test("the manual page escapes text that roff would interpret", () => {
  const text = ".SH trap\n'also \\fBthis";
  const lines = manualPage({ name: "x", summary: "X.", details: text }, "1").split("\n");
  assertEquals(lines.filter((line) => line.includes("trap")), ["\\&.SH trap"]);
  assertEquals(lines.filter((line) => line.includes("also")), ["\\&'also \\efBthis"]);
});

Deno.test("the manual page is ASCII, with other characters as escapes", () => {
  const page = manualPage({ name: "x", summary: "X.", details: "k - 2·32, SHA256:… 😀" }, "1");
  assertStringIncludes(page, "k \\- 2\\[u00B7]32, SHA256:\\[u2026] \\[u1F600]");
});

Deno.test({
  name: "groff reads the manual page without a warning",
  ignore: !await has("groff"),
  async fn() {
    assertEquals(await sh("deno run scripts/manual.ts | groff -man -Tutf8 -ww -z 2>&1"), "");
  },
});

Deno.test({
  name: "man shows the manual page",
  ignore: !await has("man"),
  async fn() {
    const shown = await sh(
      'file=$(mktemp) && deno run scripts/manual.ts >"$file" && MANWIDTH=100 man -P cat -l "$file"',
    );
    assertStringIncludes(shown, "parley chat server [OPTIONS]");
  },
});
