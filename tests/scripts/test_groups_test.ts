// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertThrows } from "@std/assert";
import { EXAMPLES, type Group, groupsOf } from "../../scripts/test/groups.ts";
import { nextGroup } from "../../scripts/test/schedule.ts";
import { select, without } from "../../scripts/test/select.ts";

const FILES = [
  { path: "tests/base/b_test.ts", text: "" },
  { path: "tests/base/a_test.ts", text: "" },
  { path: "tests/commands/a_test.ts", text: "// needs: net run=deno (about 60 s)\n" },
  { path: "tests/chat/app/a_test.ts", text: "// needs: net run=deno\n" },
  { path: "tests/terminal/a_test.ts", text: "// needs: net run=deno,tmux\n" },
];

function pathsOf(groups: readonly Group[]): readonly string[] {
  return groups.flatMap(({ paths }) => paths);
}

Deno.test("groupsOf() puts files with the same needs into one group, the longest group first", () => {
  const shown = groupsOf(FILES).map(({ name, permissions, paths }) => ({
    name,
    permissions,
    paths,
  }));
  assertEquals(shown, [
    {
      name: "net run=deno",
      permissions: ["--allow-net", "--allow-run=deno"],
      paths: ["tests/chat/app/a_test.ts", "tests/commands/a_test.ts"],
    },
    {
      name: "net",
      permissions: ["--allow-net"],
      paths: ["tests/base/a_test.ts", "tests/base/b_test.ts"],
    },
    {
      name: "net run=deno,tmux",
      permissions: ["--allow-net", "--allow-run=deno,tmux"],
      paths: ["tests/terminal/a_test.ts"],
    },
  ]);
});

Deno.test("groupsOf() divides many files with the same needs and leaves out none", () => {
  const path = (i: number) => `tests/base/${String(i).padStart(3, "0")}_test.ts`;
  const files = Array.from({ length: 161 }, (_, i) => ({ path: path(i), text: "" }));
  const groups = groupsOf(files);
  assertEquals(groups.map(({ name, paths }) => [name, paths.length]), [
    ["net (part 1 of 3)", 54],
    ["net (part 2 of 3)", 54],
    ["net (part 3 of 3)", 53],
  ]);
  assertEquals(pathsOf(groups).toSorted(), files.map(({ path }) => path));
  assertEquals(groupsOf(files.slice(0, 80)).map(({ name }) => name), ["net"]);
});

Deno.test("groupsOf() names the file whose declaration is wrong", () => {
  const files = [...FILES, { path: "tests/os/a_test.ts", text: "// needs: everything\n" }];
  const message = 'tests/os/a_test.ts: unknown need "everything"';
  assertThrows(() => groupsOf(files), SyntaxError, message);
});

Deno.test("select() returns every test and the examples, or those under paths", () => {
  assertEquals(select(FILES, []).length, 4);
  assertEquals(pathsOf(select(FILES, ["tests/base/"])), [
    "tests/base/a_test.ts",
    "tests/base/b_test.ts",
  ]);
  assertEquals(pathsOf(select(FILES, ["./tests/chat", "tests/terminal/a_test.ts"])), [
    "tests/chat/app/a_test.ts",
    "tests/terminal/a_test.ts",
  ]);
  assertEquals(pathsOf(select(FILES, ["README.md"])), ["--doc", "--no-check", "README.md"]);
  assertEquals(pathsOf(select(FILES, ["lib/udp"])), ["--doc", "--no-check", "lib/udp"]);
  assertEquals(select(FILES, ["."]), select(FILES, []));
});

Deno.test("without() leaves out only the groups that run the program", () => {
  const groups = groupsOf(FILES);
  const names = (programs: readonly string[]) => {
    const { wanted, left } = without(groups, programs);
    return [wanted, left].map((some) => some.map(({ name }) => name));
  };
  assertEquals(names(["tmux"]), [["net run=deno", "net"], ["net run=deno,tmux"]]);
  assertEquals(names(["tmux", "deno"]), [["net"], ["net run=deno", "net run=deno,tmux"]]);
  assertEquals(names(["mux", "net"]), [["net run=deno", "net", "net run=deno,tmux"], []]);
});

Deno.test("select() refuses a path without tests", () => {
  for (const path of ["tests/bas", "main.ts", "core", ""]) {
    assertThrows(() => select(FILES, ["tests/base", path]), SyntaxError, "there is no test under");
  }
});

Deno.test("nextGroup() starts no group while another one uses the same port or terminal", () => {
  const group = (name: string, ...exclusive: string[]): Group => ({ ...EXAMPLES, name, exclusive });
  const terminal = group("a", "terminal");
  const waiting = [group("b", "terminal", "port 1060"), group("c", "port 4396"), group("d")];
  assertEquals(nextGroup(waiting, [])?.name, "b");
  assertEquals(nextGroup(waiting, [terminal])?.name, "c");
  assertEquals(nextGroup(waiting, [terminal, waiting[1]!])?.name, "d");
  assertEquals(nextGroup(waiting.slice(0, 2), [terminal, waiting[1]!]), undefined);
});
