// needs: net run=deno,sh read=. write=dist/test runtime-base (about 25 s)

import { VERSION } from "../../lib/os/build.ts";
import { FLAGS } from "../../scripts/compile/target.ts";
import {
  type Ended,
  ended,
  MAY_UNPACK,
  type Program,
  Scratch,
  selfContained,
  sh,
  shell,
  started,
  TOOL_PATH,
  withSmallRuntime,
} from "./built.ts";
import { Talker } from "./talker.ts";

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch } from "@std/assert";

const ANSWER = new RegExp(`^parley ${VERSION}\n`);
const IS_ROOT = MAY_UNPACK && await sh("id -u") === "0";

function test(
  name: string,
  fn: (program: string, scratch: string) => Promise<void>,
  build: () => Promise<Program> = withSmallRuntime,
): void {
  Deno.test({
    name: `the self-contained program ${name}`,
    ignore: !MAY_UNPACK || Deno.build.os === "windows",
    async fn() {
      const { path } = await build();
      await using scratch = await Scratch.make();
      await fn(path, scratch.path);
    },
  });
}

/** Its version, which must be parley's. */
async function answers(
  program: string,
  env: Readonly<Record<string, string>>,
  through: readonly string[] = [],
): Promise<void> {
  const { code, stdout, stderr } = await ended(started(program, ["--version"], { env, through }));
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, ANSWER);
}

/**
 * Copies what the program has unpacked elsewhere into a cache, for tests of what happens afterwards: to unpack takes two
 * seconds of processor time, or half a second with a small runtime. The program takes it as its own, and does not unpack.
 */
async function unpackedIn(cache: string, build = withSmallRuntime): Promise<void> {
  const { path, env } = await build();
  await answers(path, env);
  await sh('mkdir -p "$2" && cp -a "$1/parley" "$2"', env.XDG_CACHE_HOME!, cache);
  const before = await sh('ls -i "$1"/parley/*/deno', cache);
  await answers(path, { XDG_CACHE_HOME: cache });
  assertEquals(await sh('ls -i "$1"/parley/*/deno', cache), before);
}

/** What it says when it cannot start: one line, and what to do. */
async function refuses(
  program: string,
  env: Readonly<Record<string, string>>,
  through: readonly string[] = [],
): Promise<string> {
  const { code, stdout, stderr } = await ended(started(program, ["--version"], { env, through }));
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^parley: .*\nhint: .*\n$/);
  return stderr;
}

/** What lies in a directory, without Deno's cache: each name with its mode. */
async function listing(directory: string, name = "."): Promise<string[]> {
  const { mode, isDirectory } = await Deno.lstat(`${directory}/${name}`);
  const lines = [`${name} ${(mode! & 0o777).toString(8)}`];
  if (!isDirectory) return lines;
  for (const entry of await Array.fromAsync(Deno.readDir(`${directory}/${name}`))) {
    if (entry.name !== "cache") lines.push(...await listing(directory, `${name}/${entry.name}`));
  }
  return lines.sort();
}

test(
  "runs without deno and node on the path, and unpacks once into the user's cache",
  async (program, scratch) => {
    assertEquals(await sh('PATH=$1; command -v deno node npx || echo "none"', TOOL_PATH), "none");
    await answers(program, { HOME: scratch });
    const root = `${scratch}/.cache/parley`;
    const [content] = await Array.fromAsync(Deno.readDir(root));
    assertMatch(content!.name, /^[0-9a-f]{32}$/);
    assertEquals(
      await listing(root),
      [
        ...[". 700", "", "/complete 600", "/deno 500"],
        ...["/names.js 400", "/parley.js 400", "/ports 400", "/rest.js 400"],
      ].map((line) =>
        line.startsWith(".") ? line : `./${content!.name}${line === "" ? " 700" : line}`
      ),
    );
    const before = await sh('ls -i "$1"/*/deno', root);
    await answers(program, { HOME: scratch });
    assertEquals(await sh('ls -i "$1"/*/deno', root), before, "the second run unpacked nothing");
  },
  selfContained,
);

test(
  "unpacks into a private temporary directory if HOME is not set",
  async (program, scratch) => {
    await answers(program, { TMPDIR: scratch });
    const root = `${scratch}/parley-${await sh("id -u")}`;
    assertEquals((await listing(root))[0], ". 700");
  },
);

test(
  "works if two first runs start at once, and leaves no other files",
  async (program, scratch) => {
    await Promise.all([1, 2].map(() => answers(program, { XDG_CACHE_HOME: scratch })));
    const names = await Array.fromAsync(Deno.readDir(`${scratch}/parley`));
    assertEquals(names.length, 1);
    const inside = await Array.fromAsync(Deno.readDir(`${scratch}/parley/${names[0]!.name}`));
    const fixed = inside.map(({ name }) => name).filter((name) => name !== "cache");
    assertEquals(fixed.sort(), ["complete", "deno", "names.js", "parley.js", "ports", "rest.js"]);
  },
);

/** Root may write anywhere; somebody else is asked then. */
const NOBODY = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
const MAY_BE_NOBODY = !IS_ROOT ||
  await sh(`${NOBODY.join(" ")} test -r main.ts && echo yes || echo no`) === "yes";

Deno.test({
  name:
    "the self-contained program uses a temporary directory if the cache is read-only, and fails if both are",
  ignore: !MAY_UNPACK || !MAY_BE_NOBODY || Deno.build.os === "windows",
  async fn() {
    const { path: program } = await selfContained();
    await using scratch = await Scratch.make();
    const through = IS_ROOT ? NOBODY : [];
    await sh('mkdir -m 1777 "$1/tmp"; mkdir -m 555 "$1/cache"; chmod 755 "$1"', scratch.path);
    const env = { XDG_CACHE_HOME: `${scratch.path}/cache`, TMPDIR: `${scratch.path}/tmp` };
    await answers(program, env, through);
    assertEquals((await Array.fromAsync(Deno.readDir(`${scratch.path}/cache`))).length, 0);
    assertEquals((await Array.fromAsync(Deno.readDir(`${scratch.path}/tmp`))).length, 1);
    const said = await refuses(program, { ...env, TMPDIR: `${scratch.path}/cache` }, through);
    assertMatch(said, /^parley: cannot unpack: neither .* \(NOT_WRITABLE\)\n/);
  },
});

test(
  "starts from its unpacked files if the cache has become read-only",
  async (program, scratch) => {
    await unpackedIn(scratch);
    await sh('rm -rf "$1"/parley/*/cache; chmod 500 "$1/parley"', scratch);
    await answers(program, { XDG_CACHE_HOME: scratch, TMPDIR: "/nonexistent" });
  },
);

for (
  const [what, prepare] of [
    ["that others may write to", 'mkdir "$1/parley" && chmod 770 "$1/parley"'],
    ["that is a link", 'mkdir -m 700 "$1/other" && ln -s other "$1/parley"'],
  ] as const
) {
  test(`refuses a directory ${what}`, async (program, scratch) => {
    await sh(prepare, scratch);
    const said = await refuses(program, { XDG_CACHE_HOME: scratch, TMPDIR: scratch });
    assertMatch(said, /\(NOT_OWNED\)\n/);
  });
}

Deno.test({
  name: "the self-contained program refuses another user's directory with any content",
  ignore: !MAY_UNPACK || !IS_ROOT, // only root can make one
  async fn() {
    const { path: program } = await withSmallRuntime();
    await using scratch = await Scratch.make();
    const env = { XDG_CACHE_HOME: scratch.path, TMPDIR: scratch.path };
    await unpackedIn(scratch.path);
    await sh('chown -R 12345 "$1/parley"', scratch.path);
    assertMatch(await refuses(program, env), /^parley: cannot unpack into .* \(NOT_OWNED\)\n/);
    // The directory is this user's again, what it starts is not.
    await sh('chown 0 "$1/parley" "$1"/parley/*', scratch.path);
    await answers(program, env);
    const [content] = await Array.fromAsync(Deno.readDir(`${scratch.path}/parley`));
    assertEquals((await Deno.lstat(`${scratch.path}/parley/${content!.name}/deno`)).uid, 0);
  },
});

test("refuses to unpack a damaged archive, and leaves no files", async (program, scratch) => {
  const damaged = `${scratch}/parley`;
  await sh(
    'cp "$1" "$2" && printf X | dd of="$2" bs=1 seek=9000000 conv=notrunc',
    program,
    damaged,
  );
  const said = await refuses(damaged, { XDG_CACHE_HOME: `${scratch}/cache` });
  assertMatch(said, /\(NOT_UNPACKED\)\n/);
  assertEquals((await Array.fromAsync(Deno.readDir(`${scratch}/cache/parley`))).length, 0);
}, selfContained);

test(
  "checks its unpacked files with --verify-install, and repairs truncated ones",
  async (program, scratch) => {
    const env = { XDG_CACHE_HOME: scratch };
    await unpackedIn(scratch);
    const verify = () => ended(started(program, ["--verify-install"], { env }));
    const whole = await verify();
    assertEquals([whole.code, whole.stderr], [0, ""]);
    assertMatch(whole.stdout, new RegExp(`^parley ${VERSION} in ${scratch}/parley/.* is whole\n$`));
    for (const part of ["names.js", "parley.js", "ports", "rest.js"]) {
      // One character is another; size and mode are not.
      const change =
        'cd "$1"/parley/* && cp "$2" whole && chmod 600 "$2" && printf X | dd of="$2" bs=1 seek=9 conv=notrunc && chmod 400 "$2"';
      await sh(change, scratch, part);
      const changed = await verify();
      assertEquals([changed.code, changed.stdout], [1, ""]);
      assertMatch(
        changed.stderr,
        /^parley: .*: it is not what was unpacked \(DAMAGED\)\nhint: .*\n$/,
      );
      await sh('cd "$1"/parley/* && mv -f whole "$2"', scratch, part);
      assertEquals((await verify()).code, 0);
    }
    await sh('cd "$1"/parley/* && chmod 600 parley.js && : >parley.js', scratch);
    assertEquals((await verify()).code, 0);
  },
);

for (
  const [what, harm] of [
    ["a part that is gone", "rm -f parley.js"],
    ["the table of ports gone", "rm -f ports"],
    ["the table of ports cut off", "chmod 600 ports; : >ports; chmod 400 ports"],
    ["the second file of the program gone", "rm -f names.js"],
    ["the second file cut off", "chmod 600 names.js; : >names.js; chmod 400 names.js"],
    ["the third file of the program gone", "rm -f rest.js"],
    ["the third file cut off", "chmod 600 rest.js; : >rest.js; chmod 400 rest.js"],
    ["Deno cut off", "chmod 700 deno; : >deno; chmod 500 deno"],
    ["no mark that it is complete", "rm complete"],
  ] as const
) {
  test(`unpacks again if it finds ${what}`, async (program, scratch) => {
    const env = { XDG_CACHE_HOME: scratch };
    await unpackedIn(scratch);
    await sh(`cd "$1"/parley/* && ${harm}`, scratch);
    await answers(program, env);
    assertEquals((await ended(started(program, ["--verify-install"], { env }))).code, 0);
    assertEquals((await Array.fromAsync(Deno.readDir(`${scratch}/parley`))).length, 1);
  });
}

/** Whether Deno's cache of compiled code in a directory names all files of the program. */
async function isCompiled(scratch: string): Promise<boolean> {
  const times = await sh(
    `cd "$1"/parley/* && for file in parley.js names.js rest.js; do
       cat cache/v8_code_cache_v2* | grep -ac "file://$PWD/$file" || :
     done`,
    scratch,
  );
  return times.split("\n").every((count) => Number(count) > 0);
}

test(
  "keeps its compiled code from the first run on, and compiles it again with --verify-install",
  async (program, scratch) => {
    const env = { XDG_CACHE_HOME: scratch };
    await answers(program, env);
    assert(await isCompiled(scratch));
    await sh('cd "$1"/parley/*/cache && rm -r * && echo "harm" >v8_code_cache_v2', scratch);
    assertEquals((await ended(started(program, ["--verify-install"], { env }))).code, 0);
    assert(await isCompiled(scratch));
  },
);

test(
  "leaves no journal that every start would read",
  async (program, scratch) => {
    const env = { XDG_CACHE_HOME: scratch };
    await answers(program, env);
    // They load modules of Node.
    for (const args of [["info", "errors"], ["rsa", "keygen", "--bits", "2048"]]) {
      assertEquals((await ended(started(program, args, { env }))).code, 0, args.join(" "));
    }
    const bytes = await sh('cat "$1"/parley/*/cache/*-wal | wc -c', scratch);
    assert(Number(bytes) < 300_000, `the journals have ${bytes} bytes`);
  },
);

test("caches each Node module that a command loads", async () => {
  const { path, env } = await selfContained();
  await answers(path, env);
  const used = await sh(
    `cat "$1"/parley/*/*.js | grep -oE '"node:[a-z_/]+"' | sort -u | tr -d '"'`,
    env.XDG_CACHE_HOME!,
  );
  const head = await Deno.readTextFile("scripts/compile/head.sh");
  const [, list = ""] = /for\(const name of\s+\[(.*?)\]/s.exec(head) ?? [];
  const kept = list.split(",").map((name) => `node:${name.replaceAll('"', "")}`);
  assertEquals(kept.join("\n"), used);
});

test("loads no Node module at its start", async (_program, scratch) => {
  const { path, env } = await selfContained();
  await answers(path, env);
  await sh('cat "$1"/parley/*/parley.js >"$2/parley.js"', env.XDG_CACHE_HOME!, scratch);
  assertEquals(await sh('grep -nE "^(import|export)\\b" "$1/parley.js" || :', scratch), "");
});

/** Copies a file of the unpacked program. */
async function copied(file: string, scratch: string): Promise<void> {
  const { path, env } = await selfContained();
  await answers(path, env);
  await sh('cat "$1"/parley/*/"$2" >"$3/$2"', env.XDG_CACHE_HOME!, file, scratch);
}

test("makes V8 compile the functions of the quick commands early", async (_program, scratch) => {
  for (const file of ["parley.js", "names.js"]) {
    await copied(file, scratch);
    const text = await Deno.readTextFile(`${scratch}/${file}`);
    const early = text.match(/[=(,]\((?:(?:async )?function\b|(?:\w+|\([^()]*\))=>)/g) ?? [];
    const all = text.match(/\bfunction\b|=>/g) ?? [];
    assert(early.length > 50, `${early.length} functions of ${file} are compiled early`);
    assert(early.length < all.length / 2, `${early.length} of ${all.length} in ${file}`);
  }
});

/** Runs copied files with the permission to read, or without it. */
function runCopied(scratch: string, args: string, reads = true): Promise<Ended> {
  const granted = reads ? "--allow-net --allow-read" : "--allow-net";
  const script = `deno run -q --no-prompt --no-config --unstable-net ${granted} "$1" ${args}`;
  return ended(shell(script, `${scratch}/parley.js`));
}

test("reads its third file only for some commands", async (_program, scratch) => {
  await copied("parley.js", scratch);
  await copied("names.js", scratch);
  for (const args of ["--version", "--help", "info byteorder 1", "info resolve --help"]) {
    const { code, stderr } = await runCopied(scratch, args);
    assertEquals([code, stderr], [0, ""], args);
  }
  for (const args of ["chat --help", "rsa --help", "tcp --help", "udp --help", "tour --help"]) {
    const { code, stderr } = await runCopied(scratch, args);
    assertEquals(code, 1, args);
    assertMatch(stderr, /rest\.js/, args);
  }
});

test("needs no permission for its second file", async (_program, scratch) => {
  await copied("parley.js", scratch);
  await copied("names.js", scratch);
  const { code, stderr } = await runCopied(scratch, "info resolve @127.0.0.1:9 name TYP", false);
  assertEquals(code, 2);
  assertMatch(stderr, /"TYP"/);
});

test("starts no process but ls once it is unpacked", async (program, scratch) => {
  const env = { XDG_CACHE_HOME: scratch };
  await unpackedIn(scratch);
  await sh('mkdir "$1/few" && ln -s "$2/sh" "$2/ls" "$1/few"', scratch, TOOL_PATH);
  await answers(program, env, ["/usr/bin/env", `PATH=${scratch}/few`]);
});

/** The program as another version: one that is unpacked by another name. */
async function version(program: string, scratch: string, digit: string): Promise<string> {
  const path = `${scratch}/version-${digit}`;
  await sh(
    '{ head -n 20 "$1" | sed "s/^content=.*/content=$3/"; tail -n +21 "$1"; } >"$2"; chmod 755 "$2"',
    program,
    path,
    digit.repeat(32),
  );
  return path;
}

test(
  "removes the files of other versions except the one that was used last",
  async (program, scratch) => {
    const env = { XDG_CACHE_HOME: scratch };
    const [a, b, c] = await Promise.all(["a", "b", "c"].map((d) => version(program, scratch, d)));
    await answers(a!, env);
    await answers(b!, env);
    await answers(a!, env);
    // None of these has parley unpacked, by its name, its marks or its mode.
    await sh(
      `cd "$1/parley"; mkdir -m 700 notes 'not es' ${"d".repeat(32)} ${"d".repeat(31)}
       mkdir -m 755 ${"e".repeat(32)}
       for each in notes 'not es' ${"d".repeat(31)} ${
        "e".repeat(32)
      }; do : >"$each/complete"; done`,
      scratch,
    );
    await answers(c!, env);
    assertEquals(
      (await sh('cd "$1/parley"; ls -A', scratch)).split("\n").sort(),
      [
        "a".repeat(32),
        "c".repeat(32),
        "d".repeat(31),
        "d".repeat(32),
        "e".repeat(32),
        "not es",
        "notes",
      ].sort(),
    );
    for (const each of [a!, c!]) {
      const { code } = await ended(started(each, ["--verify-install"], { env }));
      assertEquals(code, 0);
    }
  },
);

test("keeps running if its directory is removed", async (program, scratch) => {
  const env = { XDG_CACHE_HOME: `${scratch}/cache` };
  await unpackedIn(env.XDG_CACHE_HOME, selfContained);
  await using server = new Talker({ path: program, env }, [
    "chat",
    "server",
    "--port",
    "0",
    "--json",
  ]);
  const port = /"port":(\d+)/.exec(await server.until('"event":"listening"'))![1]!;
  await sh('rm -rf "$1/cache/parley"', scratch);
  // A client makes it use code that it has not used before.
  const other = await selfContained();
  await using client = new Talker(other, ["chat", "client", `127.0.0.1:${port}`]);
  await client.type("still there\n");
  await client.endInput();
  assertEquals(await client.ended(), 0, client.said);
  await server.until('"text":"still there"');
  server.kill("SIGTERM");
  assertEquals(await server.ended(), 0);
}, selfContained);

test(
  "ignores deno.json files in the working directory and above its cache",
  async (program, scratch) => {
    await sh(
      'echo "{" >"$1/deno.json"; echo "{" >"$1/package.json"; echo "{" >"$1/deno.lock"',
      scratch,
    );
    const env = { XDG_CACHE_HOME: `${scratch}/cache` };
    const { code, stdout, stderr } = await ended(
      started(program, ["--version"], { env, cwd: scratch }),
    );
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, ANSWER);
  },
);

test(
  "runs through a symbolic link, by its name on the path, and by sh",
  async (program, scratch) => {
    const { env } = await withSmallRuntime();
    await sh('ln -s "$1" "$2/parley"', program, scratch);
    await answers(`${scratch}/parley`, env);
    const found = await ended(
      shell(
        "PATH=$1:$PATH XDG_CACHE_HOME=$2; export XDG_CACHE_HOME; parley --version",
        scratch,
        env.XDG_CACHE_HOME!,
      ),
    );
    assertMatch(found.stdout, ANSWER);
    await answers(program, env, ["sh"]);
  },
);

test("never has the permission to run programs, or to read the environment except TERM", async (program) => {
  const head = await sh('head -c 8192 "$1" | tr -d "\\000"', program);
  // The one place where Deno becomes the program.
  assertEquals(head.match(/\/deno" run /g)?.length, 1);
  const line = /^ *exec (?:.*\\\n)*.*$/m.exec(head)?.[0] ?? "";
  const allowed = [...line.matchAll(/--allow-([a-z]+)\S*/g)].map(([, name]) => name);
  assertEquals(allowed.sort(), ["env", "ffi", "net", "read", "sys", "write"]);
  assertMatch(line, /--allow-env=TERM(?=\s)/);
  for (const flag of FLAGS) assert(line.includes(flag), flag);
  assert(!/--allow-all|-A\b/.test(line));
});

test(
  "refers to running from source for a permission that no flag can grant",
  async (program, scratch) => {
    const { env } = await withSmallRuntime();
    // The same program without one of its permissions. The length stays, because the script finds its archive by it.
    const [granted, denied] = ["--allow-ffi", "--deny-ffi "];
    assertEquals(granted.length, denied.length);
    const less = `${scratch}/less`;
    await sh(
      'LC_ALL=C sed "s/$3/$4/" "$1" > "$2" && chmod +x "$2"',
      program,
      less,
      granted,
      denied,
    );
    const { code, stdout, stderr } = await ended(started(less, ["info", "socket"], { env }));
    assertEquals([code, stdout], [1, ""]);
    assertMatch(
      stderr,
      /^parley: .* \(NOT_PERMITTED\)\nhint: .*: run parley from source, with deno run --allow-ffi main\.ts info socket …\n$/,
    );
  },
);
