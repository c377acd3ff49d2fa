/**
 * The groups of tests: files with the same needs, which run in one process with exactly their permissions.
 *
 * @module
 */

import { exclusiveOf, flagsOf, readDeclaration, toolsOf } from "./needs.ts";

/** Tests that run in one process, with the same permissions. */
export interface Group {
  /** What its files need, as they declare it. */
  readonly name: string;
  readonly permissions: readonly string[];
  readonly paths: readonly string[];
  /** About how long it takes on two idle cores, while another group runs, in seconds. */
  readonly seconds: number;
  /** What no other group may use meanwhile. */
  readonly exclusive: readonly string[];
  /** What a machine may lack, so that tests of the group are ignored. */
  readonly tools: readonly string[];
}

/** A test file: its path from the root of the project, with `/`, and its text. */
export interface TestFile {
  readonly path: string;
  readonly text: string;
}

/** How long a process takes to load its files, in seconds. */
const START = 4;
/** The most files of one process. Most tests wait, and those of one process wait one after the other. */
const MAX_FILES = 80;

/** The examples of the documents and of the library's docstrings, which `deno test --doc` runs. */
export const EXAMPLES: Group = {
  name: "examples",
  permissions: ["--allow-net"],
  // Unchecked: the runner imports every name for every example, and unused ones are errors here.
  paths: [
    ...["--doc", "--no-check", "README.md", "README.zh.md"],
    ...["docs/tutorial.md", "docs/tutorial.zh.md", "docs/tcp.md", "mod.ts", "lib/"],
  ],
  seconds: 40,
  exclusive: [],
  tools: [],
};

/**
 * Groups test files by what they need. Very many files with the same needs are several groups.
 *
 * @returns The groups, those that take the longest first.
 * @throws {SyntaxError} Where a file's declaration is wrong.
 */
export function groupsOf(files: readonly TestFile[]): Group[] {
  const declared = files.map(({ path, text }) => ({ path, ...readDeclarationOf(path, text) }));
  const byNeeds = Map.groupBy(declared, ({ words }) => words.join(" "));
  const parts = [...byNeeds].flatMap(([name, members]) => {
    const count = Math.ceil(members.length / MAX_FILES);
    if (count === 1) return [{ name, members }];
    return Array.from({ length: count }, (_, part) => ({
      name: `${name} (part ${part + 1} of ${count})`,
      members: members.filter((_, i) => i % count === part),
    }));
  });
  const groups = parts.map(({ name, members }): Group => {
    const { words } = members[0]!;
    return {
      name,
      permissions: flagsOf(words),
      paths: members.map(({ path }) => path).sort(),
      seconds: members.reduce((sum, { seconds }) => sum + seconds, START),
      exclusive: exclusiveOf(words),
      tools: toolsOf(words),
    };
  });
  return longestFirst(groups);
}

/** Sorts groups so that the longest one starts first and does not run on alone in the end. */
export function longestFirst(groups: readonly Group[]): Group[] {
  return groups.toSorted((a, b) => b.seconds - a.seconds);
}

function readDeclarationOf(path: string, text: string) {
  try {
    return readDeclaration(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new SyntaxError(`${path}: ${error.message}`);
  }
}
