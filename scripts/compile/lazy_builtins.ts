/**
 * Keeps a bundle from loading the runtime's `node:` modules before they are used.
 *
 * In a bundle of one file the modules that are imported dynamically are functions, which run when
 * they are asked for. Their static imports of `node:` modules stay imports of the whole file, though,
 * and are loaded at every start, with all that lies beneath them; and so is `node:module`, for the
 * `require` of CommonJS packages.
 *
 * @module
 */

import { Failure } from "../../lib/base/failure.ts";

/** What the bundler writes for the `require` of CommonJS. */
const REQUIRE = `import { createRequire as __deno_internal_createRequire } from "node:module";
var __require = __deno_internal_createRequire(import.meta.url);
`;

/** Nothing but `node:` modules is left to require: everything else is in the bundle. */
const LAZY_REQUIRE = `var __require = (name) => process.getBuiltinModule(name);
`;

const IMPORT = /^import \{ ([^{}]+) \} from ("node:[a-z_/]+");\n/gm;
const MODULE = /^ {2}"[^"\n]+"\(\) \{\n/gm;

/**
 * Makes a bundle take `node:` modules when the module that imports them runs: through
 * `process.getBuiltinModule()` (Node.js API, process), which is synchronous and needs no permission.
 *
 * @param program The bundle, as `deno bundle` makes it without minifying.
 * @returns The same program, without a static import.
 * @throws {Failure} `NOT_LAZY`, where the bundle is not as expected.
 */
export function loadBuiltinsLazily(program: string): string {
  const parts = program.split(REQUIRE);
  // Without a CommonJS package in it that requires something, a bundle has no require.
  if (parts.length > 2) throw notLazy(`its require is set up ${parts.length - 1} times`);
  let lazy = parts.join(LAZY_REQUIRE);
  // From the end, so that the places of those before stay.
  for (const found of [...lazy.matchAll(IMPORT)].reverse()) {
    const [line, names = "", module = ""] = found;
    const { declared, taken } = bindings(names, module);
    const after = found.index + line.length;
    const start = bodyAfter(lazy, after);
    lazy = lazy.slice(0, found.index) + declared + lazy.slice(after, start) + taken +
      lazy.slice(start);
  }
  const left = /^import\b.*$/m.exec(lazy);
  if (left !== null) throw notLazy(`it still has the line ${left[0]}`);
  return lazy;
}

/** The declaration for a whole file of what an import names, and what gives it its value. */
function bindings(names: string, module: string): { declared: string; taken: string } {
  const pairs = names.split(", ").map((each) => each.split(" as "));
  const locals = pairs.map(([name, local = name]) => local);
  const pattern = pairs.map((pair) => pair.join(": ")).join(", ");
  return {
    declared: `var ${locals.join(", ")};\n`,
    taken: `    ({ ${pattern} } = process.getBuiltinModule(${module}));\n`,
  };
}

/** Where the function begins that runs the module whose imports end at a place. */
function bodyAfter(program: string, place: number): number {
  MODULE.lastIndex = place;
  const found = MODULE.exec(program);
  const end = program.slice(place).search(/^\/\/ \S+\.[a-z]+$/m);
  if (found === null || (end >= 0 && found.index > place + end)) {
    throw notLazy("a module that imports node: modules runs at every start");
  }
  return found.index + found[0].length;
}

function notLazy(why: string): Failure {
  return new Failure({ what: "cannot make the program start quickly", why, code: "NOT_LAZY" });
}
