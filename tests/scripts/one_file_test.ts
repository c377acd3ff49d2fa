// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Failure } from "../../lib/base/failure.ts";
import {
  chunksOnlyFor,
  compileEarly,
  joinApart,
  joinChunks,
} from "../../scripts/compile/one_file.ts";

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

Deno.test("joinChunks() runs each chunk once, when it is first imported", async () => {
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

Deno.test("joinChunks() accepts a package with only a default export", () => {
  const chunks = new Map([
    ["main.js", 'import("./old-A.js").then(({ default: old }) => globalThis.old = old);\n'],
    ["old-A.js", "var require_old = () => 41;\nexport default require_old();\n"],
  ]);
  const program = joinChunks(chunks, "main.js");
  assertMatch(program, /return \{ default: require_old\(\) \};/);
});

/** A table that imports two commands lazily, one of them by a chunk that only passes it on. */
const GROUPS = new Map([
  ["main.js", 'const { run } = await import("./table-A.js");\nawait run();\n'],
  [
    "table-A.js",
    `import { base } from "./base-B.js";
// lib/table.ts
var run = async () => {
  seen.push(base, (await import("./near-C.js")).near);
  seen.push((await import("./far-D.js")).far, (await import("./far-D.js")).far);
};
export { run };
`,
  ],
  ["base-B.js", '// lib/base/base.ts\nvar base = "base";\nexport { base };\n'],
  [
    "near-C.js",
    'import { base } from "./base-B.js";\n// lib/near/near.ts\nvar near = `near ${base}`;\nexport { near };\n',
  ],
  ["far-D.js", 'import { far } from "./chunk-E.js";\nexport { far };\n'],
  [
    "chunk-E.js",
    `import { base } from "./base-B.js";
import { help } from "./help-F.js";
// lib/far/far.ts
var far = help(base);
export { far };
`,
  ],
  ["help-F.js", "// lib/help.ts\nvar help = (text) => `far ${text}`;\nexport { help };\n"],
]);

Deno.test("chunksOnlyFor() returns the chunks that only some folders need, with their re-exports", () => {
  assertEquals(
    [...chunksOnlyFor(GROUPS, "main.js", ["lib/far/"], "lib/table.ts")],
    ["far-D.js", "chunk-E.js", "help-F.js"],
  );
});

Deno.test("chunksOnlyFor() refuses a folder that another module imports", () => {
  const only = (chunks: ReadonlyMap<string, string>, by = "lib/table.ts") => () =>
    chunksOnlyFor(chunks, "main.js", ["lib/far/"], by);
  assertThrows(only(GROUPS, "main.ts"), Failure, "table-A.js imports far-D.js, as main.ts may");
  const near = `import "./chunk-E.js";\n${GROUPS.get("near-C.js")}`;
  assertThrows(only(new Map([...GROUPS, ["near-C.js", near]])), Failure, "others need chunk-E.js");
});

Deno.test("joinChunks() moves chunks to a second file that is imported when one of them is needed", async () => {
  const apart = chunksOnlyFor(GROUPS, "main.js", ["lib/far/"], "lib/table.ts");
  const program = joinChunks(GROUPS, "main.js", new Set(), apart);
  for (const name of GROUPS.keys()) {
    assertEquals(program.includes(`"${name}": `), !apart.has(name) && name !== "main.js");
  }
  const rest = `data:text/javascript,${encodeURIComponent(joinApart(GROUPS, apart))}`;
  const imported = 'import(new URL("rest.js", import.meta.url).href)';
  const here = program.replace(
    imported,
    `(seen.push("imported"), import(${JSON.stringify(rest)}))`,
  );
  assertEquals(await run(here), ["base", "near base", "imported", "far base", "far base"]);
});

Deno.test("compileEarly() puts only the named chunks and their functions in parentheses", async () => {
  const chunks = new Map([
    [
      "main.js",
      'seen.push((await import("./sum-A.js")).sum(1, 2), (await import("./b-B.js")).b());\n',
    ],
    [
      "sum-A.js",
      `// lib/sum.ts
seen.push(typeof add);
var sum = (one, two) => add(one, two);
function add(one, two) {
  if (one < 0) {
    return idle();
  }
  return one + two;
}
function idle() {
  return "}";
}
async function* add2() {
}
export { sum };
`,
    ],
    [
      "b-B.js",
      "function add() {\n  return 4;\n}\nfunction b() {\n  return add();\n}\nexport { b };\n",
    ],
  ]);
  const program = compileEarly(joinChunks(chunks, "main.js", new Set(["sum-A.js", "add", "add2"])));
  assertEquals(await run(program), ["function", 3, 4]);
  assertMatch(program, /"sum-A\.js": \(\(\) => \{/);
  assertMatch(program, /^var add = \(function add\(one, two\) \{$/m);
  assertMatch(program, /^var add2 = \(async function\* add2\(\) \{$/m);
  assertMatch(program, /^function idle\(\) \{$/m);
  assertMatch(program, /"b-B\.js": \(\) => \{\nfunction add\(\) \{$/m);
});
