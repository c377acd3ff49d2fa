// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertMatch } from "@std/assert";
// @ts-types="../../types/std_encoding_hex.d.ts"
import { encodeHex } from "@std/encoding/hex";
import { has, MAY_RUN_SHELL, sh } from "./shell.ts";

const MACHINES = {
  "Linux x86_64": "x86_64-unknown-linux-gnu",
  "Linux aarch64": "aarch64-unknown-linux-gnu",
  "Darwin arm64": "aarch64-apple-darwin",
} as const;
const PROGRAM = '#!/bin/sh\necho "parley 1.2.3"\n';

/** A release as a web server has it: its files by path. */
async function release(program = PROGRAM): Promise<Record<string, string>> {
  const sum = encodeHex(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(PROGRAM)));
  const names = Object.values(MACHINES).map((target) => `parley-1.2.3-${target}`);
  const sums = [...names, "parley.1"].map((name) => `${sum}  ${name}\n`).join("");
  return {
    "/latest/download/SHA256SUMS": sums,
    "/download/v1.2.3/SHA256SUMS": sums,
    ...Object.fromEntries(names.flatMap((name) => [
      [`/latest/download/${name}`, program],
      [`/download/v1.2.3/${name}`, program],
    ])),
  };
}

interface Installed {
  readonly code: number;
  /** What it said, and what then is in the directory. */
  readonly said: string;
  readonly files: readonly string[];
}

/** Runs install.sh against a server of these files, on a machine that calls itself so. */
async function install(
  files: Readonly<Record<string, string>>,
  options: { machine?: string; args?: string; client?: "curl" | "wget" } = {},
): Promise<Installed> {
  const { machine = "Linux x86_64", args = "", client = "curl" } = options;
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const body = files[new URL(request.url).pathname];
      return body === undefined ? new Response("", { status: 404 }) : new Response(body);
    },
  );
  const output = await sh(
    `home=$(mktemp -d); trap 'rm -rf "$home"' EXIT; mkdir "$home/tools"
    for tool in sh uname ldd curl wget sha256sum grep tail tr mktemp rm cp mkdir chmod mv head; do
      case $tool in curl | wget) [ $tool = ${client} ] || continue ;; esac
      ln -s "$(command -v $tool)" "$home/tools"
    done
    rm "$home/tools/uname"
    printf '#!/bin/sh\\n[ "$1" = -s ] && echo %s || echo %s\\n' $1 >"$home/tools/uname"
    chmod 755 "$home/tools/uname"
    PARLEY_FROM=$2 HOME=$home PATH=$home/tools sh install.sh ${args} >"$home/said" 2>&1
    echo $?; sed "s|$home|~|g" "$home/said"; echo ---; find "$home/.local" -type f 2>/dev/null |
      sed "s|$home|~|"`,
    machine,
    `http://127.0.0.1:${server.addr.port}`,
  );
  const [, code, said, found] = /^(\d+)\n([\s\S]*)---\n([\s\S]*)$/.exec(output)!;
  return { code: Number(code), said: said!, files: found!.split("\n").filter((one) => one !== "") };
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `install.sh ${name}`, ignore: !MAY_RUN_SHELL || !CAN_DOWNLOAD, fn });
}

const CAN_DOWNLOAD = await has("curl");

for (const [machine, target] of Object.entries(MACHINES)) {
  test(`installs parley-1.2.3-${target} on ${machine}`, async () => {
    const other = `parley-1.2.3-${Object.values(MACHINES).find((one) => one !== target)}`;
    const { [`/latest/download/${other}`]: _, ...files } = await release();
    assertEquals(await install(files, { machine }), {
      code: 0,
      said:
        "installed parley 1.2.3 as ~/.local/bin/parley\nhint: ~/.local/bin is not on your PATH\n",
      files: ["~/.local/bin/parley"],
    });
  });
}

test("installs the version that is named", async () => {
  const files = Object.entries(await release()).filter(([path]) => path.startsWith("/download/"));
  for (const args of ["1.2.3", "v1.2.3"]) {
    const { code, files: found } = await install(Object.fromEntries(files), { args });
    assertEquals([code, found], [0, ["~/.local/bin/parley"]]);
  }
});

test("installs nothing whose checksum is wrong", async () => {
  const { code, said, files } = await install(await release(`${PROGRAM}# changed\n`));
  assertEquals([code, files], [1, []]);
  assertMatch(
    said,
    /^install\.sh: cannot install parley-1\.2\.3-.* \(WRONG_CHECKSUM\)\nhint: .*\n$/,
  );
});

for (const client of ["curl", "wget"] as const) {
  Deno.test({
    name: `install.sh says what cannot be downloaded by ${client}`,
    ignore: !await has(client),
    async fn() {
      const none = await install({}, { client });
      assertEquals([none.code, none.files], [1, []]);
      assertMatch(
        none.said,
        /^install\.sh: cannot download http:\S+\/SHA256SUMS: .* \(NOT_DOWNLOADED\)\n/,
      );
      const { "/latest/download/parley-1.2.3-x86_64-unknown-linux-gnu": _, ...files } =
        await release();
      const some = await install(files, { client });
      assertEquals([some.code, some.files], [1, []]);
      assertMatch(
        some.said,
        /^install\.sh: cannot download http:\S+-linux-gnu: .* \(NOT_DOWNLOADED\)\n/,
      );
      assertEquals((await install(await release(), { client })).code, 0);
    },
  });
}

test("says which platform there is no parley for", async () => {
  for (const machine of ["Linux riscv64", "FreeBSD amd64", "Darwin x86_64"]) {
    const { code, said, files } = await install(await release(), { machine });
    assertEquals([code, files], [1, []], machine);
    assertMatch(said, /^install\.sh: cannot install: .* \(UNSUPPORTED\)\n/);
  }
});

Deno.test({
  name: "install.sh is not taken for a release's where it names no repository",
  ignore: !MAY_RUN_SHELL,
  async fn() {
    const said = await sh("sh install.sh 2>&1 || echo $?");
    assertMatch(said, /^install\.sh: cannot install: .* \(NO_RELEASE\)\nhint: .*\n1\n$/);
  },
});

Deno.test({
  name: "the shell scripts pass shellcheck",
  ignore: !await has("shellcheck"),
  async fn() {
    assertEquals(await sh("shellcheck install.sh scripts/compile/head.sh .ci/run"), "");
  },
});
