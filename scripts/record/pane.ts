/**
 * Terminals for the pictures: panes of tmux in which `parley` is the one of these sources.
 *
 * @module
 */

import { Pane } from "../../tests/terminal/tmux.ts";
import { readRows, type Screen } from "./screen_svg.ts";

/** The size of a pane. */
export interface PaneSize {
  readonly columns: number;
  readonly rows: number;
}

/** Opens a pane with a clear screen. */
export async function openPane({ columns, rows }: PaneSize): Promise<Pane> {
  const pane = await Pane.open(columns, rows);
  await pane.type(
    `parley() { deno run --frozen --no-prompt --allow-net main.ts "$@"; }; clear\n`,
  );
  await pane.until("a clear screen", ({ rows }) => rows.length === 1);
  return pane;
}

/** Types a line, and waits until the terminal shows what it is for. */
export async function say(
  pane: Pane,
  line: string,
  shows: string,
  on: Pane = pane,
): Promise<void> {
  await pane.type(line);
  await pane.press("Enter");
  await on.until(shows, ({ rows }) => rows.some((row) => row.includes(shows)));
}

/** What a pane shows, in its colours. */
export async function screenOf(pane: Pane, title: string, { columns }: PaneSize): Promise<Screen> {
  const shown = await pane.tmux("capture-pane", "-p", "-e");
  return { title, columns, rows: readRows(shown.trimEnd()) };
}
