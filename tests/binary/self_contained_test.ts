// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch } from "@std/assert";
import { VERSION } from "../../lib/version.ts";
import { FLAGS } from "../../scripts/compile/target.ts";
import {
  ended,
  MAY_BUILD,
  Scratch,
  selfContained,
  sh,
  shell,
  started,
  TOOL_PATH,
} from "./built.ts";

const ANSWER = new RegExp(`^parley ${VERSION}\n`);
const IS_ROOT = MAY_BUILD && await sh("id -u") === "0";

function test(name: string, fn: (program: string, scratch: string) => Promise<void>): void {
  Deno.test({
    name: `the self-contained program ${name}`,
    ignore: !MAY_BUILD || Deno.build.os === "windows",
    async fn() {
      const { path } = await selfContained();
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

/** What lies in a directory: each name with its mode. */
function listing(directory: string): Promise<string> {
  return sh('cd "$1" && find . -name cache -prune -o -printf "%p %m\\n" | sort', directory);
}

test(
  "is on a path without deno and node, and unpacks once into the user's cache",
  async (program, scratch) => {
    assertEquals(await sh('PATH=$1; command -v deno node npx || echo "none"', TOOL_PATH), "none");
    await answers(program, { HOME: scratch });
    const root = `${scratch}/.cache/parley`;
    const [content] = await Array.fromAsync(Deno.readDir(root));
    assertMatch(content!.name, /^[0-9a-f]{32}$/);
    assertEquals(
      (await listing(root)).split("\n"),
      [". 700", "", "/complete 400", "/deno 500", "/parley.js 400"].map((line) =>
        line.startsWith(".") ? line : `./${content!.name}${line === "" ? " 700" : line}`
      ),
    );
    const before = await sh('ls -i "$1"/*/deno', root);
    await answers(program, { HOME: scratch });
    assertEquals(await sh('ls -i "$1"/*/deno', root), before, "the second run unpacked nothing");
  },
);

test(
  "unpacks into a private temporary directory where HOME is not set",
  async (program, scratch) => {
    await answers(program, { TMPDIR: scratch });
    const root = `${scratch}/parley-${await sh("id -u")}`;
    assertMatch(await listing(root), /^\. 700\n/);
  },
);

test(
  "works when two first runs start at once, and nothing is left beside",
  async (program, scratch) => {
    await Promise.all([1, 2].map(() => answers(program, { XDG_CACHE_HOME: scratch })));
    const names = await Array.fromAsync(Deno.readDir(`${scratch}/parley`));
    assertEquals(names.length, 1);
    const inside = await Array.fromAsync(Deno.readDir(`${scratch}/parley/${names[0]!.name}`));
    const fixed = inside.map(({ name }) => name).filter((name) => name !== "cache");
    assertEquals(fixed.sort(), ["complete", "deno", "parley.js"]);
  },
);

/** Root may write anywhere; somebody else is asked then. */
const NOBODY = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
const MAY_BE_NOBODY = !IS_ROOT ||
  await sh(`${NOBODY.join(" ")} test -r main.ts && echo yes || echo no`) === "yes";

Deno.test({
  name:
    "the self-contained program falls back to a temporary directory where the cache is read-only, and says so where both are",
  ignore: !MAY_BUILD || !MAY_BE_NOBODY || Deno.build.os === "windows",
  async fn() {
    const { path: program } = await selfContained();
    await using scratch = await Scratch.make();
    const through = IS_ROOT ? NOBODY : [];
    await sh('mkdir -m 777 "$1/tmp"; mkdir -m 555 "$1/cache"; chmod 755 "$1"', scratch.path);
    const env = { XDG_CACHE_HOME: `${scratch.path}/cache`, TMPDIR: `${scratch.path}/tmp` };
    await answers(program, env, through);
    assertEquals((await Array.fromAsync(Deno.readDir(`${scratch.path}/cache`))).length, 0);
    assertEquals((await Array.fromAsync(Deno.readDir(`${scratch.path}/tmp`))).length, 1);
    const said = await refuses(program, { ...env, TMPDIR: `${scratch.path}/cache` }, through);
    assertMatch(said, /^parley: cannot unpack: neither .* \(NOT_WRITABLE\)\n/);
  },
});

test(
  "starts from what is unpacked though the cache has become read-only",
  async (program, scratch) => {
    await answers(program, { XDG_CACHE_HOME: scratch });
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
  name: "the self-contained program refuses another user's directory, whatever lies in it",
  ignore: !MAY_BUILD || !IS_ROOT, // only root can make one
  async fn() {
    const { path: program } = await selfContained();
    await using scratch = await Scratch.make();
    const env = { XDG_CACHE_HOME: scratch.path, TMPDIR: scratch.path };
    await answers(program, env);
    await sh('chown -R 12345 "$1/parley"', scratch.path);
    assertMatch(await refuses(program, env), /^parley: cannot unpack into .* \(NOT_OWNED\)\n/);
    // The directory is this user's again, what it starts is not.
    await sh('chown 0 "$1/parley" "$1"/parley/*', scratch.path);
    await answers(program, env);
    assertEquals(await sh('stat -c %u "$1"/parley/*/deno', scratch.path), "0");
  },
});

test("does not unpack what is damaged, and leaves nothing", async (program, scratch) => {
  const damaged = `${scratch}/parley`;
  await sh(
    'cp "$1" "$2" && printf X | dd of="$2" bs=1 seek=9000000 conv=notrunc',
    program,
    damaged,
  );
  const said = await refuses(damaged, { XDG_CACHE_HOME: `${scratch}/cache` });
  assertMatch(said, /\(NOT_UNPACKED\)\n/);
  assertEquals((await Array.fromAsync(Deno.readDir(`${scratch}/cache/parley`))).length, 0);
});

test(
  "checks by --verify-install what is unpacked, and mends what was cut",
  async (program, scratch) => {
    const env = { XDG_CACHE_HOME: scratch };
    const verify = () => ended(started(program, ["--verify-install"], { env }));
    const whole = await verify();
    assertEquals([whole.code, whole.stderr], [0, ""]);
    assertMatch(whole.stdout, new RegExp(`^parley ${VERSION} in ${scratch}/parley/.* is whole\n$`));
    // One character is another; size and mode are not.
    await sh(
      'cd "$1"/parley/* && chmod 600 parley.js && printf X | dd of=parley.js bs=1 seek=9 conv=notrunc && chmod 400 parley.js',
      scratch,
    );
    const changed = await verify();
    assertEquals([changed.code, changed.stdout], [1, ""]);
    assertMatch(
      changed.stderr,
      /^parley: .*: it is not what was unpacked \(DAMAGED\)\nhint: .*\n$/,
    );
    await sh('cd "$1"/parley/* && chmod 600 parley.js && : >parley.js', scratch);
    assertEquals((await verify()).code, 0);
  },
);

test(
  "heeds no configuration where it is started, nor above its cache",
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

test("is found through a link, by its name on the path, and by sh", async (program, scratch) => {
  const { env } = await selfContained();
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
});

test("never has the permission to run programs or to read the environment", async (program) => {
  const head = await sh('head -c 8192 "$1" | tr -d "\\000"', program);
  const line = /^exec (?:.*\\\n)*.*$/m.exec(head)?.[0] ?? "";
  const allowed = [...line.matchAll(/--allow-([a-z]+)\S*/g)].map(([, name]) => name);
  assertEquals(allowed.sort(), ["ffi", "net", "read", "sys", "write"]);
  for (const flag of FLAGS) assert(line.includes(flag), flag);
  assert(!/--allow-all|-A\b/.test(line));
});
