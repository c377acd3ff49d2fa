// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { MAX_MODULES, moduleCountFaults } from "../../scripts/check/module_count.ts";

/** A graph of so many modules. */
function graphOf(count: number) {
  return { modules: Array.from({ length: count }, (_, i) => ({ specifier: `file:///${i}.ts` })) };
}

Deno.test("moduleCountFaults() accepts the allowed number of modules", () => {
  assertEquals(moduleCountFaults(graphOf(MAX_MODULES)), []);
});

Deno.test("moduleCountFaults() reports one module too many", () => {
  assertEquals(moduleCountFaults(graphOf(MAX_MODULES + 1)), [
    "main.ts reaches 171 modules, and at most 170 are allowed: merge small files",
  ]);
});
