// needs: net run=deno,sh read=. write=dist/test runtime-base (about 20 s)

import { Failure } from "../../lib/base/failure.ts";
import { VERSION } from "../../lib/os/build.ts";
import { markBuild } from "../../scripts/compile/bundle.ts";
import { writeChecksums } from "../../scripts/compile/checksums.ts";
import {
  compiled,
  type Ended,
  ended,
  MAY_BUILD,
  OFFLINE,
  Scratch,
  selfContained,
  sh,
} from "./built.ts";

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertMatch, assertThrows } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);
const ignore = !MAY_BUILD;

/** `deno task compile` on a machine where no registry and no download answers. */
function compileOffline(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Ended> {
  return ended(
    new Deno.Command("deno", {
      args: ["task", "--quiet", "compile", ...args],
      cwd: ROOT,
      stdin: "null",
      env: { ...OFFLINE, NO_COLOR: "1", ...env },
    }),
  );
}

/** Deno's cache with the npm packages, the bundler where it is wanted, and nothing else. */
async function cacheWith(what: "bundler" | "packages", scratch: string): Promise<string> {
  const real = await sh(`deno info --json | sed -n 's/.*"denoDir": "\\(.*\\)".*/\\1/p'`);
  await sh('mkdir -p "$1/deno/dl"; ln -s "$2/npm" "$1/deno"', scratch, real);
  if (what === "bundler") await sh('ln -s "$2"/dl/esbuild* "$1/deno/dl"', scratch, real);
  return `${scratch}/deno`;
}

Deno.test({
  name: "compile names a missing runtime base in one line, with three ways to get it",
  ignore,
  async fn() {
    await selfContained(); // the bundler is there now
    await using scratch = await Scratch.make();
    const DENO_DIR = await cacheWith("bundler", scratch.path);
    const { code, stdout, stderr } = await compileOffline(["-o", `${scratch.path}/parley`], {
      DENO_DIR,
    });
    assertEquals([code, stdout], [1, ""]);
    const lines = stderr.trimEnd().split("\n");
    assertEquals(lines.length, 2, stderr);
    assertMatch(
      lines[0]!,
      /^parley: cannot compile for .*: the runtime base, https:\S+\/denort-\S+\.zip, cannot be downloaded \(NO_RUNTIME_BASE\)$/,
    );
    for (const way of ["DENORT_BIN", "Deno's cache directory", "--self-contained"]) {
      assertMatch(lines[1]!, new RegExp(way));
    }
    assertEquals((await Array.fromAsync(Deno.readDir(scratch.path))).length, 1, "nothing is made");
  },
});

Deno.test({
  name: "compile builds the self-contained program and its checksum without network",
  ignore: ignore || Deno.build.os === "windows",
  async fn() {
    const { path } = await selfContained(); // built where no network can be reached
    const [directory, name] = [path.replace(/[^/]*$/, ""), path.replace(/.*\//, "")];
    const checked = await sh('cd "$1" && sha256sum -c SHA256SUMS', directory);
    for (const one of [name, "parley.1", "parley.html"]) {
      assertMatch(checked, new RegExp(`^${one}: OK$`, "m"));
    }
  },
});

Deno.test({
  name: "the page in a release is the one that the program serves",
  ignore: ignore || Deno.build.os === "windows",
  async fn() {
    const { path } = await selfContained();
    const directory = path.replace(/[^/]*$/, "");
    const hash = await sh('"$1" chat page | sha256sum', path);
    const listed = await sh('grep " parley.html$" "$1/SHA256SUMS"', directory);
    assertEquals(listed.split(" ")[0], hash.split(" ")[0]);
    const workflow = await Deno.readTextFile(new URL(".github/workflows/release.yml", ROOT));
    assertMatch(workflow, /gh release create [^]*dist\/parley\.html/);
  },
});

Deno.test({
  name: "compile reports in one line that the bundler cannot be fetched",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const DENO_DIR = await cacheWith("packages", scratch.path);
    const { code, stderr } = await compileOffline(["-o", `${scratch.path}/parley`], { DENO_DIR });
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /^parley: cannot bundle the program: esbuild, .* is not there \(NO_BUNDLER\)\nhint: .*\n$/,
    );
  },
});

Deno.test({
  name: "compile refuses a DENORT_BIN that gives a plain Deno",
  ignore,
  async fn() {
    await selfContained();
    await using scratch = await Scratch.make();
    const output = `${scratch.path}/parley`;
    const { code, stderr } = await compileOffline(["-o", output], { DENORT_BIN: Deno.execPath() });
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /^parley: .* is not parley: asked for its version it said "deno .*NOT_PARLEY/,
    );
    assertMatch(stderr, /\nhint: DENORT_BIN must name the file denort, not the full deno\n$/);
    assertEquals((await Array.fromAsync(Deno.readDir(scratch.path))).length, 0);
  },
});

Deno.test({
  name: "compile refuses a DENORT_BIN for another platform than the target",
  ignore: ignore || Deno.build.os !== "linux", // the compiler itself notices another format
  async fn() {
    await selfContained();
    await using scratch = await Scratch.make();
    const target = Deno.build.arch === "x86_64"
      ? "aarch64-unknown-linux-gnu"
      : "x86_64-unknown-linux-gnu";
    const { code, stderr } = await compileOffline(
      ["--target", target, "-o", `${scratch.path}/parley`],
      { DENORT_BIN: Deno.execPath() },
    );
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /^parley: what was compiled is not for \S+: it is ELF for \w+, not ELF for \w+ \(WRONG_FORMAT\)\nhint: DENORT_BIN .*\n$/,
    );
    assertEquals((await Array.fromAsync(Deno.readDir(scratch.path))).length, 0);
  },
});

Deno.test({
  name: "compile refuses one output for several targets, and Deno for another platform",
  ignore,
  async fn() {
    const other = Deno.build.target.startsWith("x86_64-unknown-linux")
      ? "aarch64-apple-darwin"
      : "x86_64-unknown-linux-gnu";
    for (
      const args of [["--target", "all", "-o", "x"], ["--self-contained", "--target", other]]
    ) {
      const { code, stderr } = await compileOffline(args, {});
      assertEquals(code, 2);
      assertMatch(stderr, /^parley: --(output|self-contained): .* \(USAGE\)\n/);
    }
  },
});

Deno.test({
  name: "the compiled program runs as parley if its runtime base is available",
  ignore: ignore || await compiled() === undefined,
  async fn() {
    const program = await compiled();
    const { stdout } = await ended(
      new Deno.Command("sh", { args: ["-c", '"$0" -V', program!.path] }),
    );
    assertMatch(stdout, new RegExp(`^parley ${VERSION}\n`));
  },
});

Deno.test("markBuild() sets the constant, and fails unless it occurs exactly once", () => {
  assertEquals(markBuild('var BUILD = "source";', "compiled"), 'var BUILD = "compiled";');
  for (const program of ["", 'BUILD = "source"; BUILD = "source"']) {
    assertThrows(() => markBuild(program, "compiled"), Failure, "the constant BUILD is in it");
  }
});

Deno.test({
  name: "writeChecksums() keeps the lines of existing files and updates its own",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    await sh('cd "$1"; echo a >a; echo b >b; echo c >c', scratch.path);
    await writeChecksums(scratch.path, ["a", "b", "c"]);
    await sh('cd "$1"; rm b; echo changed >c', scratch.path);
    await writeChecksums(scratch.path, ["c"]);
    assertEquals(await sh('cd "$1" && sha256sum -c SHA256SUMS', scratch.path), "a: OK\nc: OK");
  },
});
