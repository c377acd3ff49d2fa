/**
 * The functions that the quickest commands run, measured by running them.
 *
 * @module
 */

import { Failure } from "../../lib/base/failure.ts";
import type { Range } from "./early.ts";
import { runDeno } from "./run_deno.ts";
import { FLAGS } from "./target.ts";

/** The functions of each chunk that ran. A chunk that was loaded without calling one has an empty list. */
export type Executed = ReadonlyMap<string, readonly Range[]>;

/** What some commands ran. */
export interface Measured {
  /** What the commands ran that are compared with other tools. */
  readonly quick: Executed;
  /** What the chat runs when its code is loaded. */
  readonly chat: Executed;
}

/**
 * Runs some commands, and finds the functions that they call.
 *
 * @param chunks The files of the bundle, by name.
 * @param entry The name of the file that runs at the start.
 * @throws {Failure} `NOT_RUN` if a command fails.
 */
export async function executedFunctions(
  chunks: ReadonlyMap<string, string>,
  entry: string,
): Promise<Measured> {
  const folder = await Deno.makeTempDir();
  const server = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const answering = answerAll(server);
  try {
    for (const [name, text] of chunks) await Deno.writeTextFile(`${folder}/${name}`, text);
    const at = `@127.0.0.1:${(server.addr as Deno.NetAddr).port}`;
    const [version, bytes, name, chat] = await Promise.all(
      [
        ["--version"],
        ["info", "byteorder", "1234"],
        ["info", "resolve", at, "name.test", "A"],
        ["chat", "page"],
      ].map((args, i) => calledBy(`${folder}/${entry}`, args, `${folder}/coverage-${i}`)),
    );
    return { quick: merged([version!, bytes!, name!]), chat: chat! };
  } finally {
    server.close();
    await answering;
    await Deno.remove(folder, { recursive: true });
  }
}

/** What V8 reports of a script. */
interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly {
    /** The whole function comes first. The whole script is the first function. */
    readonly ranges: readonly {
      readonly startOffset: number;
      readonly endOffset: number;
      readonly count: number;
    }[];
  }[];
}

/** Runs a command, and finds the functions that it calls. */
async function calledBy(file: string, args: readonly string[], folder: string): Promise<Executed> {
  const flags = ["run", "--no-prompt", "--no-config", "--no-lock", ...FLAGS];
  const { success, stderr } = await runDeno([...flags, `--coverage=${folder}`, file, ...args]);
  if (!success) {
    const [why = ""] = stderr.split("\n");
    throw new Failure({ what: `the program cannot run ${args.join(" ")}`, why, code: "NOT_RUN" });
  }
  const called = new Map<string, Range[]>();
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".json")) continue;
    const { url, functions }: ScriptCoverage = JSON.parse(
      await Deno.readTextFile(`${folder}/${name}`),
    );
    const ranges = functions.slice(1).flatMap(({ ranges: [whole] }) =>
      whole === undefined || whole.count === 0
        ? []
        : [[whole.startOffset, whole.endOffset] as const]
    );
    called.set(url.slice(url.lastIndexOf("/") + 1), ranges);
  }
  return called;
}

/** What some commands ran together. */
function merged(all: readonly Executed[]): Executed {
  const ranges = new Map<string, Map<number, Range>>();
  for (const [chunk, called] of all.flatMap((each) => [...each])) {
    const known = ranges.get(chunk) ?? new Map<number, Range>();
    for (const range of called) known.set(range[0], range);
    ranges.set(chunk, known);
  }
  return new Map([...ranges].map(([chunk, known]) => [chunk, [...known.values()]]));
}

/** Answers every query with the address 192.0.2.1, until the socket is closed. */
async function answerAll(server: Deno.DatagramConn): Promise<void> {
  for await (const [query, from] of server) await server.send(answerTo(query), from);
}

/** The reply to a query of one question (RFC 1035 section 4.1). */
function answerTo(query: Uint8Array): Uint8Array {
  const HEADER = 12;
  const end = query.indexOf(0, HEADER) + 5;
  // A response with authority, one question and one record of the question's name: A, IN, 60 s, 4 bytes.
  const counts = [0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0];
  const record = [0xc0, HEADER, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1];
  return Uint8Array.from([
    ...query.subarray(0, 2),
    ...counts,
    ...query.subarray(HEADER, end),
    ...record,
  ]);
}
