// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Failure } from "../../lib/base/failure.ts";
import { chunksOf, compileEarly, joinChunks } from "../../scripts/compile/one_file.ts";

const BUNDLE = new Map([
  [
    "main.js",
    `// main.ts
seen.push("main");
const { show } = await import("./show-A.js");
seen.push(show());
`,
  ],
  [
    "show-A.js",
    `import {
  one,
  two as second
} from "./chunk-B.js";
import "./chunk-C.js";

// lib/show.ts
import { sep } from "node:path";
var show = () => [one, second, sep].join();
export {
  show
};
`,
  ],
  [
    "chunk-B.js",
    `import whole from "./chunk-C.js";

// lib/base/one.ts
seen.push("B");
var one = whole;
var dos = 2;
export {
  one,
  dos as two
};
`,
  ],
  [
    "chunk-C.js",
    `// lib/base/number.ts
seen.push("C");
var number = 1;
export {
  number as default
};
`,
  ],
  [
    "unused-D.js",
    `seen.push("D");
`,
  ],
]);

/** Runs a program, and returns what it has seen. */
async function run(program: string): Promise<unknown[]> {
  const seen: unknown[] = [];
  await new Function("seen", `return (async () => {${program}})()`)(seen);
  return seen;
}

Deno.test("joinChunks() makes a program that runs each chunk once, when it is first needed", async () => {
  const { sep } = await import("node:path");
  const program = joinChunks(BUNDLE, "main.js");
  assertEquals(await run(program), ["main", "C", "B", `1,2,${sep}`]);
  assert(!/^(?:import|export)\b/m.test(program), program);
});

Deno.test("joinChunks() runs a CommonJS module, and loads node:module for none", async () => {
  const { sep } = await import("node:path");
  const chunks = new Map([
    [
      "main.js",
      `const { default: { shown } } = await import("./1.0-A.js");
seen.push(shown);
`,
    ],
    [
      "1.0-A.js",
      `import { __commonJS, __require } from "./chunk-B.js";
var require__ = __commonJS({
  "index.js"(exports, module) {
    module.exports = { shown: __require("node:path").sep };
  }
});
export default require__();
`,
    ],
    [
      "chunk-B.js",
      `var names = Object.getOwnPropertyNames;
import { createRequire as __createRequire } from "node:module";
var __require = __createRequire(import.meta.url);
var __commonJS = (cb, mod) => function __require2() {
  return mod || (0, cb[names(cb)[0]])((mod = { exports: {} }).exports, mod), mod.exports;
};
export { __commonJS, __require };
`,
    ],
  ]);
  const program = joinChunks(chunks, "main.js");
  assertEquals(await run(program), [sep]);
  assert(!program.includes("node:module"), program);
});

Deno.test("joinChunks() refuses chunks that import something else", () => {
  for (
    const [line, why] of [
      ['import { x } from "npm:x";', "imports npm:x"],
      ["export const one = 1;", "still has the line export const one = 1;"],
    ] as const
  ) {
    const chunks = new Map([["main.js", `${line}\n`]]);
    assertThrows(() => joinChunks(chunks, "main.js"), Failure, why);
  }
  assertThrows(() => joinChunks(new Map(), "main.js"), Failure, "there is no main.js");
});

Deno.test("joinChunks() takes a package that has a default export alone", () => {
  const chunks = new Map([
    ["main.js", 'import("./old-A.js").then(({ default: old }) => globalThis.old = old);\n'],
    ["old-A.js", "var require_old = () => 41;\nexport default require_old();\n"],
  ]);
  const program = joinChunks(chunks, "main.js");
  assertMatch(program, /return \{ default: require_old\(\) \};/);
});

Deno.test("chunksOf() returns the chunks of modules, and those that these import", () => {
  assertEquals([...chunksOf(BUNDLE, ["lib/base/one.ts"])], ["chunk-B.js", "chunk-C.js"]);
  assertEquals(chunksOf(BUNDLE, ["lib/show.ts"]).size, 3);
  assertThrows(() => chunksOf(BUNDLE, ["lib/gone.ts"]), Failure, "lib/gone.ts is in none");
});

Deno.test("compileEarly() puts the functions of the named chunks in parentheses", () => {
  const program = `x={"a-1.js":()=>{f({b:1})},"b-2.js":()=>{g()},"-":0};main();`;
  assertEquals(
    compileEarly(program, new Set(["a-1.js"])),
    `x={"a-1.js":(()=>{f({b:1})}),"b-2.js":()=>{g()},"-":0};main();`,
  );
  assertEquals(
    compileEarly(program, new Set(["b-2.js"])),
    `x={"a-1.js":()=>{f({b:1})},"b-2.js":(()=>{g()}),"-":0};main();`,
  );
  assertThrows(() => compileEarly(program, new Set(["c-3.js"])), Failure, "c-3.js is not in it");
});
