/**
 * Joins the chunks of a bundle into one program, in which each chunk is a function that runs when it is first needed.
 *
 * The bundler's own single file declares every function of every module at the top. Deno keeps that part compiled, and
 * reading 260 KB of it took 2 ms at each start. In a joined program the top is 80 functions, of which a command runs a
 * few. `node:` modules are loaded when a chunk that imports them runs, and not at every start.
 *
 * @module
 */

import { Failure } from "../../lib/base/failure.ts";

/** A static import. */
const IMPORT = /^import (?:(?:(\w+)(?:, | ))?(?:\{([^}]*)\} )?from )?"([^"]+)";\n/gm;
const EXPORT = /^export \{([^}]*)\};\n/gm;
const EXPORT_DEFAULT = /^export default (.+);\n/gm;
/** What the bundler gives CommonJS modules as `require()`. Its place is the chunk that every other one imports. */
const REQUIRE =
  /^import \{ createRequire as (\w+) \} from "node:module";\nvar __require = \1\(import\.meta\.url\);\n/m;
const LAZY_IMPORT = /\bimport\("\.\/([^"]+)"\)/g;

/** A chunk as the body of a function. */
interface Body {
  readonly text: string;
  /** The chunks that it imports, without those that it imports lazily. */
  readonly imports: readonly string[];
}

/**
 * Joins chunks.
 *
 * @param chunks The files of `deno bundle --code-splitting`, by name, not minified.
 * @param entry The name of the file that runs at the start.
 * @returns The program, without a static import.
 * @throws {Failure} `NOT_JOINED` if the chunks are not as expected.
 */
export function joinChunks(chunks: ReadonlyMap<string, string>, entry: string): string {
  const main = chunks.get(entry);
  if (main === undefined) throw notJoined(`there is no ${entry}`);
  const functions = [...chunks].filter(([name]) => name !== entry)
    .map(([name, text]) => `  "${name}": () => {\n${bodyOf(name, text).text}  },\n`);
  return `const __loaded = {};
const __load = (name) => __loaded[name] ??= __chunks[name]();
const __chunks = {
${functions.join("")}  "${LAST}": 0,
};
${bodyOf(entry, main).text}`;
}

/** The key after the last chunk. It shows where the function before it ends. */
const LAST = "-";

function bodyOf(name: string, text: string): Body {
  const imports: string[] = [];
  const body = text
    .replace(REQUIRE, "var __require = (name) => process.getBuiltinModule(name);\n")
    .replace(
      IMPORT,
      (_line, whole: string | undefined, names: string | undefined, from: string) => {
        const builtin = from.startsWith("node:");
        if (!builtin && !from.startsWith("./")) throw notJoined(`${name} imports ${from}`);
        if (!builtin) imports.push(from.slice(2));
        const value = builtin
          ? `process.getBuiltinModule("${from}")`
          : `__load("${from.slice(2)}")`;
        const bindings = [
          ...(whole === undefined ? [] : [`default: ${whole}`]),
          ...listed(names).map(([theirs, ours]) => theirs === ours ? ours : `${theirs}: ${ours}`),
        ];
        return bindings.length === 0
          ? `${value};\n`
          : `const { ${bindings.join(", ")} } = ${value};\n`;
      },
    )
    .replace(EXPORT, (_line, names: string) => {
      const fields = listed(names).map(([ours, theirs]) => `"${theirs}": ${ours}`);
      return `return { ${fields.join(", ")} };\n`;
    })
    // A CommonJS package that is loaded lazily.
    .replace(EXPORT_DEFAULT, (_line, value: string) => `return { default: ${value} };\n`)
    .replace(
      LAZY_IMPORT,
      (_call, from: string) => `Promise.resolve().then(() => __load("${from}"))`,
    );
  const left = /^(?:import|export)\b.*$/m.exec(body);
  if (left !== null) throw notJoined(`${name} still has the line ${left[0]}`);
  return { text: body, imports };
}

/** The pairs of a list such as `a, b as c`. */
function listed(names = ""): [string, string][] {
  return names.split(",").map((each) => each.trim()).filter((each) => each !== "").map((each) => {
    const [first = "", second = first] = each.split(" as ");
    return [first, second.replace(/^"(.*)"$/, "$1")];
  });
}

/**
 * Returns the names of the chunks that hold some modules, and of those that these import.
 *
 * @param chunks The files of the bundle, by name.
 * @param modules The paths of modules, such as `lib/cli/run.ts`.
 * @throws {Failure} `NOT_JOINED` if no chunk holds a module.
 */
export function chunksOf(
  chunks: ReadonlyMap<string, string>,
  modules: readonly string[],
): Set<string> {
  const found = new Set<string>();
  const add = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    bodyOf(name, chunks.get(name) ?? "").imports.forEach(add);
  };
  for (const path of modules) {
    const holder = [...chunks].find(([, text]) => text.includes(`// ${path}\n`));
    if (holder === undefined) throw notJoined(`${path} is in none of its files`);
    add(holder[0]);
  }
  return found;
}

/**
 * Puts the functions of some chunks in parentheses: V8 compiles such a function together with the file, so that Deno
 * keeps it compiled. It compiles any other function when it is first called, at every start.
 *
 * @param program The joined and minified program.
 * @param names The names of the chunks.
 * @throws {Failure} `NOT_JOINED` if a chunk is not in the program.
 */
export function compileEarly(program: string, names: ReadonlySet<string>): string {
  const keys = [...program.matchAll(/[{,]"([^"\s]+\.js|-)":(?=\(\)=>\{|0)/g)];
  let early = program;
  for (const [i, key] of [...keys.entries()].reverse()) {
    const next = keys[i + 1];
    if (next === undefined || !names.has(key[1]!)) continue;
    const start = key.index + key[0].length;
    early = `${early.slice(0, start)}(${early.slice(start, next.index)})${early.slice(next.index)}`;
  }
  const there = new Set(keys.map(([, name]) => name));
  for (const name of names) if (!there.has(name)) throw notJoined(`${name} is not in it`);
  return early;
}

function notJoined(why: string): Failure {
  return new Failure({ what: "cannot join the program into one file", why, code: "NOT_JOINED" });
}
