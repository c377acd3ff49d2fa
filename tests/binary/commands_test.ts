// needs: net run=deno,sh,tmux read=. write=dist/test runtime-base (about 25 s)

/**
 * Every command of the table, run by the executable files, where neither Deno nor Node is.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type CommandSpec, isRunnable } from "../../lib/cli/spec.ts";
import { PARLEY } from "../../lib/commands/table.ts";
import { DnsServer } from "../info/dns_server.ts";
import { HAS_TMUX, Pane } from "../terminal/tmux.ts";
import {
  compiled,
  type Ended,
  ended,
  MAY_BUILD,
  MAY_UNPACK,
  type Program,
  Scratch,
  selfContained,
  started,
  TOOL_PATH,
} from "./built.ts";
import { Talker } from "./talker.ts";

const VECTORS = decodeURIComponent(new URL("../vectors", import.meta.url).pathname);
const isWindows = Deno.build.os === "windows";
const PROGRAMS: Readonly<Record<string, Program | undefined>> = MAY_BUILD
  ? {
    "self-contained": MAY_UNPACK ? await selfContained() : undefined,
    compiled: await compiled(),
  }
  : {};

/** Runs the program to its end, without HOME and with nothing on its path. */
function run(program: Program, ...args: string[]): Promise<Ended> {
  return ended(started(program.path, args, { env: program.env }));
}

/** Runs the program, which must be done, and gives what it says. */
async function done(program: Program, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, ...args);
  assertEquals([code, stderr], [0, ""], args.join(" "));
  return stdout;
}

/** The object that the program prints with `--json`. */
async function object(program: Program, ...args: string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await done(program, ...args, "--json"));
}

/** One run of each command, by the words that name it. */
const RUNS: Readonly<Record<string, (program: Program) => Promise<void>>> = {
  "chat": (program) => converse(program, ["chat"], (port) => `client\n127.0.0.1:${port}\n`),
  "chat server": (program) => converse(program),
  "chat client": (program) => converse(program),
  "chat page": async (program) => {
    assertMatch(await done(program, "chat", "page"), /^<!doctype html>[^]*<\/html>\n$/);
  },
  "info host": async (program) => {
    assertEquals((await object(program, "info", "host")).os, Deno.build.os);
  },
  "info resolve": async (program) => {
    await using server = new DnsServer();
    const at = `@127.0.0.1:${server.address.port}`;
    const args = ["info", "resolve", at, "--timeout", "60000", "--short"];
    assertEquals(await done(program, ...args, "a.example", "A"), "192.0.2.1\n192.0.2.2\n");
    const none = await run(program, ...args, "nx.example", "A");
    assertEquals([none.code, none.stdout], [1, ""]);
    assertStringIncludes(none.stderr, "(NXDOMAIN)\n");
  },
  "info ping": async (program) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const at = `127.0.0.1:${listener.addr.port}`;
    assertStringIncludes(
      await done(program, "info", "ping", at, "-c", "1", "-W", "60000"),
      "1 sent, 1 answered, 0% lost\n",
    );
  },
  "info address": async (program) => {
    assertEquals((await object(program, "info", "address", "127.1")).packed, "7f000001");
  },
  "info service": async (program) => {
    assertEquals((await object(program, "info", "service", "ssh", "--protocol", "tcp")).port, 22);
    // In no services(5) file, so that IANA's table must be in the program.
    assertEquals((await object(program, "info", "service", "mongodb")).port, 27017);
  },
  "info byteorder": async (program) => {
    assertEquals((await object(program, "info", "byteorder", "0x04d2")).htons, 53764);
  },
  "info socket": async (program) => {
    const { type, not_shown } = await object(program, "info", "socket", "--transport", "udp");
    assertEquals([type, not_shown], isWindows ? [null, not_shown] : ["SOCK_DGRAM", []]);
  },
  "info errors": async (program) => {
    assertEquals((await object(program, "info", "errors", "ECONNRESET")).provoked, true);
  },
  "info runtime": async (program) => {
    const { deno, build } = await object(program, "info", "runtime");
    assertEquals([deno, PROGRAMS[String(build)]], [Deno.version.deno, program]);
  },
  "udp server": echo,
  "udp client": echo,
  "udp send": echo,
  "udp listen": async (program) => {
    await using listener = new Talker(program, ["udp", "listen", "0", "--json"]);
    const port = /"port":(\d+)/.exec(await listener.until('"listening"'))![1]!;
    await done(program, "udp", "send", "127.0.0.1", port, "to the listener");
    await listener.until('"text":"to the listener"');
    listener.kill("SIGINT");
    assertEquals(await listener.ended(), 130);
  },
  "udp bench": echo,
  "udp demo": async (program) => assertMatch(await done(program, "udp", "demo"), /Not fooled/),
  "tcp server": stream,
  "tcp client": stream,
  "tcp connect": stream,
  "tcp listen": stream,
  "tcp check": stream,
  "tcp demo": async (program) => assertMatch(await done(program, "tcp", "demo"), /ECONNRESET/),
  "rsa keygen": letter,
  "rsa encrypt": letter,
  "rsa decrypt": letter,
  "rsa sign": letter,
  "rsa verify": letter,
  "rsa fingerprint": letter,
  "rsa inspect": letter,
  "tour": async (program) =>
    assertMatch(await done(program, "tour", "--ffi"), /all \d+ steps succeeded/),
  "completions": async (program) => {
    assertStringIncludes(await done(program, "completions", "bash"), "complete -o nosort");
    assertStringIncludes(await done(program, "completions", "zsh"), "#compdef parley");
    assertStringIncludes(await done(program, "completions", "fish"), "complete -c parley");
  },
};

/** A server hears what a client says, and both end as they should. */
async function converse(
  program: Program,
  args?: readonly string[],
  introduction: (port: string) => string = () => "",
): Promise<void> {
  await using server = new Talker(program, ["chat", "server", "--port", "0", "--json"]);
  const port = /"port":(\d+)/.exec(await server.until('"event":"listening"'))![1]!;
  await using client = new Talker(program, args ?? ["chat", "client", `127.0.0.1:${port}`]);
  await client.type(`${introduction(port)}through the pipe\n`);
  await client.endInput();
  assertEquals(await client.ended(), 0, client.said);
  await server.until('"text":"through the pipe"');
  server.kill("SIGTERM");
  assertEquals(await server.ended(), 0);
}

const checked = new Map<string, Promise<void>>();

/** Does a check that is the same for several commands once for each program. */
function once(name: string, program: Program, check: () => Promise<void>): Promise<void> {
  const key = `${name} of ${program.path}`;
  const before = checked.get(key) ?? check();
  checked.set(key, before);
  return before;
}

/** An echo server answers a client and load, and hears a datagram that expects nothing. */
function echo(program: Program): Promise<void> {
  return once("echo", program, async () => {
    await using server = new Talker(program, ["udp", "server", "--port", "0"]);
    const port = /Listening at \S+:(\d+)/.exec(await server.until("Listening at"))![1]!;
    const asked = await done(program, "udp", "client", "-p", port);
    assertMatch(asked, /replied 'Your data was 38 bytes long'/);
    await done(program, "udp", "send", "127.0.0.1", port, "just so");
    await server.until("says 'just so'");
    assertMatch(await done(program, "udp", "bench", "-p", port, "--seconds", "0.2"), /replies/);
    server.kill("SIGINT");
    assertEquals(await server.ended(), 130);
  });
}

/** An echo server answers a client and what is piped through a connection, and its port is open. */
function stream(program: Program): Promise<void> {
  return once("stream", program, async () => {
    await using server = new Talker(program, ["tcp", "server", "--port", "0"]);
    const port = /Listening at \S+:(\d+)/.exec(await server.until("Listening at"))![1]!;
    const asked = await done(program, "tcp", "client", "-p", port);
    assertMatch(asked, /replied 'Your data was 38 bytes long'/);
    assertMatch(await done(program, "tcp", "check", "127.0.0.1", port), /^ *\d+ {2}open /);
    await using client = new Talker(program, ["tcp", "connect", "127.0.0.1", port]);
    await client.type("piped\n");
    await client.endInput();
    assertEquals(await client.ended(), 0, client.said);
    assertStringIncludes(client.said, "Your data was 6 bytes long");
    server.kill("SIGINT");
    assertEquals(await server.ended(), 130);
    await using listener = new Talker(program, ["tcp", "listen", "0", "--json"]);
    const at = /"port":(\d+)/.exec(await listener.until('"listening"'))![1]!;
    await using other = new Talker(program, ["tcp", "connect", "127.0.0.1", at]);
    await other.type("to the listener");
    await other.endInput();
    await listener.until('"text":"to the listener"');
    await listener.endInput();
    assertEquals([await other.ended(), await listener.ended()], [0, 0]);
  });
}

/** A letter is sealed and opened, signed and checked, with keys in files. */
function letter(program: Program): Promise<void> {
  return once("letter", program, async () => {
    await using scratch = await Scratch.make();
    const rsa = async (input: string, ...args: string[]) => {
      await using job = new Talker(program, ["rsa", ...args], scratch.path);
      await job.type(input);
      await job.endInput();
      assertEquals(await job.ended(), 0, job.said);
      return job.said;
    };
    const fingerprint = /SHA256:\S+/.exec(await rsa("", "keygen", "-o", "ada.pem"))![0];
    for (const file of ["ada.pem", "ada.pem.pub"]) {
      assertStringIncludes(await rsa("", "fingerprint", file), fingerprint);
      assertStringIncludes(await rsa("", "inspect", file), fingerprint);
    }
    await rsa("at noon", "encrypt", "--to", "ada.pem.pub", "-o", "letter.jwe");
    assertEquals(await rsa("", "decrypt", "--key", "ada.pem", "letter.jwe"), "at noon");
    await rsa("at noon", "sign", "--key", "ada.pem", "-o", "letter.sig");
    const verified = ["verify", "--key", "ada.pem.pub", "--signature", "letter.sig"];
    assertStringIncludes(await rsa("at noon", ...verified), fingerprint);
    // The key of another program, whose derivation is in a CommonJS module.
    const [key, passphrase] = [`${VECTORS}/openssh_key`, `${VECTORS}/openssh_key.passphrase`];
    const opened = await rsa("", "sign", "--key", key, "--passphrase-file", passphrase, "ada.pem");
    assert(opened.length > 0);
  });
}

function* commandsOf(command: CommandSpec, above: readonly string[] = []): Generator<string, void> {
  if (isRunnable(command)) yield above.join(" ");
  for (const inner of command.commands ?? []) yield* commandsOf(inner, [...above, inner.name]);
}

Deno.test({
  name: "every command of the table is run with the executable files",
  ignore: !MAY_BUILD,
  fn: () => assertEquals(Object.keys(RUNS).sort(), [...commandsOf(PARLEY)].sort()),
});

for (const [way, program] of Object.entries(PROGRAMS)) {
  for (const [name, check] of Object.entries(RUNS)) {
    Deno.test({
      name: `the ${way} program runs parley ${name}, without HOME, deno and node`,
      ignore: program === undefined,
      fn: () => check(program!),
    });
  }

  Deno.test({
    name: `the ${way} program shows the help of every command`,
    ignore: program === undefined,
    async fn() {
      for (const words of commandsOf(PARLEY)) {
        const help = await done(program!, ...words.split(" "), "--help");
        assertStringIncludes(help, `Usage: parley ${words}`);
        // Its permissions are built in; "info runtime" is about those of any parley.
        if (words !== "info runtime") assert(!help.includes("--allow-"), help);
      }
    },
  });

  Deno.test({
    name: `the ${way} program passes on exit codes and signals`,
    ignore: program === undefined,
    async fn() {
      const failed = await run(program!, "chat", "client", "127.0.0.1:1");
      assertEquals([failed.code, failed.stdout], [1, ""]);
      assertMatch(failed.stderr, /^parley: .* \(ECONNREFUSED\)\n/);
      assertEquals((await run(program!, "chat", "sevrer")).code, 2);
      await using server = new Talker(program!, ["chat", "server", "--port", "0", "--relay-only"]);
      await server.until("listening");
      server.kill("SIGINT");
      assertEquals(await server.ended(), 130);
    },
  });

  Deno.test({
    name: `the ${way} program can use the terminal`,
    ignore: program === undefined || !HAS_TMUX,
    async fn() {
      await using pane = await Pane.open(90, 20);
      const env = Object.entries(program!.env).map(([key, value]) => `${key}=${value}`).join(" ");
      const start = `env -i PATH=${TOOL_PATH} TERM=$TERM ${env} ${program!.path}`;
      await pane.type(`${start} chat server --port 0 --name ada; echo "ended with $?"\n`);
      await pane.until(
        "the room",
        ({ rows }) =>
          rows.at(-1) === "ada>" && rows.some((row) => row.startsWith("* listening on 127.0.0.1:")),
      );
      await pane.type("/fingerprint");
      await pane.until("what is typed", ({ rows }) => rows.at(-1) === "ada> /fingerprint");
      await pane.press("C-u");
      await pane.press("C-c");
      await pane.until("the end", ({ rows }) => rows.at(-2) === "ended with 130");
    },
  });
}
