// needs: net run=deno,sh read=. (about 12 s)

/**
 * Standard streams that are closed, full, or no longer read: of every command but those that chat.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import type { CommandSpec } from "../../lib/cli/spec.ts";
import { PARLEY } from "../../lib/commands/table.ts";
import { openEchoServer as openTcpEchoServer } from "../../lib/tcp.ts";
import { openEchoServer } from "../../lib/udp.ts";
import { someAtATime } from "../fixtures/at_a_time.ts";
import { granted } from "../fixtures/granted.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const ignore = Deno.build.os === "windows" || !granted("run=deno,sh");
const PARLEY_RUN =
  "deno run --no-prompt --frozen --allow-net --allow-sys --allow-ffi --allow-read main.ts";
const decoder = new TextDecoder();

/** Runs a script of `sh`. */
async function sh(script: string) {
  const command = new Deno.Command("sh", { args: ["-c", script], cwd: ROOT, stdin: "null" });
  const { code, stdout, stderr } = await command.output();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Makes keys, a letter, and what is made of it, in a directory that is removed in the end. */
async function makeKeys(): Promise<AsyncDisposable & { readonly path: string }> {
  const rsa = PARLEY_RUN.replace(" main.ts", " --allow-write main.ts rsa");
  const { code, stdout, stderr } = await sh(
    `set -e; d=$(mktemp -d); echo hello > $d/letter; ${rsa} keygen --bits 2048 -o $d/key > $d/log; ` +
      `${rsa} sign --key $d/key -o $d/signature $d/letter; ` +
      `${rsa} encrypt --to $d/key.pub -o $d/jwe $d/letter; printf %s "$d"`,
  );
  assertEquals(code, 0, stderr);
  return {
    path: stdout,
    [Symbol.asyncDispose]: async () => assertEquals((await sh(`rm -r '${stdout}'`)).code, 0),
  };
}

/** A command line of each command, without an end where there may be none. */
function commandLines(
  keys: string,
  port: number,
  tcpPort: number,
): Readonly<Record<string, string>> {
  return {
    "parley": "--help",
    "info": "info",
    "info address": "info address ::1",
    "info byteorder": "info byteorder 1234 --json",
    "info errors": "info errors EPIPE",
    "info host": "info host",
    "info ping": "info ping 127.0.0.1:1 -c 0 -i 10",
    "info resolve": "info resolve localhost",
    "info runtime": "info runtime",
    "info service": "info service ssh",
    "info socket": "info socket",
    "udp": "udp",
    "udp server": "udp server --port 0",
    "udp client": `udp client --port ${port} -c 1000000 -i 10 --json`,
    "udp demo": "udp demo",
    "udp send": `udp send 127.0.0.1 ${port} hello`,
    "udp listen": "udp listen 0 --json",
    "udp bench": `udp bench --port ${port} --seconds 0.1`,
    "tcp": "tcp",
    "tcp server": "tcp server --port 0",
    "tcp client": `tcp client --port ${tcpPort}`,
    "tcp demo": "tcp demo",
    "tcp connect": `tcp connect 127.0.0.1 ${tcpPort} --json`,
    "tcp listen": "tcp listen 0 --json",
    "tcp check": `tcp check 127.0.0.1 ${tcpPort}`,
    "rsa": "rsa",
    "rsa keygen": "rsa keygen --bits 2048",
    "rsa fingerprint": `rsa fingerprint ${keys}/key.pub`,
    "rsa inspect": `rsa inspect ${keys}/key.pub`,
    "rsa encrypt": `rsa encrypt --to ${keys}/key.pub ${keys}/letter`,
    "rsa decrypt": `rsa decrypt --key ${keys}/key ${keys}/jwe`,
    "rsa sign": `rsa sign --key ${keys}/key ${keys}/letter`,
    "rsa verify": `rsa verify --key ${keys}/key.pub --signature ${keys}/signature ${keys}/letter`,
    "tour": "tour udp",
    "completions": "completions bash",
    "--version": "--version",
  };
}

/** The names of the commands and groups, but for those that chat. */
function namesOf(command: CommandSpec, above = ""): string[] {
  if (command.name === "chat") return [];
  const own = command.name === "parley" ? "" : `${above} ${command.name}`.trim();
  return [own || "parley", ...(command.commands ?? []).flatMap((inner) => namesOf(inner, own))];
}

const FULL = {
  code: 1,
  stdout: "",
  stderr: "parley: cannot write to standard output: no space is left on the device (ENOSPC)\n" +
    "hint: make room, or write elsewhere\n",
};

Deno.test({
  name: "every command whose output is full says so in one line and ends with 1",
  ignore,
  async fn() {
    await using keys = await makeKeys();
    await using server = openEchoServer({ port: 0 });
    await using tcpServer = openTcpEchoServer({ port: 0 });
    const lines = commandLines(keys.path, server.addr.port, tcpServer.addr.port);
    for (const name of namesOf(PARLEY)) assert(name in lines, `${name} is tried`);
    await someAtATime(Object.entries(lines), async ([name, line]) => {
      assertEquals(await sh(`${PARLEY_RUN} ${line} > /dev/full`), FULL, name);
    });
  },
});

Deno.test({
  name: "every command whose output nobody reads ends with 1, and says nothing",
  ignore,
  async fn() {
    await using keys = await makeKeys();
    await using server = openEchoServer({ port: 0 });
    await using tcpServer = openTcpEchoServer({ port: 0 });
    const lines = commandLines(keys.path, server.addr.port, tcpServer.addr.port);
    await someAtATime(Object.entries(lines), async ([name, line]) => {
      const words = [...PARLEY_RUN.split(" "), ...line.split(" ")];
      const process = new Deno.Command("sh", {
        args: ["-c", 'read -r _; exec "$@" < /dev/null', "sh", ...words],
        cwd: ROOT,
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      await process.stdout.cancel();
      // It starts only now: what it says before its reader is gone would be taken.
      const input = process.stdin.getWriter();
      await input.write(new TextEncoder().encode("go\n"));
      await input.close();
      const [{ code }, stderr] = await Promise.all([
        process.status,
        new Response(process.stderr).text(),
      ]);
      assertEquals([code, stderr], [1, ""], name);
    });
  },
});

Deno.test({
  name: "an endless output ends when its reader has closed it",
  ignore,
  async fn() {
    await using server = openEchoServer({ port: 0 });
    for (
      const line of [
        "info ping 127.0.0.1:1 -c 0 -i 10",
        "info ping 127.0.0.1:1 -c 0 -i 10 --json",
        `udp client --port ${server.addr.port} -c 1000000 -i 10`,
      ]
    ) {
      const { stdout, stderr } = await sh(
        `{ ${PARLEY_RUN} ${line}; echo "exit $?" >&2; } | head -1`,
      );
      assertEquals([stdout.split("\n").length, stderr], [2, "exit 1\n"], line);
    }
  },
});

Deno.test({
  name: "a failure that standard error does not take keeps its exit code",
  ignore,
  async fn() {
    for (const [line, code] of [["info address nope", 2], ["rsa inspect README.md", 1]] as const) {
      for (const to of ["2> /dev/full", "2>&-", "2>&- >&- <&-"]) {
        const ended = await sh(`${PARLEY_RUN} ${line} ${to}`);
        assertEquals(ended, { code, stdout: "", stderr: "" }, `${line} ${to}`);
      }
    }
  },
});

Deno.test({
  name:
    "a standard input that is closed is an empty one, and one that cannot be read is said to be so",
  ignore,
  async fn() {
    await using keys = await makeKeys();
    const encrypt = `${PARLEY_RUN} rsa encrypt --to ${keys.path}/key.pub`;
    const decrypt = `${PARLEY_RUN} rsa decrypt --key ${keys.path}/key`;
    const empty = await sh(`${encrypt} <&- | ${decrypt}`);
    assertEquals(empty, { code: 0, stdout: "", stderr: "" });
    assertEquals(await sh(`${encrypt} < /`), {
      code: 1,
      stdout: "",
      stderr: "parley: cannot read standard input: it is a directory (EISDIR)\n" +
        "hint: name a file in it\n",
    });
    assertEquals(await sh(`${encrypt} 0> /dev/null`), {
      code: 1,
      stdout: "",
      stderr: "parley: cannot read standard input: it is not open for this operation (EBADF)\n" +
        "hint: check how standard input and output are redirected\n",
    });
  },
});

/** What names the standard streams of the process, or its signals, but in comments. */
const GLOBALS =
  /\bDeno\.(stdin|stdout|stderr|consoleSize|noColor|(add|remove)SignalListener)\b|\bconsole\.(log|debug|info|warn|error|dir|table|trace)\b/;

/** The files in a folder. */
function* filesIn(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* filesIn(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}

Deno.test({
  name: "one file of the program names the standard streams and the signals of its process",
  ignore: !granted("read=."),
  fn() {
    const naming = [...filesIn("lib")].sort().filter((path) =>
      Deno.readTextFileSync(path).split("\n")
        .some((line) => !/^\s*(\*|\/\/|\/\*)/.test(line) && GLOBALS.test(line))
    );
    assertEquals(naming, ["lib/os/io.ts"]);
  },
});
