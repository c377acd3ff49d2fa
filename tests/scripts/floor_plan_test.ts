// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { floorPlanFaults } from "../../scripts/check/floor_plan.ts";

/** The faults of one file beside some that it imports. */
function faultsOf(path: string, text: string, ...others: string[]): string[] {
  return floorPlanFaults([{ path, text }, ...others.map((other) => ({ path: other, text: "" }))]);
}

Deno.test("floorPlanFaults() accepts an import from a lower room", () => {
  const text = 'import { printable } from "../base/printable.ts";\n';
  assertEquals(faultsOf("lib/os/log.ts", text, "lib/base/printable.ts"), []);
});

Deno.test("floorPlanFaults() names an import that goes up, static, dynamic or re-exported", () => {
  const rule = "lib/base/a.ts imports lib/os/log.ts: base may import nothing";
  for (
    const text of [
      'import { log } from "../os/log.ts";',
      'import {\n  log,\n} from "../os/log.ts";',
      'import type { Log } from "../os/log.ts";',
      'const { log } = await import("../os/log.ts");',
      'export * from "../os/log.ts";',
      'export { log } from "../os/log.ts";',
      'import "../os/log.ts";',
    ]
  ) assertEquals(faultsOf("lib/base/a.ts", text, "lib/os/log.ts"), [rule], text);
});

Deno.test("floorPlanFaults() names an import of seal/ or member/ by the relay", () => {
  for (const room of ["seal", "member"]) {
    const [fault] = faultsOf(
      "lib/chat/relay/relay.ts",
      `import { x } from "../${room}/x.ts";`,
      `lib/chat/${room}/x.ts`,
    );
    assertEquals(
      fault,
      `lib/chat/relay/relay.ts imports lib/chat/${room}/x.ts: chat/relay may import chat/link.ts, chat/identity, chat/wire, base`,
    );
  }
});

Deno.test("floorPlanFaults() names an import cycle, one of lazy imports included", () => {
  const files = [
    { path: "lib/os/a.ts", text: 'import { b } from "./b.ts";' },
    { path: "lib/os/b.ts", text: 'const a = () => import("./a.ts");' },
  ];
  assertEquals(floorPlanFaults(files), ["import cycle: lib/os/a.ts -> lib/os/b.ts -> lib/os/a.ts"]);
});

Deno.test("floorPlanFaults() names a file that lies in no room", () => {
  assertEquals(faultsOf("lib/loose.ts", ""), ["lib/loose.ts is in no room of the floor plan"]);
  assertEquals(faultsOf("lib/chat/loose.ts", ""), [
    "lib/chat/loose.ts is in no room of the floor plan",
  ]);
});

Deno.test("floorPlanFaults() names Deno and node: in code for browsers, but not in comments", () => {
  assertEquals(faultsOf("lib/chat/wire/a.ts", "const x = Deno.args;"), [
    "lib/chat/wire/a.ts names Deno: chat/wire runs in a browser as well",
  ]);
  assertEquals(faultsOf("lib/base/a.ts", 'import os from "node:os";'), [
    'lib/base/a.ts names "node:os": base runs in a browser as well',
  ]);
  assertEquals(faultsOf("lib/base/a.ts", "// Deno.args\n/* node:os Deno */\n"), []);
  assertEquals(faultsOf("lib/os/a.ts", "Deno.args;"), []);
});

Deno.test("floorPlanFaults() allows only re-exports in a public module, and no import of one", () => {
  const face = 'export { log, type Log } from "./os/log.ts";\nexport * from "./os/log.ts";\n';
  assertEquals(faultsOf("lib/info.ts", face, "lib/os/log.ts"), []);
  assertEquals(faultsOf("lib/info.ts", "export const X = 1;"), [
    "lib/info.ts defines something: a public module re-exports only",
  ]);
  assertEquals(faultsOf("lib/os/a.ts", 'import { x } from "../info.ts";'), [
    "lib/os/a.ts imports lib/info.ts, a public module: import the file that defines the name",
  ]);
});
