// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Failure } from "../../lib/base/failure.ts";
import { loadBuiltinsLazily } from "../../scripts/compile/lazy_builtins.ts";

const REQUIRE = `import { createRequire as __deno_internal_createRequire } from "node:module";
var __require = __deno_internal_createRequire(import.meta.url);
`;

const BUNDLE = `${REQUIRE}
// lib/key.ts
import { PassThrough } from "node:stream";
import { Buffer as Buffer2, kMaxLength } from "node:buffer";
function make() {
  return [new PassThrough(), Buffer2, kMaxLength];
}
var init_key = __esm({
  "lib/key.ts"() {
    init_other();
  }
});

// lib/dns.ts
import { lookup } from "node:dns/promises";
var init_dns = __esm({
  "lib/dns.ts"() {
  }
});
`;

Deno.test("loadBuiltinsLazily() takes node: modules where the module runs that imports them", () => {
  assertEquals(
    loadBuiltinsLazily(BUNDLE),
    `var __require = (name) => process.getBuiltinModule(name);

// lib/key.ts
var PassThrough;
var Buffer2, kMaxLength;
function make() {
  return [new PassThrough(), Buffer2, kMaxLength];
}
var init_key = __esm({
  "lib/key.ts"() {
    ({ PassThrough } = process.getBuiltinModule("node:stream"));
    ({ Buffer: Buffer2, kMaxLength } = process.getBuiltinModule("node:buffer"));
    init_other();
  }
});

// lib/dns.ts
var lookup;
var init_dns = __esm({
  "lib/dns.ts"() {
    ({ lookup } = process.getBuiltinModule("node:dns/promises"));
  }
});
`,
  );
});

Deno.test("loadBuiltinsLazily() leaves a bundle without require and without imports as it is", () => {
  const program = "// lib/a.ts\nvar a = 1;\n";
  assertEquals(loadBuiltinsLazily(program), program);
});

for (
  const [what, program, why] of [
    ["sets up require twice", REQUIRE + REQUIRE, "set up 2 times"],
    [
      "imports in a module that runs at every start",
      `${REQUIRE}\n// lib/a.ts\nimport { a } from "node:os";\na();\n\n// lib/b.ts\nvar init_b = __esm({\n  "lib/b.ts"() {\n  }\n});\n`,
      "runs at every start",
    ],
    [
      "imports at its end",
      `${REQUIRE}\n// main.ts\nimport { a } from "node:os";\na();\n`,
      "runs at every start",
    ],
    [
      "imports a default",
      `${REQUIRE}\n// a.ts\nimport os from "node:os";\nvar init_a = __esm({\n  "a.ts"() {\n  }\n});\n`,
      "import os from",
    ],
    ["imports for the effect", `${REQUIRE}import "./a.js";\n`, 'import "./a.js";'],
  ] as const
) {
  Deno.test(`loadBuiltinsLazily() refuses a bundle that ${what}`, () => {
    const failure = assertThrows(() => loadBuiltinsLazily(program), Failure);
    assertEquals(failure.code, "NOT_LAZY");
    assertStringIncludes(failure.why, why);
  });
}
