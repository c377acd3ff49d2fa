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
import { compileEarly, EARLY } from "./early.ts";

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

/** A file beside the program that has some of its chunks. */
export interface Beside {
  /** Its name. */
  readonly file: string;
  readonly chunks: ReadonlySet<string>;
  /**
   * When Deno reads the file. At the start it reads each file that the program imports by a literal; it compiles the
   * file when the program needs it. `later`, the program computes the name, and needs the permission to read the file.
   */
  readonly read: "at the start" | "later";
}

/**
 * Joins chunks.
 *
 * @param chunks The files of `deno bundle --code-splitting`, by name, not minified.
 * @param entry The name of the file that runs at the start.
 * @param early The names of the chunks that shall be compiled together with the file: see {@linkcode EARLY}.
 * @param beside The files beside the program. {@linkcode joinBeside} returns their text.
 * @returns The program, without a static import.
 * @throws {Failure} `NOT_JOINED` if the chunks are not as expected.
 */
export function joinChunks(
  chunks: ReadonlyMap<string, string>,
  entry: string,
  early: ReadonlySet<string> = new Set(),
  beside: readonly Beside[] = [],
): string {
  const main = chunks.get(entry);
  if (main === undefined) throw notJoined(`there is no ${entry}`);
  const elsewhere = new Map(
    beside.flatMap((each, i) => [...each.chunks].map((name) => [name, `__beside${i}`])),
  );
  const here = [...chunks].filter(([name]) => name !== entry && !elsewhere.has(name));
  return `const __loaded = {};
const __load = ${EARLY}((name) => __loaded[name] ??= __chunks[name]());
const __near = ${EARLY}((name) => Promise.resolve(name).then(__load));
const __chunks = {
${functionsOf(here, early, elsewhere)}};
${beside.map(importBeside).join("")}${bodyOf(entry, main, elsewhere).text}`;
}

/** A function that imports a file at its first call, and loads a chunk of it. */
function importBeside({ file, read }: Beside, i: number): string {
  const imported = read === "at the start"
    ? `${IMPORT_LITERAL}("./${file}")`
    : `import(new URL("${file}", import.meta.url).href)`;
  return `let __file${i};
const __beside${i} = async (name) => {
  const { chunksFor } = await (__file${i} ??= ${imported});
  Object.assign(__chunks, chunksFor(__load, __near));
  return __load(name);
};
`;
}

/** What stands for `import` until the program is minified. The minifier would put the file into the program. */
const IMPORT_LITERAL = "__import";

/**
 * Joins the chunks of a file beside the program. They are not within one function, which V8 would have to read as a
 * whole at each start.
 *
 * @param chunks The files of the bundle, by name.
 * @param own The names of those that the file has.
 * @param early As for {@linkcode joinChunks}.
 * @returns A module. Its `chunksFor()` takes the program's functions that load a chunk, and returns the chunks.
 * @throws {Failure} `NOT_JOINED` if the chunks are not as expected.
 */
export function joinBeside(
  chunks: ReadonlyMap<string, string>,
  own: ReadonlySet<string>,
  early: ReadonlySet<string> = new Set(),
): string {
  const there = [...chunks].filter(([name]) => own.has(name));
  return `let __load, __near;
const __chunks = {
${functionsOf(there, early)}};
export const chunksFor = (load, near) => {
  __load = load;
  __near = near;
  return __chunks;
};
`;
}

/**
 * Completes a minified program.
 *
 * @param program The minified text of {@linkcode joinChunks} or {@linkcode joinBeside}.
 */
export function completed(program: string): string {
  return compileEarly(program).replaceAll(`${IMPORT_LITERAL}(`, "import(");
}

function functionsOf(
  chunks: readonly (readonly [string, string])[],
  early: ReadonlySet<string>,
  elsewhere?: ReadonlyMap<string, string>,
): string {
  return chunks.map(([name, text]) => {
    const body = `() => {\n${bodyOf(name, text, elsewhere).text}  }`;
    return `  "${name}": ${early.has(name) ? `${EARLY}(${body})` : body},\n`;
  }).join("");
}

/**
 * Makes a chunk the body of a function.
 *
 * @param elsewhere The functions that import the chunks of other files, by chunk.
 */
function bodyOf(name: string, text: string, elsewhere?: ReadonlyMap<string, string>): Body {
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
      (_call, from: string) => `${elsewhere?.get(from) ?? "__near"}("${from}")`,
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
 * Returns the names of the chunks that only the modules of some folders need.
 *
 * @param chunks The files of the bundle, by name.
 * @param entry The name of the file that runs at the start.
 * @param folders The folders, such as `lib/commands/chat/`.
 * @param by The path of the only module that may import modules of these folders lazily. It does so before the
 * program drops its permission to read files; any other import may come too late for a file that is not read yet.
 * @throws {Failure} `NOT_JOINED` if a chunk without that module imports one of these chunks lazily, or if the modules of
 * these folders are needed by others.
 */
export function chunksOnlyFor(
  chunks: ReadonlyMap<string, string>,
  entry: string,
  folders: readonly string[],
  by: string,
): Set<string> {
  const within = (name: string): boolean => {
    const text = chunks.get(name) ?? "";
    if (folders.some((folder) => text.includes(`// ${folder}`))) return true;
    // A chunk that only passes on what others hold.
    return !/^\/\/ /m.test(text) && bodyOf(name, text).imports.some(within);
  };
  const needed = new Set<string>();
  const add = (name: string): void => {
    if (needed.has(name)) return;
    needed.add(name);
    const text = chunks.get(name) ?? "";
    bodyOf(name, text).imports.forEach(add);
    for (const [, lazy = ""] of text.matchAll(LAZY_IMPORT)) {
      if (!within(lazy)) add(lazy);
      else if (!text.includes(`// ${by}\n`)) {
        throw notJoined(`${name} imports ${lazy}, as ${by} may`);
      }
    }
  };
  add(entry);
  for (const name of needed) if (within(name)) throw notJoined(`others need ${name}`);
  return new Set([...chunks.keys()].filter((name) => !needed.has(name)));
}

function notJoined(why: string): Failure {
  return new Failure({ what: "cannot join the program into one file", why, code: "NOT_JOINED" });
}
