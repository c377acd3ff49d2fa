/**
 * Which tests `deno task test PATH…` runs.
 *
 * @module
 */

import { EXAMPLES, type Group, groupsOf, longestFirst, type TestFile } from "./groups.ts";
import { valuesOf } from "./needs.ts";

/**
 * The groups of the tests under paths.
 *
 * @param files All test files.
 * @param paths Files and folders, relative to the root of the project; none for everything.
 * @throws {SyntaxError} Where there is no test under a path, or a file's declaration is wrong.
 */
export function select(files: readonly TestFile[], paths: readonly string[]): Group[] {
  const roots = paths.map((path) => path.replace(/^\.\//, "").replace(/\/+$/, ""));
  const chosen = roots.length === 0
    ? files
    : files.filter(({ path }) => roots.some((root) => isUnder(path, root)));
  const examples = roots.length === 0 ? EXAMPLES : examplesUnder(roots);
  const found = [...chosen.map(({ path }) => path), ...examples?.paths ?? []];
  const empty = roots.find((root) => !found.some((path) => isUnder(path, root)));
  if (empty !== undefined) throw new SyntaxError(`there is no test under ${empty}`);
  return longestFirst([...groupsOf(chosen), ...(examples === undefined ? [] : [examples])]);
}

/** Divides groups into those that run none of some programs, and the others. */
export function without(
  groups: readonly Group[],
  programs: readonly string[],
): { readonly wanted: Group[]; readonly left: Group[] } {
  const isLeft = ({ permissions }: Group) =>
    valuesOf(permissions, "--allow-run").some((program) => programs.includes(program));
  const { wanted = [], left = [] } = Object.groupBy(
    groups,
    (group) => isLeft(group) ? "left" : "wanted",
  );
  return { wanted, left };
}

/** The examples of the documents and modules that paths name. */
function examplesUnder(roots: readonly string[]): Group | undefined {
  const flags = EXAMPLES.paths.filter((path) => path.startsWith("--"));
  const documented = EXAMPLES.paths.filter((path) => !path.startsWith("--"));
  const chosen = new Set([
    ...documented.filter((path) => roots.some((root) => isUnder(path, root))),
    ...roots.filter((root) => documented.some((path) => isUnder(root, path))),
  ]);
  return chosen.size === 0 ? undefined : { ...EXAMPLES, paths: [...flags, ...chosen] };
}

/** Whether a path is another one, or lies in that folder. */
function isUnder(path: string, root: string): boolean {
  const folder = root.endsWith("/") ? root : `${root}/`;
  return root === "." || `${path}/`.startsWith(folder);
}
