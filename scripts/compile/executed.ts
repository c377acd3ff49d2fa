/**
 * The functions that the quickest commands run, measured by running them.
 *
 * @module
 */

import { Failure } from "../../lib/base/failure.ts";
import { runDeno } from "./run_deno.ts";
import { FLAGS } from "./target.ts";

/** Names of functions and of chunks, as the program has them. */
export interface Executed {
  /** Those that the commands call that are compared with other tools. */
  readonly quick: ReadonlySet<string>;
  /** Those that the chat calls when its code is loaded. */
  readonly chat: ReadonlySet<string>;
}

/**
 * Runs some commands, and returns the names of the functions that they call.
 *
 * @param program The joined program in one file, not minified.
 * @throws {Failure} `NOT_RUN` if a command fails.
 */
export async function executedFunctions(program: string): Promise<Executed> {
  const folder = await Deno.makeTempDir();
  const server = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const answering = answerAll(server);
  try {
    const file = `${folder}/parley.js`;
    await Deno.writeTextFile(file, program);
    const at = `@127.0.0.1:${(server.addr as Deno.NetAddr).port}`;
    const [bytes, name, chat] = await Promise.all(
      [
        ["info", "byteorder", "1234"],
        ["info", "resolve", at, "name.test", "A"],
        ["chat", "page"],
      ].map((args, i) => calledBy(file, args, `${folder}/${i}`)),
    );
    return { quick: new Set([...bytes!, ...name!]), chat: new Set(chat) };
  } finally {
    server.close();
    await answering;
    await Deno.remove(folder, { recursive: true });
  }
}

/** What V8 reports of a script. */
interface ScriptCoverage {
  readonly functions: readonly {
    readonly functionName: string;
    /** The whole function comes first. */
    readonly ranges: readonly { readonly count: number }[];
  }[];
}

/** Runs a command. Returns the names of the functions that it calls. */
async function calledBy(file: string, args: readonly string[], folder: string): Promise<string[]> {
  const flags = ["run", "--no-prompt", "--no-config", "--no-lock", ...FLAGS];
  const { success, stderr } = await runDeno([...flags, `--coverage=${folder}`, file, ...args]);
  if (!success) {
    const [why = ""] = stderr.split("\n");
    throw new Failure({ what: `the program cannot run ${args.join(" ")}`, why, code: "NOT_RUN" });
  }
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".json")) continue;
    const script: ScriptCoverage = JSON.parse(await Deno.readTextFile(`${folder}/${name}`));
    const called = script.functions.filter(({ ranges }) => (ranges[0]?.count ?? 0) > 0);
    names.push(...called.map(({ functionName }) => functionName));
  }
  return names;
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
