// needs: net read=.

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertThrows } from "@std/assert";
import { needsFaults } from "../../scripts/check/needs.ts";
import { sourcesIn } from "../../scripts/test/files.ts";
import { exclusiveOf, flagsOf, readDeclaration, toolsOf } from "../../scripts/test/needs.ts";
import { granted } from "../fixtures/granted.ts";

/**
 * What is wrong with a test file beside a helper that asks for `run=tmux`.
 *
 * @param code Its text, with `ask` for `granted`: this file must not seem to ask for it.
 */
function faultsOf(code: string): string[] {
  const text = code.replaceAll(/\bask\b/g, "granted");
  const helper = 'export const HAS_TMUX = ask("run=deno,tmux");'.replace("ask", "granted");
  return needsFaults([
    { path: "tests/os/a_test.ts", text },
    { path: "tests/os/helper.ts", text: helper },
  ]);
}

Deno.test({
  name: "needsFaults() finds no fault in this repository",
  ignore: !granted("read=."),
  fn() {
    assertEquals(needsFaults([...sourcesIn("tests")]), []);
  },
});

Deno.test("needsFaults() accepts a file that declares what it and its imports ask for", () => {
  const code = 'import { HAS_TMUX } from "./helper.ts";\nconst MAY_READ = ask("read=.");';
  assertEquals(faultsOf(`// needs: net run=deno,tmux read=.\n\n${code}`), []);
  assertEquals(faultsOf("Deno.test(name, fn);"), []);
});

Deno.test("needsFaults() names a permission that is asked for and not declared", () => {
  assertEquals(faultsOf('const ignore = !ask("run=deno,sh", "read=.");'), [
    "tests/os/a_test.ts: asks for run=deno and does not declare it",
    "tests/os/a_test.ts: asks for run=sh and does not declare it",
    "tests/os/a_test.ts: asks for read=. and does not declare it",
  ]);
  assertEquals(faultsOf('// needs: net run=deno\nimport "./helper.ts";'), [
    "tests/os/a_test.ts: asks for run=tmux and does not declare it",
  ]);
});

Deno.test("needsFaults() names a permission that is declared and not asked for", () => {
  assertEquals(faultsOf('// needs: net ffi run=deno\n// ask("ffi")\nask("run=deno");'), [
    "tests/os/a_test.ts: declares ffi and does not ask for it",
  ]);
});

Deno.test("needsFaults() names an unknown need, and a question that it cannot read", () => {
  assertEquals(faultsOf("// needs: net reed=.\n"), [
    'tests/os/a_test.ts: unknown need "reed=.": known are nothing,net,ffi,sys,run,read,write,port,tool,runtime-base',
  ]);
  assertEquals(faultsOf("ask(NEED);"), [
    "tests/os/a_test.ts: tests/os/a_test.ts asks by something else than a string: NEED",
  ]);
});

Deno.test("needsFaults() names a declaration in a file that is no test", () => {
  assertEquals(needsFaults([{ path: "tests/fixtures/a.ts", text: "// needs: net\n" }]), [
    "tests/fixtures/a.ts: declares needs, but only a file *_test.ts does",
  ]);
});

Deno.test("readDeclaration() gives files with the same needs the same words", () => {
  const words = ["net", "run=deno,sh", "read=."];
  assertEquals(readDeclaration("// needs: net run=deno,sh read=. (about 30 s)\n"), {
    words,
    seconds: 30,
  });
  assertEquals(readDeclaration("// needs: read=. run=sh,deno net\n").words, words);
  assertEquals(readDeclaration("Deno.test(name, fn);").words, ["net"]);
  assertEquals(readDeclaration("// needs: nothing\n").words, ["nothing"]);
});

Deno.test("readDeclaration() refuses a declaration that is not well formed", () => {
  const wrong = {
    "// needs: net env\n": 'unknown need "env"',
    "// needs: net  ffi\n": 'unknown need ""',
    "// needs: net toString\n": 'unknown need "toString"',
    "// needs: net run\n": '"run" takes values behind =',
    "// needs: net read=\n": '"read" takes values behind =',
    "// needs: net=localhost\n": '"net" takes no values',
    "// needs: net run=deno run=sh\n": '"run" is declared twice',
    "// needs: nothing net\n": '"nothing" is declared beside something',
    "// needs: net\n// needs: ffi\n": "two lines declare needs",
  };
  for (const [text, message] of Object.entries(wrong)) {
    assertThrows(() => readDeclaration(text), SyntaxError, message);
  }
});

Deno.test("flagsOf() gives the flags of deno test", () => {
  const words = ["net", "ffi", "run=deno,sh", "read=.", "port=1060", "tool=zsh", "runtime-base"];
  assertEquals(flagsOf(words), [
    "--allow-net",
    "--allow-ffi",
    "--allow-run=deno,sh",
    "--allow-read=.",
  ]);
  assertEquals(flagsOf(["nothing"]), []);
});

Deno.test("exclusiveOf() keeps fixed ports, terminals, browsers and built programs to one process", () => {
  assertEquals(exclusiveOf(["net", "run=deno,tmux", "write=dist/test", "port=1060,4396"]), [
    ...["port 1060", "port 4396", "dist/test", "terminal"],
  ]);
  for (const run of ["run=chromium", "run=firefox-esr"]) {
    assertEquals(exclusiveOf(["net", run]), ["browser"]);
  }
  assertEquals(exclusiveOf(["net", "run=deno", "write=tests/scratch"]), []);
});

Deno.test("toolsOf() names the programs that a machine may lack", () => {
  assertEquals(toolsOf(["net", "run=deno,ln,openssl,sh"]), ["openssl"]);
  assertEquals(toolsOf(["net", "run=sh", "tool=fish,zsh"]), ["fish", "zsh"]);
  assertEquals(toolsOf(["net", "run=deno,tmux", "runtime-base"]), [
    ...["the runtime base of deno compile", "tmux"],
  ]);
});
