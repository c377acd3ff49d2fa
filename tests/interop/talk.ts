/**
 * The second client, `talk.py`, as a process that is typed into and tells events as JSON lines.
 *
 * @module
 */

import { until } from "../chat/keys.ts";
import { PipedProcess } from "../fixtures/piped_process.ts";

/** What the second client tells. Which fields there are depends on the event. */
export interface TalkEvent {
  readonly event: string;
  readonly from?: string;
  readonly name?: string;
  readonly text?: string;
  readonly private?: boolean;
  readonly late?: boolean;
  readonly self?: boolean;
  readonly number?: number;
  readonly count?: number;
  readonly to?: string | null;
  readonly missed?: readonly string[];
  readonly members?: readonly string[];
  readonly resumed?: boolean;
  readonly signed?: boolean;
  readonly reason?: string;
  readonly answer?: string;
}

const FOLDER = new URL("./", import.meta.url);

function python(args: readonly string[], input: "piped" | "null"): Deno.Command {
  // -B: no compiled files beside the sources.
  return new Deno.Command("python3", {
    args: ["-B", ...args],
    cwd: FOLDER,
    stdin: input,
    stdout: "piped",
    stderr: input === "piped" ? "inherit" : "null",
  });
}

/** Whether Python is there, with the package that the second client takes its cryptography from. */
export async function hasPython(): Promise<boolean> {
  try {
    return (await python(["-c", "import cryptography"], "null").output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Compares the second client with the fixed vectors. Gives the parts that agree: all, unless one differs. */
export async function compareVectors(): Promise<string[]> {
  return (await output(["vectors.py", "../vectors/chat.json"])).trim().split("\n");
}

let played: Promise<string> | undefined;

/** Plays steps with a clock of their own, once for all tests. `steps.py` says what it returns. */
export async function playSteps(): Promise<Record<string, unknown>> {
  return JSON.parse(await (played ??= output(["steps.py"])));
}

async function output(args: readonly string[]): Promise<string> {
  return new TextDecoder().decode((await python(args, "null").output()).stdout);
}

/** A run of the second client. */
export class Talk extends PipedProcess {
  readonly events: TalkEvent[] = [];
  protected override readonly reading: Promise<void> = this.#read();

  /** Starts it, and waits until it is in the room. */
  static async join(port: number, name: string): Promise<Talk> {
    const talk = new Talk(python(["talk.py", "127.0.0.1", String(port), name], "piped"));
    await talk.until("joined", ({ self }) => self === true);
    return talk;
  }

  /** Starts it as a guest, by the link of an invitation, and waits until it is in the room, or has ended. */
  static async invited(link: string, name: string): Promise<Talk> {
    const talk = new Talk(python(["talk.py", link, name], "piped"));
    const isIn = () => talk.events.some(({ event, self }) => event === "ended" || self === true);
    await until(isIn, "the second client is in");
    return talk;
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const piece of this.child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.events.push(JSON.parse(line));
    }
  }

  /** Returns the events of a kind. */
  of(kind: string): TalkEvent[] {
    return this.events.filter(({ event }) => event === kind);
  }

  /** Waits for an event. */
  async until(
    kind: string,
    matches: (event: TalkEvent) => boolean = () => true,
  ): Promise<TalkEvent> {
    const found = () => this.of(kind).find(matches);
    await until(() => found() !== undefined, `the second client tells ${kind}`);
    return found()!;
  }

  /** The texts that it was shown. */
  get texts(): string[] {
    return this.of("message").map(({ text }) => text!);
  }
}
