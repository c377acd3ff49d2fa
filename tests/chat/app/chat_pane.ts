/**
 * The chat at a real terminal, for tests: panes of tmux in which `parley chat` runs.
 *
 * @module
 */

import { Pane, type Shown } from "../../terminal/tmux.ts";

/** The size of a pane, and the permissions of the program in it. */
export interface PaneOptions {
  readonly columns: number;
  readonly rows?: number;
  readonly flags?: readonly string[];
}

/** Starts `parley chat` in a pane; the shell says with which code it left. */
export async function startChat(
  { columns, rows = 24, flags = ["--allow-net"] }: PaneOptions,
  ...args: readonly string[]
): Promise<Pane> {
  const pane = await Pane.open(columns, rows, "NO_COLOR=1");
  pane.plain = true;
  const command = ["deno", "run", "$KEYS", "--no-prompt", ...flags, "main.ts", "chat", ...args];
  await pane.type(`clear; ${command.join(" ")}; echo left with $?\n`);
  return pane;
}

/** Starts a server in a pane, as ada. Returns the pane, and where the server listens. */
export async function startServerPane(
  options: PaneOptions,
): Promise<{ readonly ada: Pane; readonly address: string }> {
  const ada = await startChat(options, "server", "--port", "0", "--name", "ada");
  const { rows } = await ada.until("the server", shows("no one else is here yet"));
  await ada.until("the prompt", isAt("ada>"));
  const [, address = ""] = /listening on ([^,]+),/.exec(rows.join("\n")) ?? [];
  return { ada, address };
}

/** Whether a row of a pane has a text in it. */
export function shows(text: string): (shown: Shown) => boolean {
  return ({ rows }) => rows.some((row) => row.includes(text));
}

/** Whether a pane's last row is a prompt, with what is typed after it. */
export function isAt(prompt: string): (shown: Shown) => boolean {
  return ({ rows }) => rows.at(-1) === prompt;
}
