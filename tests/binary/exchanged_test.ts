// needs: net run=deno,sh read=. write=dist/test runtime-base (about 8 s)

/**
 * The self-contained program where somebody else can rename a directory above its cache: what it looked at
 * might not be what it then executes.
 *
 * @module
 */

import { VERSION } from "../../lib/os/build.ts";
import {
  type Ended,
  ended,
  MAY_UNPACK,
  Scratch,
  selfContained,
  sh,
  shell,
  started,
  TOOL_PATH,
  withSmallRuntime,
} from "./built.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

const IS_ROOT = MAY_UNPACK && await sh("id -u") === "0";
const ignore = !MAY_UNPACK || Deno.build.os === "windows";
/** A user who is not root, and owns nothing else. */
const OTHER = "12345";

/** Starts the program with its cache in a directory. */
async function start(cache: string, through: readonly string[] = []): Promise<Ended> {
  const { path } = await withSmallRuntime();
  return await ended(started(path, ["--version"], { env: { XDG_CACHE_HOME: cache }, through }));
}

/** The cache that the tests share, with everything unpacked: its directory, and the directory's name in it. */
async function unpacked(): Promise<{ readonly cache: string; readonly content: string }> {
  const { path, env } = await withSmallRuntime();
  const cache = env.XDG_CACHE_HOME!;
  assertEquals((await ended(started(path, ["--version"], { env }))).code, 0);
  const [content] = await Array.fromAsync(Deno.readDir(`${cache}/parley`));
  return { cache, content: content!.name };
}

interface Place {
  readonly what: string;
  /** Makes it in `$1`. */
  readonly make: string;
  /** The cache in `$1`. */
  readonly cache: string;
  /** The directory or link in `$1` that is named as the reason. */
  readonly culprit: string;
  /** Whether only root can make it. */
  readonly asRoot?: true;
}

const EXCHANGEABLE: readonly Place[] = [
  {
    what: "a directory above that its group may write to",
    make: 'mkdir -p "$1/a/b"; chmod 770 "$1/a"',
    cache: "a/b/cache",
    culprit: "a",
  },
  {
    what: "a directory above that everybody may write to",
    make: 'mkdir -p "$1/a/b/cache/parley"; chmod 707 "$1/a/b"; chmod 700 "$1/a/b/cache"',
    cache: "a/b/cache",
    culprit: "a/b",
  },
  {
    what: "a link to a directory below one that everybody may write to",
    make: 'mkdir -p "$1/a/b"; chmod 777 "$1/a"; ln -s a/b "$1/link"',
    cache: "link",
    culprit: "a",
  },
  {
    what: "another user's directory above",
    make: `mkdir -p "$1/a/b"; chown ${OTHER} "$1/a"`,
    cache: "a/b/cache",
    culprit: "a",
    asRoot: true,
  },
  {
    what: "another user's directory above, in one with the sticky bit",
    make: `mkdir -m 1777 "$1/tmp"; mkdir -p "$1/tmp/a/b"; chown ${OTHER} "$1/tmp/a"`,
    cache: "tmp/a/b",
    culprit: "tmp/a",
    asRoot: true,
  },
  {
    what: "another user's link to a directory of one's own",
    make: `mkdir "$1/own"; ln -s own "$1/link"; chown -h ${OTHER} "$1/link"`,
    cache: "link/cache",
    culprit: "link",
    asRoot: true,
  },
];

for (const { what, make, cache, culprit, asRoot } of EXCHANGEABLE) {
  Deno.test({
    name: `the self-contained program refuses a cache below ${what}, and writes nothing there`,
    ignore: ignore || (asRoot === true && !IS_ROOT),
    async fn() {
      await using scratch = await Scratch.make();
      await sh(`umask 022; ${make}`, scratch.path);
      const before = await sh('cd "$1"; find . | sort', scratch.path);
      const { code, stdout, stderr } = await start(`${scratch.path}/${cache}`);
      assertEquals([code, stdout], [1, ""]);
      assertMatch(stderr, /^parley: cannot unpack into .* \(NOT_OWNED\)\nhint: .*\n$/);
      assertStringIncludes(stderr, `: ${scratch.path}/${culprit} is another user's, or others may`);
      assertEquals(await sh('cd "$1"; find . | sort', scratch.path), before);
    },
  });
}

Deno.test({
  name:
    "the self-contained program refuses its unpacked files if a parent directory belongs to another user",
  ignore: ignore || !IS_ROOT, // only root can give one away
  async fn() {
    const { cache } = await unpacked();
    await using scratch = await Scratch.make();
    await sh('mkdir "$1/a"; cp -a "$2" "$1/a/cache"', scratch.path, cache);
    const place = `${scratch.path}/a/cache`;
    assertEquals((await start(place)).code, 0);
    for (const change of ["chown 12345", "chmod 775"]) {
      await sh(`${change} "$1/a"`, scratch.path);
      assertMatch((await start(place)).stderr, /\(NOT_OWNED\)\n/, change);
      await sh('chown 0 "$1/a"; chmod 755 "$1/a"', scratch.path);
      assertEquals((await start(place)).code, 0);
    }
  },
});

const SHELLS = ["dash", "bash", "busybox sh", "mksh", "yash"];

for (const name of SHELLS) {
  const [program = "", ...args] = name.split(" ");
  const found = MAY_UNPACK ? await sh('command -v "$1" || :', program) : "";
  Deno.test({
    name: `the self-contained program starts and refuses the same directories in ${name}`,
    ignore: ignore || found === "",
    async fn() {
      const { cache } = await unpacked();
      await using scratch = await Scratch.make();
      const through = [found, ...args];
      await sh(
        'mkdir -m 1777 "$1/tmp"; mkdir "$1/tmp/a"; cp -a "$2" "$1/tmp/a/b"; ln -s tmp/a "$1/link"',
        scratch.path,
        cache,
      );
      // One with the sticky bit above, and a link of one's own.
      for (const place of ["tmp/a/b", "link/b"]) {
        const { code, stdout, stderr } = await start(`${scratch.path}/${place}`, through);
        assertEquals([code, stderr], [0, ""], place);
        assertMatch(stdout, new RegExp(`^parley ${VERSION}\n`));
      }
      // Nothing is unpacked yet.
      assertEquals((await start(`${scratch.path}/new`, through)).code, 0);
      await sh('chmod 757 "$1/tmp/a"', scratch.path);
      for (const place of ["tmp/a/b", "link/b", "tmp/a/new"]) {
        const { code, stderr } = await start(`${scratch.path}/${place}`, through);
        assertEquals(code, 1, place);
        assertStringIncludes(stderr, `: ${scratch.path}/tmp/a is another user's`);
      }
    },
  });
}

/** How often the attacker's cache is tried. Where the directories above are not looked at, a few are enough. */
const TRIES = 100;

Deno.test({
  name: "a user who replaces a parent directory of the cache cannot make root run another program",
  ignore: ignore || !IS_ROOT || await sh("command -v setpriv || :") === "",
  async fn() {
    const { cache, content } = await unpacked();
    await using scratch = await Scratch.make();
    const other = `setpriv --reuid=${OTHER} --regid=${OTHER} --clear-groups`;
    // What the attacker has in its place, and the link that it turns to and fro.
    await sh(
      `chmod 755 "$1"; cp -a "$2" "$1/good"; mkdir -p "$1/evil/bad/parley/$3"
       cd "$1/evil/bad/parley/$3"
       printf '#!/bin/sh\\necho "ran as $(id -u)" >>%s/ran\\n' "$1" >deno
       : >complete; : >parley.js; : >ports; : >rest.js; chmod 755 deno; chown -R ${OTHER} "$1/evil"`,
      scratch.path,
      cache,
      content,
    );
    const turn = `cd "$1/evil"; trap 'exit 0' TERM
      while :; do ln -sfn "$1/good" a; ln -sfn "$1/evil/bad" a; done`;
    const { path } = await withSmallRuntime();
    const said = await sh(
      `${other} sh -c '${turn.replaceAll("'", `'\\''`)}' sh "$1" & attacker=$!
       trap 'kill $attacker' EXIT
       try=0
       while [ $try -lt ${TRIES} ] && [ ! -e "$1/ran" ]; do
         env -i PATH="$3" XDG_CACHE_HOME="$1/evil/a" "$2" --version 2>&1 || :
         try=$((try + 1))
       done
       cat "$1/ran" 2>/dev/null || :`,
      scratch.path,
      path,
      TOOL_PATH,
    );
    assert(!said.includes("ran as"), said);
    assert(said.includes("(NOT_OWNED)"), said);
  },
});

Deno.test({
  name: "the self-contained program checks ownership by the effective user, whatever TMPDIR is",
  ignore: ignore || !IS_ROOT,
  async fn() {
    await using scratch = await Scratch.make();
    await sh('chmod 755 "$1"; mkdir -m 1777 "$1/tmp"', scratch.path);
    const { path } = await selfContained();
    const through = ["/usr/bin/setpriv", `--reuid=${OTHER}`, `--regid=${OTHER}`, "--clear-groups"];
    const env = { TMPDIR: `${scratch.path}/tmp`, EUID: "0", UID: "0" };
    assertEquals((await ended(started(path, ["--version"], { env, through }))).code, 0);
    assertEquals(
      await sh(
        'cd "$1/tmp"; ls -ldn parley-* | { read -r mode _ owner _; echo "$mode $owner"; }',
        scratch.path,
      ),
      `drwx------ ${OTHER}`,
    );
    // A relative one is none.
    const relative = await ended(shell(
      'cd "$1" && env -i PATH="$2" TMPDIR=tmp "$3" --version >/dev/null && ls -d /tmp/parley-0',
      scratch.path,
      TOOL_PATH,
      path,
    ));
    assertEquals([relative.code, relative.stdout], [0, "/tmp/parley-0\n"]);
  },
});
