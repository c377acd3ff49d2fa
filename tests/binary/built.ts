/**
 * parley's executable files, built once for what the sources are, and started as a user does who has
 * neither Deno nor Node.
 *
 * @module
 */

// @ts-types="../../types/std.d.ts"
import { encodeHex } from "@std/encoding/hex";
import { granted } from "../fixtures/granted.ts";

const ROOT = new URL("../../", import.meta.url);
const PLACE = new URL("dist/test/", ROOT);

/** Whether tests may build executable files and start them. */
export const MAY_BUILD: boolean = granted("run=deno,sh", "read=.", "write=dist/test");

/**
 * Whether the self-contained program may unpack here: it refuses to where others may write to a directory
 * above, as they may where files are made with the umask 002.
 */
export const MAY_UNPACK: boolean = MAY_BUILD && Deno.build.os !== "windows" &&
  (await new Deno.Command("sh", {
    args: [
      "-c",
      `while :; do
         case $(ls -ldn "$PWD") in
         d????-??-?* | d????????[tT]*) ;;
         *) exit 1 ;;
         esac
         [ "$PWD" != / ] || exit 0
         cd ..
       done`,
    ],
    cwd: ROOT,
  }).output()).success;

/** The commands that a system must have for the self-contained program: sh, coreutils, gzip. */
const TOOLS = "sh gzip chmod head id ls mkdir mktemp mv rm tail sha256sum shasum perl";

/** An environment in which no registry and no download answers. */
export const OFFLINE: Readonly<Record<string, string>> = {
  HTTPS_PROXY: "http://127.0.0.1:9",
  HTTP_PROXY: "http://127.0.0.1:9",
};

/** How a process ended, and what it said. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a program is started. */
export interface Start {
  /** All of its environment but `PATH`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: "null" | "piped";
  /** A command that starts the program, such as one that changes the user. */
  readonly through?: readonly string[];
}

/** A command for sh, and its parameters `$1`…. */
export function shell(script: string, ...parameters: readonly string[]): Deno.Command {
  return new Deno.Command("sh", {
    args: ["-c", script, "sh", ...parameters],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs a script of sh to its end; gives its output. */
export async function sh(script: string, ...parameters: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await ended(shell(script, ...parameters));
  if (code !== 0) throw new Error(`${script} ended with ${code}: ${stderr}`);
  return stdout.trimEnd();
}

/** Waits for the end of a command. */
export async function ended(command: Deno.Command): Promise<Ended> {
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A program, with nothing on its path but the tools that it may need. */
export function started(program: string, args: readonly string[], how: Start = {}): Deno.Command {
  const variables = Object.entries(how.env ?? {}).map(([name, value]) => `${name}=${value}`);
  return new Deno.Command("sh", {
    args: [
      "-c",
      'exec env -i "$@"',
      "sh",
      `PATH=${TOOL_PATH}`,
      ...variables,
      ...(how.through ?? []),
      program,
      ...args,
    ],
    cwd: how.cwd ?? ROOT,
    stdin: how.stdin ?? "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** The path on which neither deno nor node is. */
export const TOOL_PATH: string = new URL("tools", PLACE).pathname;

/** A new directory for a test's files. */
export class Scratch implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<Scratch> {
    await sh('mkdir -p "$1"', PLACE.pathname);
    return new Scratch(await Deno.makeTempDir({ dir: PLACE.pathname, prefix: "scratch-" }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Other users' and read-only files are among them.
    await sh('chmod -R u+rwX "$1" && rm -rf "$1"', this.path);
  }
}

/** A built program. */
export interface Program {
  readonly path: string;
  /** What its environment needs so that it does not unpack anew for every test. */
  readonly env: Readonly<Record<string, string>>;
}

/** The self-contained program for this machine. */
export async function selfContained(): Promise<Program> {
  const path = await built("self-contained", OFFLINE, "--self-contained", "--fast");
  if (path === undefined) throw new Error("the self-contained program cannot be built");
  return { path, env: { XDG_CACHE_HOME: `${path}-cache` } };
}

/**
 * The self-contained program with a small runtime that starts the Deno of the tests. It unpacks in a fifth of the
 * processor time, and writes no 95 MB. It is for tests of where and when the program unpacks. The user that runs it must
 * be able to run that Deno.
 */
export async function withSmallRuntime(): Promise<Program> {
  const { path: whole } = await selfContained();
  const path = `${whole}-small`;
  if (!await exists(path)) await Deno.writeFile(path, await shrunk(whole), { mode: 0o755 });
  return { path, env: { XDG_CACHE_HOME: `${path}-cache` } };
}

/** Exchanges the runtime in the self-contained program. */
async function shrunk(whole: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await Deno.readFile(whole);
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 8192));
  const packed = [...start.matchAll(/_packed=(\d+)/g)].map(([, length]) => Number(length));
  const headLength = bytes.length - packed.reduce((sum, length) => sum + length, 0);
  const rest = bytes.subarray(headLength + packed[0]!);
  const runtime = new TextEncoder().encode(`#!/bin/sh\nexec '${Deno.execPath()}' "$@"\n`);
  const gzip = new Blob([runtime]).stream().pipeThrough(new CompressionStream("gzip"));
  const small = await new Response(gzip).bytes();
  const sum = encodeHex(await crypto.subtle.digest("SHA-256", runtime));
  const head = new TextDecoder().decode(bytes.subarray(0, headLength))
    .replace(
      /^runtime_size=.*$/m,
      `runtime_size=${runtime.length} runtime_packed=${small.length}`,
    )
    .replace(/^runtime_sum=.*$/m, `runtime_sum=${sum}`)
    .replace(/^content=.*$/m, `content=${sum.slice(0, 32)}`);
  return await new Response(new Blob([head, small, rest])).bytes();
}

/** The program of `deno compile`, or undefined where its runtime base cannot be had. */
export async function compiled(): Promise<Program | undefined> {
  const path = await built("compiled", {});
  return path === undefined ? undefined : { path, env: {} };
}

/** Builds it, unless that was done for these sources; undefined where the runtime base is missing. */
async function built(
  way: string,
  env: Readonly<Record<string, string>>,
  ...options: string[]
): Promise<string | undefined> {
  const path = `${PLACE.pathname}${way}-${await sourceHash()}`;
  await sh(
    `mkdir -p "$1"; for tool in ${TOOLS}; do
      ! there=$(command -v $tool) || ln -sf "$there" "$1"
    done`,
    TOOL_PATH,
  );
  if (await exists(path)) return path;
  await sh('rm -rf "$1/$2"-*', PLACE.pathname, way);
  // Fetches the bundler where it is not there yet.
  await sh("deno bundle --quiet main.ts >/dev/null");
  const { code, stderr } = await ended(
    new Deno.Command("deno", {
      args: ["task", "--quiet", "compile", ...options, "--output", path],
      cwd: ROOT,
      stdin: "null",
      env: { ...env },
    }),
  );
  if (code === 0) return path;
  if (stderr.includes("(NO_RUNTIME_BASE)")) return undefined;
  throw new Error(`cannot build: ${stderr}`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function sourceHash(): Promise<string> {
  const parts: string[] = [JSON.stringify(Deno.version)];
  for (const name of ["main.ts", "deno.json", "deno.lock", "scripts/compile.ts"]) {
    parts.push(await Deno.readTextFile(new URL(name, ROOT)));
  }
  for (const directory of ["lib/", "scripts/compile/"]) {
    for await (const path of filesIn(new URL(directory, ROOT))) {
      parts.push(path.href, await Deno.readTextFile(path));
    }
  }
  const bytes = new TextEncoder().encode(JSON.stringify(parts));
  return encodeHex(await crypto.subtle.digest("SHA-256", bytes)).slice(0, 16);
}

async function* filesIn(directory: URL): AsyncGenerator<URL> {
  const entries = await Array.fromAsync(Deno.readDir(directory));
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  for (const entry of entries) {
    if (entry.isDirectory) yield* filesIn(new URL(`${entry.name}/`, directory));
    else yield new URL(entry.name, directory);
  }
}
