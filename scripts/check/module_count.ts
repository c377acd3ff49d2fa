/**
 * The number of modules that the program consists of. Each one costs 0.04 to 0.06 ms at every start.
 *
 * @module
 */

/** What `deno info --json` prints of a module graph, as far as it is used. */
export interface ModuleGraph {
  readonly modules: readonly { readonly specifier: string }[];
}

/** The most modules that `main.ts` may reach: lazy imports, packages, `node:` modules and type faces included. */
export const MAX_MODULES = 170;

/**
 * Counts the modules of the program.
 *
 * @param graph The graph of `main.ts`.
 * @returns One line if there are more than {@linkcode MAX_MODULES}; empty otherwise.
 */
export function moduleCountFaults({ modules }: ModuleGraph): string[] {
  const count = modules.length;
  if (count <= MAX_MODULES) return [];
  return [
    `main.ts reaches ${count} modules, and at most ${MAX_MODULES} are allowed: merge small files`,
  ];
}
