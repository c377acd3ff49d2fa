/**
 * Terminals for the pictures: panes of tmux in which `parley` is the one of these sources.
 *
 * @module
 */

import { Pane } from "../../tests/terminal/tmux.ts";
import { type Frame, readRows, type Screen } from "./screen_svg.ts";

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

/** How long a film rests on each piece of a line that is typed, and on what has come of the line, in milliseconds. */
const TYPED_MS = 180;
const SHOWN_MS = 1_400;

/** Records what several panes show while something is typed into them. */
export class Film {
  readonly frames: Frame[] = [];
  readonly #panes: ReadonlyMap<Pane, PaneSize & { readonly title: string }>;

  /** @param panes The panes from top to bottom, with their titles and sizes. */
  constructor(panes: ReadonlyMap<Pane, PaneSize & { readonly title: string }>) {
    this.#panes = panes;
  }

  /** Types a line by its words, and waits until a pane shows what it is for. */
  async say(pane: Pane, line: string, shows: string, on: Pane = pane): Promise<void> {
    await this.type(pane, line);
    await pane.press("Enter");
    await on.until(shows, ({ rows }) => rows.some((row) => row.includes(shows)));
    await this.rest();
  }

  /** Types a text by its words, without Enter. */
  async type(pane: Pane, text: string): Promise<void> {
    let begun = "";
    for (const word of text.match(/\S+\s*/g) ?? []) {
      begun += word;
      await pane.type(word);
      const typed = begun.trimEnd();
      await pane.until(typed, ({ rows }) => rows.at(-1)?.endsWith(typed) === true);
      await this.rest(TYPED_MS);
    }
  }

  /** Records what all panes show now. */
  async rest(ms = SHOWN_MS): Promise<void> {
    const screens: Screen[] = [];
    for (const [pane, { title, ...size }] of this.#panes) {
      const { cursor } = await pane.shown();
      const screen = await screenOf(pane, title, size);
      const missing = Math.max(0, size.rows - screen.rows.length);
      const rows = [...screen.rows, ...Array.from({ length: missing }, () => [])];
      screens.push({ ...screen, rows, cursor });
    }
    this.frames.push({ screens, ms });
  }
}
