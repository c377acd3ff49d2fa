// needs: net run=deno,sh,tmux read=. tool=bash,fish,zsh (about 10 s)

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { commandWords, completionScript, SHELLS } from "../../lib/commands/tour/whole_table.ts";
import { type CommandSpec, optionsOf } from "../../lib/cli/spec.ts";
import { PARLEY } from "../../lib/commands/table.ts";
import { has, MAY_RUN_SHELL, sh } from "../fixtures/shell.ts";
import { HAS_TMUX, Pane } from "../terminal/tmux.ts";

/** Every command of the table, with the words that lead to it. */
function* allCommands(
  command: CommandSpec,
  above: readonly string[] = [],
): Generator<[string[], CommandSpec], void> {
  const path = [...above, command.name];
  yield [path, command];
  for (const inner of command.commands ?? []) yield* allCommands(inner, path);
}

/** What each shell offers behind some words: its candidates, as they are filled in. */
const ASK: Readonly<Record<string, (words: readonly string[]) => Promise<string[]>>> = {
  bash: async (words) => {
    const ask = `source <(parley completions bash)
      COMP_WORDS=("$0" "$@"); COMP_CWORD=$#; _parley; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const define = 'parley() { deno run --frozen --no-prompt main.ts "$@"; }';
    return lines(await sh(`exec bash -c '${define}; ${quoted(ask)}' "$@"`, ...words));
  },
  fish: async (words) => {
    const line = words.map((word) => word.replaceAll("=", "\\=")).join(" ");
    const said = await sh(
      'parley completions fish | fish --no-config -c "source; complete -C \\"$1\\""',
      line,
    );
    return lines(said).map((row) => row.split("\t")[0]!);
  },
};

function quoted(text: string): string {
  return text.replaceAll("'", `'\\''`);
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

for (const [shell, ask] of Object.entries(ASK)) {
  const ignore = !await has(shell);
  Deno.test({
    name: `${shell} completes every command of the table, and its options`,
    ignore,
    async fn() {
      for (const [path, command] of allCommands(PARLEY)) {
        const below = (command.commands ?? []).map(({ name }) => name);
        if (below.length > 0) {
          assertEquals((await ask([...path, ""])).sort(), below.toSorted(), path.join(" "));
        }
        const offered = await ask([...path, "--"]);
        for (const name of Object.keys(optionsOf(command))) {
          assert(offered.includes(`--${name}`), `${path.join(" ")} --${name}`);
        }
        assertEquals(offered.length, Object.keys(optionsOf(command)).length);
      }
    },
  });

  Deno.test({
    name:
      `${shell} completes words that are begun and known values, and nothing in place of other values`,
    ignore,
    async fn() {
      assertEquals(await ask(["parley", "ch"]), ["chat"]);
      assertEquals(await ask(["parley", "chat", "server", "--rel"]), ["--relay-only"]);
      assertEquals(await ask(["parley", "completions", ""]), [...SHELLS].sort(byShell(shell)));
      assertEquals(await ask(["parley", "chat", "server", "--port", ""]), []);
    },
  });

  Deno.test({
    name: `${shell} completes the path of a file`,
    ignore,
    async fn() {
      for (const option of ["--log", "--history", "--identity", "--allow"]) {
        assertEquals(await ask(["parley", "chat", "server", option, "LIC"]), ["LICENSE"], option);
      }
      assertEquals(await ask(["parley", "chat", "page", "-o", "lib/tcp_"]), ["lib/tcp_chat.ts"]);
    },
  });
}

/** fish sorts what it offers. */
function byShell(shell: string): (a: string, b: string) => number {
  return (a, b) => shell === "fish" ? (a < b ? -1 : 1) : 0;
}

Deno.test({
  name: "bash shows what each word does where it lists them",
  ignore: !await has("bash"),
  async fn() {
    const script = `source <(deno run --frozen main.ts completions bash)
      COMP_WORDS=(parley chat ""); COMP_CWORD=2; COMP_TYPE=63; COLUMNS=70; _parley
      printf "%s\\n" "\${COMPREPLY[@]}"`;
    assertEquals(lines(await sh('exec bash -c "$1"', script)), [
      "server             (Open a room on this machine, and join it)",
      "client             (Join a room)",
      "page               (Write the page that chat server --web serves)",
    ]);
  },
});

Deno.test({
  name: "fish shows what each word does",
  ignore: !await has("fish"),
  async fn() {
    const script = 'parley completions fish | fish --no-config -c "source; complete -C \\"$1\\""';
    const said = await sh(script, "parley chat ");
    assertStringIncludes(said, "client\tJoin a room\n");
    assertStringIncludes(await sh(script, "parley chat server --po"), "--port\tPort to listen on");
  },
});

Deno.test({
  name: "zsh completes commands and options at a terminal, and shows what they do",
  ignore: !HAS_TMUX || !await has("zsh"),
  async fn() {
    await using pane = await Pane.open(100, 30);
    await pane.type("PS1='> ' zsh -f -i\n");
    await pane.until("zsh", ({ rows }) => rows.at(-1) === ">");
    const load =
      "parley() { deno run --frozen main.ts $@ }; autoload -U compinit; compinit -u -D; " +
      "source <(parley completions zsh); clear; echo loaded\n";
    await pane.type(load);
    await pane.until("the script", ({ rows }) => rows[0] === "loaded");
    await pane.type("parley chat \t");
    const { rows } = await pane.until(
      "the commands",
      (shown) => shown.rows.some((row) => /^client +-- Join a room$/.test(row)),
    );
    assert(rows.some((row) => /^server +-- Open a room/.test(row)), rows.join("\n"));
    await pane.press("C-u", "C-l");
    await pane.type("parley chat server --rel\t");
    await pane.until(
      "the option",
      (shown) => shown.rows[0] === "> parley chat server --relay-only",
    );
    await pane.press("C-u", "C-l");
    await pane.type("parley completions f\t");
    await pane.until("the shell", (shown) => shown.rows[0] === "> parley completions fish");
    await pane.press("C-u", "C-l");
    await pane.type("parley chat server --log LIC\t");
    await pane.until("the file", (shown) => shown.rows[0] === "> parley chat server --log LICENSE");
  },
});

Deno.test({
  name: "parley completions is read by its shell without complaint",
  ignore: !MAY_RUN_SHELL,
  async fn() {
    for (const shell of SHELLS) {
      if (!await has(shell)) continue;
      const syntax = shell === "fish" ? "--no-execute" : "-n";
      await sh(`file=$(mktemp); parley completions ${shell} >"$file"; ${shell} ${syntax} "$file"`);
    }
    if (await has("shellcheck")) await sh("parley completions bash | shellcheck -s bash -");
  },
});

Deno.test("every option whose value is a file is completed as a path", () => {
  for (const { path, options } of commandWords(PARLEY)) {
    for (const { long, label, value } of options) {
      if (label === "FILE") assertEquals(value, "file", `${path.join(" ")} ${long}`);
    }
  }
});

Deno.test("completionScript() escapes the special characters of a shell", async () => {
  const tricky: CommandSpec = {
    name: "parley",
    summary: "",
    commands: [{ name: "it", summary: "It's [a] $(trap): \\ `here`." }],
  };
  assertEquals(commandWords(tricky)[0]?.commands, [["it", "It's [a] $(trap): \\ `here`"]]);
  assertStringIncludes(await completionScript(tricky, "bash"), `It'\\''s [a] $(trap): \\ \`here\``);
  assertStringIncludes(await completionScript(tricky, "fish"), "It\\'s [a] $(trap): \\\\ `here`");
  assertStringIncludes(
    await completionScript(tricky, "zsh"),
    "'it:It'\\''s [a] $(trap)\\: \\ `here`'",
  );
});
