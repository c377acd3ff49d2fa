/**
 * A terminal for the tests: a pane of a tmux server of their own, with a shell in it.
 *
 * What it shows is waited for, never slept for.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { equal } from "@std/assert";
import { granted } from "../fixtures/granted.ts";
import { PROCESS_KEYS } from "../fixtures/process_keys.ts";
import { ControlClient } from "./control.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
/** Long, since a busy machine takes its time: whoever waits for what never comes fails then. */
const PATIENCE_MS = 180_000;
/** How often a pane is looked at that tells no change, in milliseconds. */
const LOOK_MS = 250;

/** What stays the same for so long has been shown whole, in milliseconds. */
const SETTLED_MS = 40;
/** How often it is looked at whether it does. */
const MAX_LOOKS = 5;

/** Whether tests may start tmux, and there is one. */
export const HAS_TMUX: boolean = granted("run=deno,tmux") && await findTmux();

async function findTmux(): Promise<boolean> {
  try {
    return (await new Deno.Command("tmux", { args: ["-V"] }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** What a pane shows. */
export interface Shown {
  /** Its rows, without trailing blanks and empty rows at the end. */
  readonly rows: readonly string[];
  /** The cursor's column and row, from 0. */
  readonly cursor: readonly [column: number, row: number];
}

/** A pane. */
export class Pane implements AsyncDisposable {
  static #count = 0;
  /** Whether rows are given without the time at the start of a message and the mark of a prompt. */
  plain = false;
  readonly #client: ControlClient;

  private constructor(session: readonly string[]) {
    const socket = `parley-test-${Deno.pid}-${Pane.#count++}`;
    this.#client = new ControlClient(["-u", "-L", socket, "-f", "/dev/null", ...session]);
  }

  /**
   * Opens a pane with a shell whose prompt is `$ `. In it, `deno run $KEYS` gives keys of the test run to one process of
   * the chat. A second process in the same pane would get the same ones.
   *
   * @param columns Its width.
   * @param rows Its height.
   * @param env More of the shell's environment, as `NAME=VALUE`.
   */
  static async open(columns: number, rows: number, ...env: string[]): Promise<Pane> {
    const size = ["-x", String(columns), "-y", String(rows)];
    const keys = `KEYS=${PROCESS_KEYS.next().join()}`;
    const variables = ["ENV=", keys, ...env].flatMap((variable) => ["-e", variable]);
    const pane = new Pane(["new-session", ...size, ...variables, "-c", ROOT, "sh"]);
    try {
      // Set in the shell: one that runs as root does not take its prompt from the environment.
      await pane.type("PS1='$ '; clear\n");
      await pane.until("the shell", ({ rows }) => rows.length === 1 && rows[0] === "$");
    } catch (error) {
      await pane[Symbol.asyncDispose]();
      throw error;
    }
    return pane;
  }

  /** Runs a tmux command on the pane's server. Returns what it prints. */
  async tmux(...args: string[]): Promise<string> {
    return await this.#client.run(args);
  }

  /** Types text. */
  async type(text: string): Promise<void> {
    await this.tmux("send-keys", "-l", "--", text);
  }

  /** Presses keys, as tmux names them: `Home`, `C-a`, `M-b`, `Enter`. */
  async press(...keys: string[]): Promise<void> {
    await this.tmux("send-keys", ...keys);
  }

  /** Pastes text, in brackets where the program in the pane asked for them. */
  async paste(text: string): Promise<void> {
    await this.tmux("set-buffer", "--", text);
    await this.tmux("paste-buffer", "-p");
  }

  /** Changes the size. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** Runs a shell command beside the pane. */
  async run(command: string): Promise<void> {
    await this.tmux("run-shell", command);
  }

  /** What it shows now. */
  async shown(): Promise<Shown> {
    const [place = "", ...lines] = (await this.tmux(
      ...["display-message", "-p", "#{cursor_x} #{cursor_y}", ";", "capture-pane", "-p"],
    )).split("\n");
    const [column = 0, row = 0] = place.split(" ").map(Number);
    const rows = lines.map((line) => {
      const row = line.trimEnd();
      return this.plain ? row.replace(/^\d\d:\d\d /, "").replace(/^(\S+) [✓…!]>/, "$1>") : row;
    });
    return {
      rows: rows.slice(0, rows.findLastIndex((line) => line !== "") + 1),
      cursor: [column, row],
    };
  }

  /** What it shows, with what has scrolled off at the top. */
  async scrollback(): Promise<string[]> {
    return (await this.tmux("capture-pane", "-p", "-S", "-")).trimEnd().split("\n")
      .map((line) => line.trimEnd());
  }

  /**
   * Waits until it shows what is expected.
   *
   * @param what What is expected, for the failure.
   * @param holds Whether it is there.
   * @param patienceMs How long it may take.
   * @throws {Error} With what is shown, where it never comes.
   */
  async until(
    what: string,
    holds: (shown: Shown) => boolean,
    patienceMs: number = PATIENCE_MS,
  ): Promise<Shown> {
    const deadline = Date.now() + patienceMs;
    let before: Shown | undefined;
    let looks = 0;
    for (;;) {
      // Before it is looked at: what changes meanwhile is looked at again.
      const { changed } = this.#client;
      const shown = await this.shown();
      if (holds(shown)) {
        // What belongs to it may come in several pieces: it is taken once it stays as it is. A plot never does.
        if (equal(before, shown) || ++looks === MAX_LOOKS) return shown;
        before = shown;
        await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
        continue;
      }
      if (Date.now() > deadline) {
        const { rows, cursor } = shown;
        throw new Error(`${what} never came; the cursor at ${cursor} of:\n${rows.join("\n")}`);
      }
      await orLater(changed, LOOK_MS);
    }
  }

  /** Waits until it shows exactly these rows, and the cursor there, where it is told. */
  async shows(rows: readonly string[], cursor?: readonly [number, number]): Promise<void> {
    const wanted = `exactly this${cursor === undefined ? "" : `, the cursor at ${cursor}`}`;
    await this.until(
      `${wanted}:\n${rows.join("\n")}\n`,
      (shown) =>
        shown.rows.length === rows.length && rows.every((row, i) => row === shown.rows[i]) &&
        (cursor === undefined || (cursor[0] === shown.cursor[0] && cursor[1] === shown.cursor[1])),
    );
  }

  /** Ends the server and whatever runs in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.type("kill-server\n");
    await this.#client.ended();
    await this.#client[Symbol.asyncDispose]();
  }
}

/** Waits for a change, or for a time. */
async function orLater(changed: Promise<void>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  changed.then(resolve);
  await promise;
  clearTimeout(timer);
}
