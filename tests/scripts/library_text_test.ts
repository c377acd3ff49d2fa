// needs: net read=.

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { granted } from "../fixtures/granted.ts";

const ROOT = new URL("../../", import.meta.url);
const READ = granted("read=.");

/** The folders of the library that know nothing of a command line. */
const FOLDERS = ["base", "info", "net", "os", "rsa", "tcp", "udp"];

/** Comments, and strings of one line or more. */
const TOKEN = /\/\/[^\n]*|\/\*[^]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;

/** An option, a placeholder of an operand, or a command of parley. */
const COMMAND_LINE = /(?<!-)--[a-z]|@SERVER|\bparley (chat|completions|info|rsa|tcp|tour|udp)\b/;

/** The strings of a program that speak of its command line. */
function commandLineWords(text: string): string[] {
  const strings = text.match(TOKEN)?.filter((token) => !token.startsWith("/")) ?? [];
  return strings.filter((token) => COMMAND_LINE.test(token));
}

function* sources(folder: string): Generator<string, void> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    if (isDirectory) yield* sources(`${folder}/${name}`);
    else if (name.endsWith(".ts")) yield `${folder}/${name}`;
  }
}

Deno.test("commandLineWords() finds options and commands in strings, but not in comments", () => {
  const text =
    'x = "use --tls"; // --tls\n/** parley rsa */ y = `parley rsa keygen`; z = "-----BEGIN";';
  assertEquals(commandLineWords(text), ['"use --tls"', "`parley rsa keygen`"]);
});

Deno.test({
  name: "no string of the library names an option or a command: the advice is in lib/cli",
  ignore: !READ,
  async fn() {
    let seen = 0;
    for (const path of FOLDERS.flatMap((folder) => [...sources(`lib/${folder}`)])) {
      const text = await Deno.readTextFile(new URL(path, ROOT));
      assertEquals(commandLineWords(text), [], path);
      seen += 1;
    }
    assert(seen > 20, `${seen} files were read`);
  },
});
