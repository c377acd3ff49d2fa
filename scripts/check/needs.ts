/**
 * Compares what test files declare with what their code asks for.
 *
 * A test file asks for a permission by `granted("run=deno")`, in its own text or in that of a file of `tests/` that
 * it imports. It declares all that is asked for, and nothing else, so that `deno test --allow-net` ignores what it
 * cannot run and `deno task test` grants what is needed.
 *
 * @module
 */

import { isTest } from "../test/files.ts";
import type { TestFile } from "../test/groups.ts";
import { readDeclaration, valuesOf } from "../test/needs.ts";
import { importsOf, withoutComments } from "./floor_plan.ts";

/** The words that {@linkcode asksOf} may find; the others of a declaration are no permissions. */
const PERMISSIONS = ["ffi", "sys", "run", "read", "write"] as const;

/**
 * Compares declarations with code.
 *
 * @param files Every file of `tests/`.
 * @returns One line for each fault, with the file; empty if there is none.
 */
export function needsFaults(files: readonly TestFile[]): string[] {
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  return files.flatMap((file) => isTest(file) ? faultsOf(file, texts) : misplaced(file))
    .map(({ path, fault }) => `${path}: ${fault}`);
}

interface Fault {
  readonly path: string;
  readonly fault: string;
}

function misplaced({ path, text }: TestFile): Fault[] {
  const declares = /^\/\/ needs: /m.test(text);
  return declares ? [{ path, fault: "declares needs, but only a file *_test.ts does" }] : [];
}

function faultsOf({ path, text }: TestFile, texts: ReadonlyMap<string, string>): Fault[] {
  let words: readonly string[];
  try {
    words = readDeclaration(text).words;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return [{ path, fault: error.message }];
  }
  const declared = PERMISSIONS.flatMap((kind) => singles(words, kind));
  const { asked, faults } = asksWithin(path, texts);
  return [
    ...faults.map((fault) => ({ path, fault })),
    ...asked.filter((one) => !declared.includes(one))
      .map((one) => ({ path, fault: `asks for ${one} and does not declare it` })),
    ...declared.filter((one) => !asked.includes(one))
      .map((one) => ({ path, fault: `declares ${one} and does not ask for it` })),
  ];
}

/** The parts of a word: `run=deno` and `run=sh` of `run=deno,sh`. */
function singles(words: readonly string[], kind: string): string[] {
  return words.includes(kind) ? [kind] : valuesOf(words, kind).map((value) => `${kind}=${value}`);
}

/** What a file and those that it imports from `tests/` ask for. */
function asksWithin(path: string, texts: ReadonlyMap<string, string>) {
  const asked = new Set<string>();
  const faults: string[] = [];
  const seen = new Set<string>();
  const waiting = [path];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const text = texts.get(next);
    if (text === undefined || seen.has(next)) continue;
    seen.add(next);
    const code = withoutComments(text);
    waiting.push(...importsOf(next, code));
    for (const argument of argumentsOf(code)) {
      const word = /^"([^"]+)"$/.exec(argument)?.[1];
      if (word === undefined) {
        faults.push(`${next} asks by something else than a string: ${argument}`);
      } else for (const one of singles([word], word.split("=")[0]!)) asked.add(one);
    }
  }
  // The network is granted to every test but those that declare "nothing".
  asked.delete("net");
  return { asked: [...asked], faults };
}

/** The arguments of every call of `granted()`. */
function argumentsOf(code: string): string[] {
  return [...code.matchAll(/(?<!function )\bgranted\(([^)]*)\)/g)].flatMap(([, list = ""]) =>
    list.trim().replace(/,$/, "").split(/,\s+/)
  );
}
