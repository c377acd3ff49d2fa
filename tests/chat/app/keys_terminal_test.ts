// needs: net run=deno,tmux (about 40 s)

/**
 * Keys and small terminals: what a person does at the input line of the chat, and what `--plain` leaves out.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { HAS_TMUX, Pane, type Shown } from "../../terminal/tmux.ts";
import { shows, startChat, startServerPane } from "./chat_pane.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !HAS_TMUX, fn });
}

const ROWS = 40;
const start = (columns: number, ...args: readonly string[]) =>
  startChat({ columns, rows: ROWS }, ...args);
const startServer = () => startServerPane({ columns: 110, rows: ROWS });

/** The rows after the one that has a word. */
function after(word: string, { rows }: Shown): readonly string[] {
  return rows.slice(rows.findIndex((row) => row.includes(word)) + 1);
}

test("Tab completes commands and the names of members, and /help lists the keys", async () => {
  const { ada, address } = await startServer();
  await using _ada = ada;
  await using bo = await start(110, "client", address, "--name", "bo");
  await bo.until("the room", shows("/help lists the commands"));
  await bo.type("/ms");
  await bo.press("Tab");
  await bo.type("a");
  await bo.press("Tab");
  await bo.until("the name", ({ rows }) => rows.at(-1) === "bo> /msg ada");
  await bo.type("psst\n");
  await ada.until("the word", ({ rows }) => rows.includes("bo (to you only): psst"));
  await bo.type("a");
  await bo.press("Tab");
  await bo.type("hello\n");
  await ada.until("the line", ({ rows }) => rows.includes("bo: ada: hello"));
  await bo.type("/loc");
  await bo.press("Tab");
  await bo.until("the command", ({ rows }) => rows.at(-1) === "bo> /lock");
  await bo.press("C-u");
  await bo.type("/");
  await bo.press("Tab");
  await bo.until("the commands", shows("/exclude  /exit  /fingerprint"));
  await bo.press("C-u");
  await bo.type("/help\n");
  const shown = await bo.until("the keys", shows("* Ctrl-Z "));
  assertEquals(after("* //TEXT", shown).map((row) => row.slice(0, 23).trim()).slice(0, 3), [
    "* Tab, Ctrl-R",
    "* Alt-Enter",
    "* Ctrl-Z",
  ]);
});

test("at 20 columns the chat wraps at blanks, and messages still arrive", async () => {
  const { ada, address } = await startServer();
  await using _ada = ada;
  await using bo = await start(20, "client", address, "--name", "bo");
  await bo.until("the room", ({ rows }) => rows.at(-1) === "bo>" && rows.length > 6);
  await bo.press("C-l");
  await bo.shows(["bo>"]);
  await ada.until("bo", shows("bo joined"));
  await ada.type("this one is wider than twenty columns\n");
  const rows = ["ada: this one", "  is wider than", "  twenty columns"];
  await bo.shows([...rows, "bo>"], [4, 3]);
  await bo.type("and so is what I answer");
  await bo.shows([...rows, "bo> and so is what I", " answer"], [7, 4]);
  await bo.press("Enter");
  await ada.until("the answer", ({ rows }) => rows.includes("bo: and so is what I answer"));
});

test("--plain only appends lines, shows no prompt, and leaves line editing to the terminal", async () => {
  const { ada, address } = await startServer();
  await using _ada = ada;
  await using bo = await start(110, "client", address, "--name", "bo", "--plain");
  await bo.until("the room", shows("/help lists the commands"));
  await bo.type("helo");
  await bo.press("BSpace");
  await bo.type("lo\n");
  await ada.until("the line", ({ rows }) => rows.includes("bo: hello"));
  await ada.type("hello bo\n");
  const shown = await bo.until("the answer", shows("ada: hello bo"));
  assertEquals(after("/help lists the commands", shown), ["hello", "ada: hello bo"]);
  await bo.press("C-d");
  await bo.until("its leaving", shows("left with 0"));
  await bo.type("clear; deno run $KEYS --no-prompt --allow-net main.ts chat --plain\n");
  await bo.until("the question", ({ rows }) => rows.at(-1) === "server or client?");
  await bo.press("C-d");
});

test("--plain indents the further rows of a message, so that none begins like a line of its own", async () => {
  const { ada, address } = await startServer();
  await using _ada = ada;
  await using bo = await start(60, "client", address, "--name", "bo", "--plain");
  await bo.until("the room", shows("/help lists the commands"));
  const forged = "cy: I have sent the money";
  // Where the terminal would wrap, the forged line follows.
  await ada.until("bo", shows("bo joined"));
  await ada.type(`hello${" ".repeat(60 - "12:34 ada: hello".length)}${forged}\n`);
  await ada.type(`${"=".repeat(70)}${forged}\n`);
  const { rows } = await bo.until(
    "the messages",
    ({ rows }) => rows.filter((row) => row.includes("the money")).length === 2,
  );
  const found = rows.filter((row) => row.includes("the money"));
  assertEquals(found.map((row) => /^ {2}=*cy: I have sent the money$/.test(row)), [true, true]);
});

test("with --plain, Ctrl-C leaves the chat after what was typed is sent", async () => {
  const { ada, address } = await startServer();
  await using _ada = ada;
  await using bo = await start(110, "client", address, "--name", "bo", "--plain");
  await bo.until("the room", shows("/help lists the commands"));
  await bo.type("hello\n");
  // At Ctrl-C the terminal discards what the chat has not read yet (NOFLSH of termios(3)).
  await ada.until("the line", ({ rows }) => rows.includes("bo: hello"));
  await bo.press("C-c");
  await bo.until("its leaving", shows("left with 130"));
  await ada.until("news of it", ({ rows }) => rows.includes("* bo left"));
});

test("--plain writes no control characters except line ends", async () => {
  const { ada, address } = await startServer();
  await using _ada = ada;
  await using bo = await Pane.open(110, 40, "NO_COLOR=");
  const client =
    `deno run $KEYS --no-prompt --allow-net main.ts chat client ${address} --name bo --plain`;
  await bo.type(`clear; script -qc '${client}' /dev/null | cat -v; echo left with $?\n`);
  // cat(1) shows each carriage return as ^M, so that rows end anywhere, also at a blank.
  const said = ({ rows }: Shown) => rows.join("").replaceAll(" ", "");
  await bo.until("the room", (shown) => said(shown).includes("/helpliststhecommands"));
  await ada.until("bo", shows("bo joined"));
  await ada.type("hello bo\n");
  const shown = await bo.until("the line", (one) => said(one).includes("ada:hellobo"));
  // Deno itself clears the row of its progress before the first line.
  const own = said(shown).replace(/^.*?(?=\*generating)/, "");
  assertEquals(own.replaceAll("^M", "").match(/\^./g), null);
  await bo.press("C-d");
  await bo.until("its leaving", (shown) => said(shown).includes("leftwith0"));
});

test("Ctrl-Z suspends the chat, and fg redraws the input line and shows the messages since", async () => {
  const { ada, address } = await startServer();
  await using _ada = ada;
  await using bo = await start(110, "client", address, "--name", "bo");
  await bo.until("the room", shows("/help lists the commands"));
  await bo.type("half");
  await bo.press("C-z");
  await bo.until("the shell", ({ rows }) => rows.at(-1) === "$");
  await ada.until("bo", shows("bo joined"));
  await ada.type("are you there?\n");
  await ada.until("the echo", ({ rows }) => rows.includes("you: are you there?"));
  await bo.type("clear; fg\n");
  await bo.until(
    "the line",
    ({ rows }) => rows.includes("ada: are you there?") && rows.at(-1) === "bo> half",
  );
  await bo.type("way\n");
  await ada.until("bo's line", ({ rows }) => rows.includes("bo: halfway"));
});

test("with --plain, Ctrl-Z suspends the chat, and reports under deno task that it cannot", async () => {
  const { ada, address } = await startServer();
  await using _ada = ada;
  await using bo = await start(110, "client", address, "--name", "bo", "--plain");
  await bo.until("the room", shows("/help lists the commands"));
  await bo.press("C-z");
  await bo.until("the shell", ({ rows }) => rows.at(-1) === "$");
  await bo.type("clear; fg\n");
  await bo.until("the job", shows("main.ts"));
  await bo.type("back\n");
  await ada.until("bo's line", ({ rows }) => rows.includes("bo: back"));
  await bo.press("C-d");
  await ada.until("its leaving", ({ rows }) => rows.includes("* bo left"));
  await using cy = await Pane.open(110, 40, "NO_COLOR=1");
  await cy.type(`clear; deno task chat-client ${address} --name cy --plain\n`);
  await cy.until("the room", shows("/help lists the commands"));
  await cy.press("C-z");
  await cy.until("the refusal", shows("* Ctrl-Z does nothing under deno task"));
  await cy.type("still here\n");
  await ada.until("cy's line", ({ rows }) => rows.includes("cy: still here"));
});

test("--history keeps typed lines for the next run, and no private, pasted or received ones", async () => {
  const { ada, address } = await startServer();
  await using _ada = ada;
  await using bo = await Pane.open(110, 40, "NO_COLOR=1");
  await bo.type("root=$PWD; cd $(mktemp -d) && clear && echo ready\n");
  await bo.until("the directory", ({ rows }) => rows.includes("ready"));
  const chat =
    "deno run $KEYS --no-prompt --allow-net --allow-read=. --allow-write=. $root/main.ts chat";
  const client = `${chat} client ${address} --name bo --history lines.txt`;
  await bo.type(`clear; ${client}; echo left with $?\n`);
  await bo.until("the room", shows("/help lists the commands"));
  await ada.until("bo", shows("bo joined"));
  await ada.type("what ada says\n");
  await bo.until("the line", shows("ada: what ada says"));
  for (const line of ["hello", "/msg ada psst", " with a blank", "/mgs ada psst", "/who"]) {
    await bo.type(`${line}\n`);
  }
  await bo.until("the roster", shows("(you)"));
  await bo.paste("pasted text");
  await bo.press("Enter");
  await ada.until("the paste", ({ rows }) => rows.includes("bo: pasted text"));
  await bo.type("one");
  await bo.press("M-Enter");
  await bo.type("two\n");
  await bo.press("C-d");
  await bo.until("its leaving", shows("left with 0"));
  await bo.type("clear; stat -c %a lines.txt; cat lines.txt; echo end\n");
  await bo.shows(["600", "hello", "/who", "one\\ntwo", "end", "$"]);
  await bo.type(`clear; ${client}; echo left with $?\n`);
  await bo.until("the room", shows("/help lists the commands"));
  await bo.press("Up");
  await bo.until("the last line", ({ rows }) => rows.at(-1) === "bo> one␊two");
  await bo.press("C-r");
  await bo.type("hel");
  await bo.until("the first line", ({ rows }) => rows.at(-1) === 'search "hel": hello');
  await bo.press("Enter");
  await ada.until("it again", ({ rows }) => rows.filter((row) => row === "bo: hello").length === 2);
  await bo.press("C-d");
  await bo.until("its leaving", shows("left with 0"));
  await bo.type(`clear; chmod 644 lines.txt; ${client}; rm -r $PWD; echo gone\n`);
  await bo.until("the end", ({ rows }) => rows.includes("gone"));
  const { rows } = await bo.shown();
  assertEquals(rows.slice(0, 2), [
    "parley: cannot open lines.txt: users other than its owner may use it (mode 0644) (FILE_NOT_PRIVATE)",
    "hint: permit it to its owner alone: chmod 600",
  ]);
});
