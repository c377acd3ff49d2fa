// needs: net run=deno,sh read=. port=1060,4396

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { granted } from "../fixtures/granted.ts";
import { printsWhatIsShown, readCommands, readConsoleBlocks } from "./console_blocks.ts";

const ROOT = new URL("../../", import.meta.url);
const ignore = !granted("run=deno,sh", "read=.");

/** Runs commands of the tutorial, in a new directory, with its alias. */
async function sh(script: string): Promise<{ code: number; said: string }> {
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", `root=$PWD; ${await alias()}\n${script}`],
    cwd: ROOT,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, said: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** The tutorial's alias, as a function of this Deno. */
async function alias(): Promise<string> {
  const [, run] = /^alias parley="npx -y deno@\S+ (run .*) \$PWD\/main\.ts"$/m
    .exec(await tutorial())!;
  return `parley() { deno ${run} --no-prompt "$root/main.ts" "$@"; }`;
}

function tutorial(): Promise<string> {
  return Deno.readTextFile(new URL("docs/tutorial.md", ROOT));
}

Deno.test({
  name: "every command of the tutorial prints what it shows",
  ignore,
  async fn() {
    const shown = readConsoleBlocks(await tutorial());
    assert(shown.length >= 8);
    for (const { command, output } of shown) {
      const { code, said } = await sh(command);
      assertEquals(code, 0, said);
      assert(printsWhatIsShown(output, said), `${command}\n${said}`);
    }
  },
});

/** A port of TCP that nobody uses. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** What a command says, without what differs from run to run. */
function alike(said: string): string {
  return said.trimEnd().replace(/\d{4}-\d\d-\d\d [\d:.]+/g, "TIME").replace(/:\d+/g, ":PORT");
}

/** Starts a command in the shell's place, as at a terminal: its input stays open. */
async function start(command: string): Promise<Deno.ChildProcess> {
  const inPlace = (await alias()).replace("{ deno", "{ exec deno");
  return new Deno.Command("sh", {
    args: ["-c", `root=$PWD; ${inPlace}\nexec 2>&1\n${command}`],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
}

/** Reads a stream until it has said so much, and returns all that it has said. */
async function readUntil(
  reader: ReadableStreamDefaultReader<string>,
  said: string,
  enough: (said: string) => boolean,
): Promise<string> {
  for (let all = said;;) {
    if (enough(all)) return all;
    const { done, value } = await reader.read();
    assert(!done, all);
    all += value;
  }
}

Deno.test({
  name: "the tutorial's conversations between two terminals print what they show",
  ignore,
  async fn() {
    const blocks = (await tutorial()).matchAll(/^```text\n(\$ parley (?:udp|tcp) [\s\S]*?)^```/gm);
    const conversations = [...blocks].map(([, block]) => readCommands(block!));
    assertEquals(conversations.map(({ length }) => length), [2, 2, 2]);
    for (const [stays, ends] of conversations) {
      const port = freePort();
      const atPort = ({ command }: { command: string }) =>
        command.includes("9060") ? command.replace("9060", `${port}`) : `${command} --port ${port}`;
      const child = await start(atPort(stays!).replace("> copy", "> /dev/null"));
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      const listening = await readUntil(reader, "", (said) => said.endsWith("\n"));
      const { code, said } = await sh(atPort(ends!));
      assertEquals([code, alike(said)], [0, alike(ends!.output)]);
      const shown = alike(stays!.output);
      const all = await readUntil(reader, listening, (said) => alike(said).length >= shown.length);
      assertEquals(alike(all), shown);
      // Without --keep, `tcp listen` ends with its connection.
      if (/ server$/.test(stays!.command)) child.kill("SIGTERM");
      await Promise.all([reader.cancel(), child.stdin.close(), child.status]);
    }
  },
});

Deno.test({
  name: "the tutorial's pieces of code run as it says: saved in a folder of the repository",
  ignore,
  async fn() {
    const text = await tutorial();
    const [, command] = /^npx -y deno@\S+ (run --allow-net try\/piece\.ts)$/m.exec(text)!;
    const pieces = [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code]) => code!);
    const told = pieces.filter((code) => /from "\.\.\/lib\//.test(code));
    assert(told.length >= 6);
    const piece = told.find((code) => code.includes("describeAddress"))!;
    const [, shown] = /\/\/ (.*)$/m.exec(piece)!;
    const folder = `try-${crypto.randomUUID()}`;
    const { code, said } = await sh(
      `mkdir ${folder}; trap 'rm -r ${folder}' EXIT; cat > ${folder}/piece.ts << 'END'\n${piece}END
      deno ${command!.replace("try/", `${folder}/`)}`,
    );
    assertEquals(code, 0, said);
    assertStringIncludes(said, shown!);
  },
});

Deno.test({
  name: "the tutorial's letter is encrypted and decrypted as it says",
  ignore,
  async fn() {
    const [, script] = /^```sh\n(parley rsa [\s\S]*?)^```/m.exec(await tutorial())!;
    const { code, said } = await sh(
      `directory=$(mktemp -d); trap 'rm -rf "$directory"' EXIT; cd "$directory"\n${script}`,
    );
    assertEquals(code, 0, said);
    assertStringIncludes(said, "meet me at noon\n");
  },
});

Deno.test("printsWhatIsShown() takes … for anything, and nothing else for it", () => {
  assert(printsWhatIsShown("…\na  1\n…\n", "x\ny\na 1\nz\n"));
  assert(printsWhatIsShown("…\na\n", "a\n"));
  assert(printsWhatIsShown("at … ms\n", "at 5.2 ms\n"));
  assert(!printsWhatIsShown("a\n", "a\nb\n"));
  assert(!printsWhatIsShown("a.c\n", "abc\n"));
  assert(!printsWhatIsShown("…\na\n", "b\n"));
});
