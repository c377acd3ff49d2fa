// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertNotEquals } from "@std/assert";
import { granted, MAY_RUN_DENO } from "../granted.ts";

const FIXTURE = new URL("../fixtures/std_misuse.ts", import.meta.url);
const READ = granted({ name: "read", path: FIXTURE });

Deno.test({
  name: "deno check refuses every wrong use of the standard library through its typed faces",
  ignore: !MAY_RUN_DENO || !READ,
  fn: async () => {
    const lines = (await Deno.readTextFile(FIXTURE)).split("\n");
    const first = lines.findIndex((line) => line.startsWith("parseArgs"));
    const wrong = lines.slice(first, lines.findIndex((line) => line.startsWith("export"))).length;
    const { code, stderr } = await new Deno.Command("deno", {
      args: ["check", "--frozen", FIXTURE.pathname],
      env: { NO_COLOR: "1" },
    }).output();
    assertNotEquals(code, 0);
    const refused = new Set(
      [...new TextDecoder().decode(stderr).matchAll(/std_misuse\.ts:(\d+):/g)].map((m) => m[1]),
    );
    assertEquals(refused.size, wrong);
  },
});
