/**
 * The picture of a conversation: two terminals, in which ada opens a room and bo joins it.
 *
 * @module
 */

import type { Pane } from "../../tests/terminal/tmux.ts";
import { openPane, say, screenOf } from "./pane.ts";
import { drawScreens } from "./screen_svg.ts";

const SIZE = { columns: 86, rows: 18 };

/** Holds the conversation, and draws what the terminals show. */
export async function recordSession(): Promise<string> {
  await using ada: Pane = await openPane(SIZE);
  await using bo: Pane = await openPane(SIZE);
  await say(ada, "parley chat server --name ada", "no one else is here yet");
  await say(bo, "parley chat client --name bo", "/help lists");
  await say(bo, "hello ada, the relay cannot read this", "hello ada", ada);
  await say(ada, "hi bo: read me your fingerprint?", "hi bo", bo);
  await say(bo, "/fingerprint", "your fingerprint");
  await ada.type("a half-typed line sta");
  await ada.until("the line", ({ rows }) => rows.at(-1)?.endsWith("sta") === true);
  await say(bo, "messages come in above the line you type", "messages come in", ada);
  await ada.until("it came", ({ rows }) => rows.at(-1)?.endsWith("sta") === true);
  return drawScreens(
    [await screenOf(ada, "ada", SIZE), await screenOf(bo, "bo", SIZE)],
    "Two terminals: ada opens a room with parley chat server, bo joins it, and they talk",
  );
}
