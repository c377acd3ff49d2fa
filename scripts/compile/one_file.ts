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
 * @param early The names of the functions, and of the chunks, that shall be compiled together with the file after
 * {@linkcode compileEarly}.
 * @param apart The chunks that the program shall import from the file `rest.js` beside it, when it needs the first of
 * them. {@linkcode joinApart} returns that file.
 * @returns The program, without a static import.
 * @throws {Failure} `NOT_JOINED` if the chunks are not as expected.
 */
export function joinChunks(
  chunks: ReadonlyMap<string, string>,
  entry: string,
  early: ReadonlySet<string> = new Set(),
  apart: ReadonlySet<string> = new Set(),
): string {
  const main = chunks.get(entry);
  if (main === undefined) throw notJoined(`there is no ${entry}`);
  const here = [...chunks].filter(([name]) => name !== entry && !apart.has(name));
  return `const __loaded = {};
const __load = (name) => __loaded[name] ??= __chunks[name]();
const __chunks = {
${functionsOf(here, early, apart)}};
${apart.size > 0 ? IMPORT_REST : ""}${bodyOf(entry, main, apart).text}`;
}

/** Adds the chunks of `rest.js` to the program. Deno does not read a file at the start whose name it must compute. */
const IMPORT_REST = `let __rest;
const __more = () => __rest ??= import(new URL("rest.js", import.meta.url).href)
  .then(({ chunksFor }) => Object.assign(__chunks, chunksFor(__load)));
`;

/**
 * Joins the chunks of the second file of a program. Its chunks are not within one function, which V8 would have to read
 * as a whole at each start.
 *
 * @param chunks The files of the bundle, by name.
 * @param apart The names of those that the second file holds.
 * @param early As for {@linkcode joinChunks}.
 * @returns A module. Its `chunksFor()` takes the program's function that loads a chunk, and returns the chunks.
 * @throws {Failure} `NOT_JOINED` if the chunks are not as expected.
 */
export function joinApart(
  chunks: ReadonlyMap<string, string>,
  apart: ReadonlySet<string>,
  early: ReadonlySet<string> = new Set(),
): string {
  const there = [...chunks].filter(([name]) => apart.has(name));
  return `let __load;
const __chunks = {
${functionsOf(there, early, new Set())}};
export const chunksFor = (load) => {
  __load = load;
  return __chunks;
};
`;
}

function functionsOf(
  chunks: readonly (readonly [string, string])[],
  early: ReadonlySet<string>,
  apart: ReadonlySet<string>,
): string {
  return chunks.map(([name, text]) => {
    const body = bodyOf(name, text, apart).text;
    const run = early.has(name)
      ? `${EARLY}(() => {\n${withEarly(body, early)}  })`
      : `() => {\n${body}  }`;
    return `  "${name}": ${run},\n`;
  }).join("");
}

/** What stands before the functions that are compiled early. The minifier removes parentheses, but no call. */
const EARLY = "__early";

/**
 * Makes some of the functions that a chunk declares variables at its top: only a function that is an expression can be
 * compiled early.
 */
function withEarly(body: string, early: ReadonlySet<string>): string {
  const functions: string[] = [];
  const rest = body.replace(
    /^(?:async )?function\*? (\w+)\([^]*?^\}$/gm,
    (whole, name: string) => {
      if (!early.has(name)) return whole;
      functions.push(`var ${name} = ${EARLY}(${whole});\n`);
      return "";
    },
  );
  return functions.join("") + rest;
}

/** Makes a chunk the body of a function. It waits for the second file before it runs one of the chunks `apart`. */
function bodyOf(name: string, text: string, apart?: ReadonlySet<string>): Body {
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
      (_call, from: string) => {
        const ready = apart?.has(from) === true ? "__more()" : "Promise.resolve()";
        return `${ready}.then(() => __load("${from}"))`;
      },
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

/**
 * Puts the functions that are to be compiled early in parentheses: V8 compiles such a function together with the file, so
 * that Deno keeps it compiled. It compiles any other function when it is first called, at every start.
 *
 * @param program The joined and minified program.
 */
export function compileEarly(program: string): string {
  return program.replaceAll(`${EARLY}(`, "(");
}

function notJoined(why: string): Failure {
  return new Failure({ what: "cannot join the program into one file", why, code: "NOT_JOINED" });
}
