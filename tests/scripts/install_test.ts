// needs: net run=deno,sh read=. tool=curl,openssl,shellcheck,wget (about 10 s)

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertMatch } from "@std/assert";
// @ts-types="../../types/std.d.ts"
import { encodeHex } from "@std/encoding/hex";
import { has, MAY_RUN_SHELL, sh } from "../fixtures/shell.ts";

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

interface InstallOptions {
  readonly machine?: string;
  readonly args?: string;
  readonly client?: "curl" | "wget";
  /** Where the releases are; a server of the files without. */
  readonly from?: string;
  /** The file of a certificate to believe. */
  readonly ca?: string;
}

/** A server of files. */
function serve(files: Readonly<Record<string, string>>): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const body = files[new URL(request.url).pathname];
    return body === undefined ? new Response("", { status: 404 }) : new Response(body);
  });
}

/** Runs install.sh against a server of these files, on a machine that calls itself so. */
async function install(
  files: Readonly<Record<string, string>>,
  options: InstallOptions = {},
): Promise<Installed> {
  const { machine = "Linux x86_64", args = "", client = "curl", ca = "" } = options;
  await using server = serve(files);
  const output = await sh(
    `home=$(mktemp -d); trap 'rm -rf "$home"' EXIT; mkdir "$home/tools"
    for tool in sh uname ldd curl wget sha256sum grep tail tr mktemp rm cp mkdir chmod mv head \\
      sed cat; do
      case $tool in curl | wget) [ $tool = ${client} ] || continue ;; esac
      ln -s "$(command -v $tool)" "$home/tools"
    done
    rm "$home/tools/uname"
    printf '#!/bin/sh\\n[ "$1" = -s ] && echo %s || echo %s\\n' $1 >"$home/tools/uname"
    chmod 755 "$home/tools/uname"
    [ -z "$3" ] || echo "ca_certificate=$3" >"$home/wgetrc"
    [ -z "$3" ] || export WGETRC="$home/wgetrc" CURL_CA_BUNDLE="$3"
    PARLEY_FROM=$2 HOME=$home PATH=$home/tools sh install.sh ${args} >"$home/said" 2>&1
    echo $?; sed "s|$home|~|g" "$home/said"; echo ---; find "$home/.local" -type f 2>/dev/null |
      sed "s|$home|~|"`,
    machine,
    options.from ?? `http://127.0.0.1:${server.addr.port}`,
    ca,
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
    name: `install.sh reports a failed download by ${client}`,
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

/** A server over TLS, which answers as it is told to, and the file of its certificate. */
class SecureServer implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(
    readonly ca: string,
    cert: string,
    key: string,
    answer: (path: string) => Response,
  ) {
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {}, cert, key };
    this.#server = Deno.serve(options, (request) => answer(new URL(request.url).pathname));
  }

  static async start(answer: (path: string) => Response): Promise<SecureServer> {
    const [ca = "", cert = "", key = ""] = (await sh(
      `here=$(mktemp -d); cd "$here"
       openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \\
         -subj /CN=test -addext subjectAltName=IP:127.0.0.1 -keyout key -out cert 2>/dev/null
       echo "$here/cert"; echo ===; cat cert; echo ===; cat key`,
    )).split("===\n").map((part) => part.includes("BEGIN") ? part : part.trim());
    return new SecureServer(ca, cert, key, answer);
  }

  get address(): string {
    return `https://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    await sh('rm -r "$(dirname "$1")"', this.ca);
  }
}

for (const client of ["curl", "wget"] as const) {
  const ignore = !await has(client) || !await has("openssl");
  Deno.test({
    name: `install.sh follows no redirect to a URL without TLS by ${client}`,
    ignore,
    async fn() {
      const files = await release();
      let asked = 0;
      await using plain = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen: () => {} },
        (request) => {
          asked += 1;
          return new Response(files[new URL(request.url).pathname]);
        },
      );
      const there = `http://127.0.0.1:${plain.addr.port}`;
      for (const last of ["SHA256SUMS", "parley-1.2.3-x86_64-unknown-linux-gnu"]) {
        // All but one file comes over TLS.
        await using server = await SecureServer.start((path) =>
          path.endsWith(`/${last}`)
            ? new Response("", { status: 302, headers: { location: there + path } })
            : new Response(files[path])
        );
        const { code, said, files: found } = await install({}, {
          client,
          from: server.address,
          ca: server.ca,
        });
        assertEquals([code, found, asked], [1, [], 0], said);
        assertMatch(said, /^install\.sh: cannot download https:\S+: .*http.* \(NOT_DOWNLOADED\)\n/);
      }
    },
  });

  Deno.test({
    name: `install.sh follows a limited number of redirects over TLS by ${client}`,
    ignore,
    async fn() {
      const files = await release();
      let hops: (path: string) => string | undefined = () => undefined;
      await using server = await SecureServer.start((path) => {
        const location = hops(path);
        if (location !== undefined) {
          return new Response("", { status: 302, headers: { location } });
        }
        const body = files[path];
        return body === undefined ? new Response("", { status: 404 }) : new Response(body);
      });
      const options = { client, from: server.address, ca: server.ca };
      // Where one is sent on to, the same files are.
      for (const [path, body] of Object.entries(files)) files[`/moved${path}`] = body;
      const moved = (path: string) => path.startsWith("/moved") ? undefined : `/moved${path}`;
      const ways: readonly ((path: string) => string | undefined)[] = [
        () => undefined,
        moved,
        (path) => moved(path) && server.address + moved(path),
        (path) => moved(path) && server.address.replace("https:", "") + moved(path),
      ];
      for (const way of ways) {
        hops = way;
        const { code, said, files: found } = await install({}, options);
        assertEquals([code, found], [0, ["~/.local/bin/parley"]], `${way}: ${said}`);
      }
      hops = (path) => path;
      const circle = await install({}, options);
      assertEquals([circle.code, circle.files], [1, []]);
      assertMatch(circle.said, /\(NOT_DOWNLOADED\)\n/);
      hops = (path) => path === "/nothing" ? undefined : "/nothing";
      const missing = await install({}, options);
      assertMatch(missing.said, /^install\.sh: cannot download .*404.* \(NOT_DOWNLOADED\)\n/);
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
  name: "install.sh without a repository refuses to install",
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
