// needs: net run=deno,tmux (about 20 s)

/**
 * The chat itself at terminals: what people see of each other, and how they leave.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertMatch } from "@std/assert";
import { HAS_TMUX, Pane, type Shown } from "../../terminal/tmux.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !HAS_TMUX, fn });
}

/** A pane in which parley runs; the shell says with which code it left. */
async function start(...args: readonly string[]): Promise<Pane> {
  const pane = await Pane.open(110, 24, "NO_COLOR=1");
  const command = ["deno", "run", "--no-prompt", "--allow-net", "main.ts", "chat", ...args];
  await pane.type(`clear; ${command.join(" ")}; echo left with $?\n`);
  return pane;
}

function isAt(prompt: string): (shown: Shown) => boolean {
  return ({ rows }) => rows.at(-1) === prompt;
}

function shows(word: string): (shown: Shown) => boolean {
  return ({ rows }) => rows.some((row) => row.includes(word));
}

/** What follows a word in the rows of a pane. */
function after(word: string, { rows }: Shown): string {
  const row = rows.find((one) => one.includes(word)) ?? "";
  return row.slice(row.indexOf(word) + word.length);
}

/** A server in a pane, and where it listens. */
async function startServer(): Promise<{ host: Pane; address: string; fingerprint: string }> {
  const host = await start("server", "--port", "0", "--name", "ada");
  const shown = await host.until("the server", shows("no one else is here yet"));
  const address = after("listening on ", shown).split(",")[0]!;
  const fingerprint = after("you are ada ", shown);
  assertMatch(fingerprint, /^SHA256:\S{43}/);
  return { host, address, fingerprint: fingerprint.slice(0, 50) };
}

test("two people at two terminals see who they are, talk, and leave by Ctrl-D and Ctrl-C", async () => {
  const { host, address, fingerprint } = await startServer();
  await using _host = host;
  await using guest = await start("client", address, "--name", "bo");
  const joined = await guest.until("ada's fingerprint", shows(fingerprint));
  assertMatch(after("you are bo ", joined), /^SHA256:/);
  await guest.until("that nobody is verified", shows("verified"));
  await guest.until("the prompt", isAt("bo>"));
  await host.until("bo's fingerprint", shows(after("you are bo ", joined).slice(0, 50)));

  await host.type("half-typed");
  await guest.type("hello 中文 🙂 \\o/\n");
  await host.until(
    "bo's line above ada's own",
    ({ rows }) => rows.includes("bo: hello 中文 🙂 \\o/") && rows.at(-1) === "ada> half-typed",
  );
  await host.press("Enter");
  await guest.until("ada's line", ({ rows }) => rows.includes("ada: half-typed"));
  await guest.type("/msg ada psst\n");
  await host.until("bo's word", ({ rows }) => rows.includes("bo (to you only): psst"));
  await guest.until("its echo", ({ rows }) => rows.includes("you (to ada only): psst"));
  await guest.type("/who\n");
  await guest.until(
    "the roster",
    ({ rows }) => rows.some((row) => row.includes("bo") && row.endsWith("(you)")),
  );

  await guest.press("C-d");
  await guest.until("bo's leaving", ({ rows }) => rows.includes("left with 0"));
  await host.until("news of it", ({ rows }) => rows.includes("* bo left"));
  await host.press("C-c");
  await host.until("ada's leaving", ({ rows }) => rows.includes("left with 130"));
});

test("the tutorial's two questions are asked at a terminal, and a name made up", async () => {
  const { host, address } = await startServer();
  await using _host = host;
  await using guest = await start();
  await guest.until("the first question", isAt("server or client?"));
  await guest.type("c\n");
  await guest.until(
    "the second question",
    ({ rows }) => rows.at(-1)?.startsWith("the server's address?") === true,
  );
  await guest.type(`${address}\n`);
  const { rows } = await guest.until(
    "the guest",
    ({ rows }) => /^member-[a-z]{4}>$/.test(rows.at(-1) ?? ""),
  );
  await guest.type("hello\n");
  await host.until(
    "its line",
    (shown) => shown.rows.includes(`${rows.at(-1)!.slice(0, -1)}: hello`),
  );
  await guest.type("/quit\n");
  await guest.until("its leaving", ({ rows }) => rows.includes("left with 0"));
  await using another = await start();
  await another.until("the first question", isAt("server or client?"));
  await another.press("C-c");
  await another.until("its leaving", ({ rows }) => rows.includes("left with 130"));
});

test("a person who enters blanks alone says nothing", async () => {
  const { host, address } = await startServer();
  await using _host = host;
  await using guest = await start("client", address, "--name", "bo");
  await guest.until("the prompt", isAt("bo>"));
  await guest.type("   \n");
  await guest.type("a word\n");
  const shown = await guest.until("the word", shows("you: a word"));
  assertEquals(shown.rows.filter((row) => row.startsWith("you:")), ["you: a word"]);
  const heard = await host.until("the word", shows("bo: a word"));
  assertEquals(heard.rows.filter((row) => row.startsWith("bo:")), ["bo: a word"]);
});

test("at a dumb terminal the chat sends no escape codes, and the terminal edits the line", async () => {
  await using pane = await Pane.open(110, 24, "TERM=dumb");
  const command = "deno run --no-prompt --allow-net --allow-env=TERM main.ts";
  await pane.type(
    `clear; TERM=dumb ${command} chat server --port 0 --name ada; echo left with $?\n`,
  );
  await pane.until("the server", shows("go unnoticed"));
  await pane.type("//hello\n/who\n");
  await pane.until("the roster", shows("(you)"));
  const looks = await pane.tmux("capture-pane", "-p", "-e");
  assertEquals([looks.includes("\x1b"), looks.includes("ada>")], [false, false], looks);
  await pane.press("C-d");
  await pane.until("its leaving", shows("left with 0"));
  await pane.type(`clear; TERM=dumb ${command} chat\n`);
  await pane.until("the question", isAt("server or client?"));
  await pane.type("\n");
  await pane.until("how to answer", shows("type s to open a room here"));
  await pane.type("c\n127.0.0.1:1\n");
  await pane.until("that nothing is there", shows("ECONNREFUSED"));
});
