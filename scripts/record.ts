/**
 * Draws a picture of a real conversation: `deno task record` holds it in two terminals of tmux, and
 * writes what they show to `docs/images/session.svg`.
 *
 * @module
 */

import { Pane } from "../tests/terminal/tmux.ts";
import { drawScreens, readRow, type Screen } from "./record/screen_svg.ts";

const OUTPUT = new URL("../docs/images/session.svg", import.meta.url);
const COLUMNS = 86;
const ROWS = 18;

/** A terminal in which `parley` is the one of these sources. */
async function open(): Promise<Pane> {
  const pane = await Pane.open(COLUMNS, ROWS);
  await pane.type(
    `parley() { deno run --frozen --no-prompt --allow-net main.ts "$@"; }; clear\n`,
  );
  await pane.until("a clear screen", ({ rows }) => rows.length === 1);
  return pane;
}

/** Types a line, and waits until the terminal shows what it is for. */
async function say(pane: Pane, line: string, shows: string, on: Pane = pane): Promise<void> {
  await pane.type(line);
  await pane.press("Enter");
  await on.until(shows, ({ rows }) => rows.some((row) => row.includes(shows)));
}

async function screenOf(pane: Pane, title: string): Promise<Screen> {
  const shown = await pane.tmux("capture-pane", "-p", "-e");
  const rows = shown.trimEnd().split("\n").map(readRow);
  return { title, columns: COLUMNS, rows };
}

async function record(): Promise<string> {
  await using ada = await open();
  await using bo = await open();
  await say(ada, "parley chat server --name ada", "no one else is here yet");
  await say(bo, "parley chat client --name bo", "remembers keys");
  await say(bo, "hello ada, the relay cannot read this", "hello ada", ada);
  await say(ada, "hi bo: read me your fingerprint?", "hi bo", bo);
  await say(bo, "/fingerprint", "your fingerprint");
  await ada.type("a half-typed line sta");
  await ada.until("the line", ({ rows }) => rows.at(-1)?.endsWith("sta") === true);
  await say(bo, "messages come in above the line you type", "messages come in", ada);
  await ada.until("it came", ({ rows }) => rows.at(-1)?.endsWith("sta") === true);
  return drawScreens(
    [await screenOf(ada, "ada"), await screenOf(bo, "bo")],
    "Two terminals: ada opens a room with parley chat server, bo joins it, and they talk",
  );
}

if (import.meta.main) await Deno.writeTextFile(OUTPUT, await record());
