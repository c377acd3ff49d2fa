// needs: net read=.

/**
 * Checks that each row of the threat model names an attacker and an existing test.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { granted } from "../fixtures/granted.ts";
import { readDocument } from "./documents.ts";

const ignore = !granted("read=.");

/** The rows of the tables of section 14, each as its cells. */
async function threats(): Promise<string[][]> {
  const spec = await readDocument("docs/protocol.md");
  const section = spec.slice(spec.indexOf("## 14."), spec.indexOf("## 15."));
  return [...section.matchAll(/^\| (?!-)(.*) \|$/gm)]
    .map(([, row]) => row!.split("|").map((cell) => cell.trim()))
    .filter(([first]) => first !== "attacker");
}

/** Returns the path and the name of the test that a cell names; undefined if it names none. */
function testIn(cell: string | undefined): { path: string; test: string } | undefined {
  const [, file, test] = /^`([^`]+_test\.ts)` › (.+)$/.exec(cell ?? "") ?? [];
  if (file === undefined) return undefined;
  return { path: file.startsWith("tests/") ? file : `tests/chat/${file}`, test: test! };
}

/** The names of the tests of a file, as patterns: a name that a loop makes has `${…}` in it. */
async function namesIn(path: string): Promise<RegExp[]> {
  const source = await readDocument(path);
  const names = source.matchAll(/(?:Deno\.test\(|\bname:)\s*(["`])((?:\\.|(?!\1)[^\\])*)\1/g);
  return [...names].map(([, , name]) => {
    const fixed = name!.replaceAll('\\"', '"').split(/\$\{[^}]*\}/);
    return new RegExp(`^${fixed.map((part) => RegExp.escape(part)).join(".+")}$`);
  });
}

Deno.test({
  name: "each row of the threat model names an attacker and a test that exists",
  ignore,
  async fn() {
    const rows = await threats();
    assert(rows.length > 90, `${rows.length} rows`);
    const attackers = new Set(["an onlooker", "a relay", "a member", "anybody", "a thief"]);
    const names = new Map<string, Promise<RegExp[]>>();
    const wrong: string[] = [];
    for (const [i, [who, claim, cell]] of rows.entries()) {
      // A row without a claim names another test of the one above it.
      const isAnother = i > 0 && who === "" && claim === "";
      const named = testIn(cell);
      if (named === undefined || !isAnother && (!attackers.has(who!) || claim === "")) {
        wrong.push(`${who}: ${claim}`);
        continue;
      }
      const { path, test } = named;
      const known = names.get(path) ?? namesIn(path);
      names.set(path, known);
      if (!(await known).some((name) => name.test(test))) wrong.push(`${path} › ${test}`);
    }
    assertEquals(wrong, []);
  },
});
