// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Failure } from "../../lib/base/failure.ts";
import { markEarly, type Range } from "../../scripts/compile/early.ts";
import {
  type Beside,
  chunksOnlyFor,
  completed,
  joinBeside,
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

/** Completes and runs a program, and returns what it has seen. */
async function run(program: string): Promise<unknown[]> {
  const seen: unknown[] = [];
  await new Function("seen", `return (async () => {${completed(program)}})()`)(seen);
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

/** The group `far` in a file beside the program. */
function farBeside(read: Beside["read"]): Beside {
  const chunks = chunksOnlyFor(GROUPS, "main.js", ["lib/far/"], "lib/table.ts");
  return { file: "rest.js", chunks, read };
}

for (
  const [read, imported] of [
    ["at the start", 'import("./rest.js")'],
    ["later", 'import(new URL("rest.js", import.meta.url).href)'],
  ] as const
) {
  Deno.test(`joinChunks() moves chunks to a second file that Deno reads ${read}`, async () => {
    const beside = farBeside(read);
    const program = completed(joinChunks(GROUPS, "main.js", new Set(), [beside]));
    for (const name of GROUPS.keys()) {
      assertEquals(program.includes(`"${name}": `), !beside.chunks.has(name) && name !== "main.js");
    }
    const text = completed(joinBeside(GROUPS, beside.chunks));
    const rest = `data:text/javascript,${encodeURIComponent(text)}`;
    assert(program.includes(imported), program);
    const here = program.replace(
      imported,
      `(seen.push("imported"), import(${JSON.stringify(rest)}))`,
    );
    assertEquals(await run(here), ["base", "near base", "imported", "far base", "far base"]);
  });
}

Deno.test("joinChunks() puts only the named chunks in parentheses", () => {
  const program = completed(joinChunks(GROUPS, "main.js", new Set(["near-C.js"])));
  assertMatch(program, /"near-C\.js": \(\(\) => \{/);
  assertMatch(program, /"base-B\.js": \(\) => \{/);
});

/** A chunk, and a word in each of its functions that are to be compiled early. */
const FUNCTIONS = `// lib/sum.ts
seen.push(typeof add);
var sum = (one, two) => [one].map(async (each) => add(each, two));
var named = function(one) {
  return add(one, 2);
};
class Counter {
  count(one) {
    return [one].map((each) => each + 3);
  }
}
function add(one, two) {
  if (one < 0) {
    return idle();
  }
  return one + two;
}
function idle() {
  return () => "}";
}
async function* listed(all) {
  yield* all;
}
seen.push(named(1), new Counter().count(1)[0], await sum(1, 2)[0]);
`;

/** Where a text has these functions. */
function rangesOf(text: string, functions: readonly string[]): Range[] {
  return functions.map((each) => {
    const start = text.indexOf(each);
    const end = each.endsWith("{") ? text.indexOf("\n}", start) + 2 : start + each.length;
    return [start, end];
  });
}

Deno.test("markEarly() puts the given functions in parentheses, and no method", async () => {
  const ranges = rangesOf(FUNCTIONS, [
    "(one, two) => [one].map(async (each) => add(each, two))",
    "async (each) => add(each, two)",
    "function(one) {",
    "count(one) {",
    "(each) => each + 3",
    "function add(one, two) {",
    "async function* listed(all) {",
  ]);
  const text = completed(markEarly(FUNCTIONS, ranges));
  assertEquals(await run(text), ["function", 3, 4, 3]);
  for (
    const marked of [
      "var sum = ((one, two) => [one].map((async (each) => add(each, two))));",
      "var named = (function(one) {\n  return add(one, 2);\n});",
      "  count(one) {\n    return [one].map(((each) => each + 3));\n  }\n",
      "var add = (function add(one, two) {\n",
      "var listed = (async function* listed(all) {\n",
      '\nfunction idle() {\n  return () => "}";\n}\n',
    ]
  ) assert(text.includes(marked), `${text}\n has no ${marked}`);
});

Deno.test("markEarly() changes nothing where no function ran", () => {
  assertEquals(markEarly(FUNCTIONS, []), FUNCTIONS);
});
