// needs: net run=deno read=.

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { granted } from "../fixtures/granted.ts";

const FIXTURE = new URL("../fixtures/std_misuse.ts", import.meta.url);
const ROOT = new URL("../../", import.meta.url);
const READ = granted("read=.");

Deno.test({
  name: "deno check refuses wrong uses of the standard library through types/",
  ignore: !granted("run=deno") || !READ,
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

/** Every module of the project, as its path from the root and its text. */
async function* modules(folder = ""): AsyncGenerator<readonly [path: string, text: string], void> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    const path = folder + name;
    if (isDirectory && !name.startsWith(".") && name !== "dist") yield* modules(`${path}/`);
    else if (name.endsWith(".ts")) yield [path, await Deno.readTextFile(new URL(path, ROOT))];
  }
}

/** Imports of the standard library, static and dynamic, with the comment before them if there is one. */
const STD_IMPORT =
  /(?:\/\/ @ts-types="([^"]*)"\n)?(?:^(?:import|export) [^;"]*?from "|(?: *const [^;"]*?await )?import\(")(@std\/[^"]+)"/gm;

Deno.test({
  name: "every import of the standard library has a declaration in types/, and each one is tested",
  ignore: !READ,
  fn: async () => {
    let seen = 0;
    const modulesSeen = new Set<string>();
    for await (const [path, text] of modules()) {
      for (const [, face, specifier] of text.matchAll(STD_IMPORT)) {
        const name = specifier === "@std/assert" ? "std_assert.d.ts" : "std.d.ts";
        assert(
          face?.endsWith(`/types/${name}`),
          `${path}: ${specifier} has no @ts-types before it`,
        );
        seen += 1;
        modulesSeen.add(specifier!);
      }
    }
    assert(seen > 20, `${seen} imports were seen`);
    const misuse = await Deno.readTextFile(FIXTURE);
    for (const each of modulesSeen) {
      assert(misuse.includes(`from "${each}"`), `${each} is not tried`);
    }
  },
});
