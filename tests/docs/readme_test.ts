// needs: net run=deno,sh read=. port=1060,4396 (about 20 s)

/**
 * The commands of the documents, run as they are printed.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch } from "@std/assert";
import { granted } from "../fixtures/granted.ts";
import { printsWhatIsShown } from "./console_blocks.ts";
import { manual, readDocument } from "./documents.ts";

const ROOT = new URL("../../", import.meta.url);
const ignore = !granted("run=deno,sh", "read=.");

/** Of the ports that the documents' commands take, those that another program has. */
const TAKEN = ignore ? [] : [
  ...takenPort("TCP port 1060", () => Deno.listen({ hostname: "127.0.0.1", port: 1060 })),
  ...takenPort("TCP port 4396", () => Deno.listen({ hostname: "0.0.0.0", port: 4396 })),
  ...takenPort(
    "UDP port 1060",
    () => Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 1060 }),
  ),
];

/** The name of a port where another program has it. */
function takenPort(name: string, listen: () => { close(): void }): string[] {
  try {
    listen().close();
    return [];
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return [name];
    throw error;
  }
}

/** A test that takes a port: ignored where another program has it, and said so by its name. */
function testAtPort(port: string, name: string, fn: () => Promise<void>): void {
  const taken = TAKEN.includes(port);
  const why = taken ? ` (ignored: ${port} is taken by another program)` : "";
  Deno.test({ name: name + why, ignore: ignore || taken, fn });
}

/** `npx -y deno@…` is this very deno, and a room on another machine is on this one. */
const PREAMBLE = `npx() { shift 2; deno "$@"; }\n`;
/** The same in the shell's place, so that a signal reaches it. */
const IN_PLACE = `npx() { shift 2; exec deno "$@"; }\n`;

/** The command lines of a document: those behind `$ ` in its console blocks. */
function commands(markdown: string): string[] {
  return [...markdown.matchAll(/^```console\n([\s\S]*?)^```/gm)]
    .flatMap(([, block]) => block!.split("\n"))
    .filter((line) => line.startsWith("$ "))
    .map((line) => line.slice(2).replace("192.0.2.7", "127.0.0.1"));
}

function shell(command: string, preamble = PREAMBLE): Deno.ChildProcess {
  return new Deno.Command("sh", {
    args: ["-c", preamble + command],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Reads a stream until it has said something. */
async function waitFor(child: Deno.ChildProcess, word: string): Promise<() => Promise<string>> {
  let said = "";
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  while (!said.includes(word)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(await endedEarly(child, word, said));
    said += value;
  }
  return async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) said += part.value;
    return said;
  };
}

/** What a command said that ended before it said a word. */
async function endedEarly(child: Deno.ChildProcess, word: string, said: string): Promise<string> {
  return `it ended before it said ${word}:\n${said}${await new Response(child.stderr).text()}`;
}

testAtPort(
  "TCP port 4396",
  "every command of the README's conversations does what it is printed for",
  async () => {
    const readme = await manual();
    const all = commands(readme).filter((command) => !isOfRsa(command));
    const servers = all.filter((command) => command.includes("chat-server"));
    const clients = all.filter((command) => command.includes("chat-client"));
    const others = all.filter((command) => /task (parley|(?:udp|tcp)-\w+)\b/.test(command));
    assertEquals(
      servers.length + clients.length + others.length,
      all.length,
      "every command is one of the chat's, or run by another test",
    );
    assert(servers.length >= 2 && clients.length >= 4);
    for (const server of servers) {
      const host = shell(server, IN_PLACE);
      const rest = await waitFor(host, "no one else is here yet");
      const listening = await Promise.all(clients.filter(listens).map(listen));
      for (const client of clients.filter((one) => !listens(one))) await converse(client);
      await host.stdin.close();
      host.kill("SIGTERM");
      const heard = await Promise.all(listening.map((stop) => stop()));
      const { success } = await host.status;
      const said = await rest();
      await host.stderr.cancel();
      assert(success, said);
      assert(said.includes("bo: said from the document"), said);
      for (const said of heard) {
        assert(said.includes('"text":"said from the document"'), "it heard what was said");
      }
    }
  },
);

/** In a directory of its own: `npx …` is this very deno, and an openssl that is not there agrees. */
const RSA_PREAMBLE = `set -e
root=$PWD
cd "$(mktemp -d)"
trap 'rm -r "$PWD"' EXIT
npx() { shift 3; deno run --no-prompt --allow-read --allow-write "$root/main.ts" "$@"; }
command -v openssl > /dev/null || openssl() { echo Verified OK; }
`;

function isOfRsa(command: string): boolean {
  return command.includes("task rsa") || command.startsWith("openssl dgst");
}

Deno.test({
  name: "the README's commands of RSA do what they are printed for",
  ignore,
  async fn() {
    const readme = await manual();
    const ofRsa = commands(readme).filter(isOfRsa);
    assert(ofRsa.length >= 6);
    const child = shell(RSA_PREAMBLE + ofRsa.join("\n"));
    await child.stdin.close();
    const { success, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    assert(success, decoder.decode(stderr));
    const [fingerprint, ...rest] = decoder.decode(stdout).trimEnd().split("\n");
    assertMatch(fingerprint!, /^SHA256:/);
    const kind = "RSASSA-PSS with SHA-256 and a salt of 32 bytes";
    assertEquals(rest, ["meet me at noon", `signed by ${fingerprint} (${kind})`, "Verified OK"]);
  },
});

function listens(command: string): boolean {
  return command.includes("--listen");
}

/** Starts a command that stays; told to stop, it gives what it has said by then. */
async function listen(command: string): Promise<() => Promise<string>> {
  // What is told to stop is the shell; it tells the command, which runs in its place.
  const guest = shell(`exec_npx() { shift 2; exec deno "$@"; }
    exec_${command} & trap 'kill $!; wait $!' TERM; wait $!`);
  await guest.stdin.close();
  const rest = await waitFor(guest, '"joined"');
  return async () => {
    guest.kill("SIGTERM");
    const said = await rest();
    await Promise.all([guest.status, guest.stderr.cancel()]);
    return said;
  };
}

/** Says one line where the command reads its input, and waits until it has left. */
async function converse(command: string): Promise<void> {
  const guest = shell(command);
  const input = guest.stdin.getWriter();
  await input.write(new TextEncoder().encode("said from the document\n")).catch(() => {}); // not all read it
  await input.close().catch(() => {});
  const { success, stdout, stderr } = await guest.output();
  const decoder = new TextDecoder();
  assert(success, `${command}:\n${decoder.decode(stdout)}${decoder.decode(stderr)}`);
}

/** What a command says, without what differs from run to run, or comes where a reply takes its time. */
function alike(said: string): string {
  return said.replace(/^(?:No reply yet|Duplicate): .*\n/gm, "").replace(
    /^(The client .*\n)\1+/gm,
    "$1",
  )
    .replace(/\d{4}-\d\d-\d\d [\d:.]+/g, "TIME").replace(/:\d+/g, ":PORT")
    .replace(/[\d.]+ ms/g, "TIME");
}

/** The commands of one kind of echo print what the documents show: a server, and whatever asks it. */
async function echoes(kind: "udp" | "tcp"): Promise<void> {
  const readme = await manual();
  const blocks = [
    ...readme.matchAll(
      new RegExp(
        `^\`\`\`console\\n\\$ (.* task (?:${kind}-|parley ${kind} ).*)\\n([^]*?)^\`\`\``,
        "gm",
      ),
    ),
  ]
    .map(([, line, expected]) => ({ line: line!, expected: alike(expected!) }));
  const [server, ...others] = blocks;
  assert(server!.line.includes(`${kind}-server`) && others.length >= 2);
  const host = shell(server!.line, IN_PLACE);
  await host.stdin.close();
  const reader = host.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  const hears = async (word: string, enough: () => boolean) => {
    while (!enough()) {
      const { done, value } = await reader.read();
      if (done) throw new Error(await endedEarly(host, word, said));
      said += value;
    }
  };
  const listening = "Listening at 127.0.0.1:1060\n";
  await hears(listening, () => said.includes(listening));
  for (const { line, expected } of others) {
    const child = shell(line);
    await child.stdin.close();
    const { stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    assertEquals(alike(decoder.decode(stdout)), expected, `${line}\n${decoder.decode(stderr)}`);
  }
  await hears(server!.expected, () => alike(said).length >= server!.expected.length);
  assertEquals(alike(said), server!.expected);
  host.kill("SIGTERM");
  await Promise.all([host.status, reader.cancel(), host.stderr.cancel()]);
}

for (const kind of ["udp", "tcp"] as const) {
  testAtPort(
    `${kind.toUpperCase()} port 1060`,
    `the README's commands of ${kind} print what it shows`,
    () => echoes(kind),
  );
}

Deno.test({
  name: "parley info prints what the README shows",
  ignore,
  async fn() {
    const readme = await manual();
    const shown = [
      ...readme.matchAll(/^```console\n\$ (.* task parley info .*)\n([\s\S]*?)^```/gm),
    ];
    assert(shown.length > 0);
    for (const [, line, expected] of shown) {
      const child = shell(line!);
      await child.stdin.close();
      const { stdout, stderr } = await child.output();
      const decoder = new TextDecoder();
      const printed = decoder.decode(stdout);
      const why = `${line}\n${decoder.decode(stderr)}`;
      // Times differ from run to run.
      if (expected!.includes("…")) assert(printsWhatIsShown(expected!, printed), why + printed);
      else assertEquals(printed, expected, why);
    }
  },
});

Deno.test({
  name: "the README's example of the library prints what it says",
  ignore,
  async fn() {
    const readme = await readDocument("README.md");
    const [, code] = /^## As a library\n\n```ts\n([\s\S]*?)^```/m.exec(readme)!;
    const child = shell("exec deno run --no-prompt --allow-net -");
    const input = child.stdin.getWriter();
    await input.write(new TextEncoder().encode(code!));
    await input.close();
    const { success, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    assert(success, decoder.decode(stderr));
    assertEquals(decoder.decode(stdout), `${/ \/\/ (.*)$/m.exec(code!)![1]}\n`);
  },
});

/** The block of `sh` in a document that has a word in it. */
async function shellBlock(name: string, word: string): Promise<string> {
  const blocks = (await readDocument(name)).matchAll(/^```sh\n([\s\S]*?)^```/gm);
  return [...blocks].map(([, block]) => block!).find((block) => block.includes(word))!;
}

Deno.test({
  name: "the chat's files are kept in a directory of their own as docs/chat.md says",
  ignore,
  async fn() {
    const block = (await shellBlock("docs/chat.md", "rsa keygen"))
      .replace(/^parley chat client .*$/m, "").replaceAll("~/chat", '"$directory/chat"');
    const directory = `directory=$(mktemp -d); trap 'rm -r "$directory"' EXIT`;
    const looks = "parley rsa fingerprint bo.pem; ls";
    const child = shell(`set -e\n${directory}\n${block}\n${looks}`);
    await child.stdin.close();
    const { success, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    assert(success, decoder.decode(stderr));
    assertMatch(decoder.decode(stdout), /^(SHA256:\S+).*\n(.*\n)*\1\nbo\.pem\nbo\.pem\.pub\n$/);
  },
});

Deno.test({
  name: "git ignores every key that the documents have one make in the checkout",
  ignore,
  async fn() {
    const ignored = (await readDocument(".gitignore")).split("\n");
    const text = await manual() + await readDocument("docs/tutorial.md");
    const keys = [...text.matchAll(/(?:keygen (?:.* )?-o|-keyout) ([\w.-]+)/g)].map(([, name]) =>
      name!
    );
    assert(keys.length >= 4);
    for (const key of keys) assert(key.endsWith(".pem") && ignored.includes("*.pem"), key);
  },
});

Deno.test({
  name: "the README's events are those that the code reports",
  ignore,
  async fn() {
    const readme = await manual();
    const sources = ["lib/chat/app/json_report.ts", "lib/chat/app/rooms.ts"];
    const texts = sources.map((path) => Deno.readTextFile(new URL(path, ROOT)));
    const report = (await Promise.all(texts)).join("");
    const table = readme.slice(readme.indexOf("| event "), readme.indexOf("Each has `event`"));
    const documented = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name!);
    const made = report.matchAll(/(?:\bline|\bjsonEventStart|#answer)\("(\w+)"/g);
    const reported = [...made].map(([, name]) => name!);
    assertEquals(new Set(documented), new Set(reported));
  },
});

Deno.test({
  name: "the README's in-chat commands are those that there are",
  ignore,
  async fn() {
    const readme = await manual();
    const { CHAT_COMMANDS } = await import("../../lib/chat/app/slash_commands.ts");
    for (const usage of Object.keys(CHAT_COMMANDS)) {
      if (usage !== "/help") assert(readme.includes(`| \`${usage}\``), usage);
    }
  },
});
