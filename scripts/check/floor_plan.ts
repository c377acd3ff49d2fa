/**
 * The floor plan of `lib/`: which folder may import which. {@linkcode floorPlanFaults} compares it with the
 * imports of every file.
 *
 * @module
 */

/** A source file: its path from the root of the project, with `/`, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** The public modules. They re-export; nothing in `lib/` imports them. */
const PUBLIC_MODULES: readonly string[] = [
  "lib/info.ts",
  "lib/rsa.ts",
  "lib/tcp.ts",
  "lib/tcp_chat.ts",
  "lib/udp.ts",
];

/** The chat's state machines and what they stand on, from the ground up. They run in a browser as well. */
const CORE = ["base", "rsa", "chat/link.ts", "chat/identity", "chat/wire", "chat/seal"] as const;

/**
 * The rooms, lowest first, each with those that its files may import beside their own. A room is a folder of
 * `lib/`, with its subfolders, or a file that stands alone.
 */
export const FLOOR_PLAN: Readonly<Record<string, readonly string[]>> = {
  "base": [],
  "rsa": ["base"],
  "terminal": ["os", "base"],
  "os": ["rsa", "base"],
  "net": ["os", "base"],
  "cli": ["os", "terminal", "base"],
  "info": ["net", "os", "base"],
  "udp": ["net", "os", "base"],
  "tcp": ["net", "os", "base"],
  "tour": ["cli", "terminal", "info", "os", "base"],
  "chat/link.ts": ["base"],
  "chat/identity": ["rsa", "base"],
  "chat/wire": ["chat/identity", "base"],
  "chat/seal": ["chat/wire", "chat/identity", "rsa", "base"],
  "chat/member": CORE,
  // A relay forwards what it cannot open: it has no business with keys or seals.
  "chat/relay": ["chat/link.ts", "chat/identity", "chat/wire", "base"],
  "chat/trust": ["chat/member", "os", ...CORE],
  "chat/runtime": ["chat/relay", "chat/member", "net", "os", ...CORE],
  // The page is text: whatever runs in it was bundled before.
  "chat/web": [],
  "chat/app": [
    ...["chat/web", "chat/runtime", "chat/trust", "chat/relay", "chat/member"],
    ...["cli", "terminal", "net", "os", ...CORE],
  ],
  "commands": [
    ...["chat/app", "chat/web", "chat/runtime", "chat/trust", "chat/relay", "chat/member", ...CORE],
    ...["tour", "tcp", "udp", "info", "cli", "net", "os", "terminal"],
  ],
};

/** The rooms whose files name neither `Deno` nor a `node:` module: a browser runs them. */
const BROWSER_ROOMS: readonly string[] = [
  ...["base", "chat/link.ts", "chat/identity", "chat/wire", "chat/seal"],
  ...["chat/member", "chat/relay"],
];

/**
 * Compares source files with the floor plan.
 *
 * @param files Every file of `lib/`.
 * @returns One line for each fault, with the file and the import that break a rule; empty if there is none.
 */
export function floorPlanFaults(files: readonly SourceFile[]): string[] {
  const library = files.filter(({ path }) => path.startsWith("lib/"))
    .map(({ path, text }) => ({ path, code: withoutComments(text) }));
  const imports = new Map(library.map(({ path, code }) => [path, importsOf(path, code)]));
  return [
    ...library.flatMap(({ path, code }) => faultsOf(path, code, imports.get(path) ?? [])),
    ...cycles(imports).map((cycle) => `import cycle: ${cycle.join(" -> ")}`),
  ];
}

function faultsOf(path: string, code: string, imports: readonly string[]): string[] {
  if (PUBLIC_MODULES.includes(path)) return onlyReexports(path, code);
  const room = roomOf(path);
  if (room === undefined) return [`${path} is in no room of the floor plan`];
  return [...forbiddenImports(path, room, imports), ...hostFaults(path, room, code)];
}

/** The room that holds a file; undefined if there is none. */
function roomOf(path: string): string | undefined {
  const place = path.slice("lib/".length);
  return Object.keys(FLOOR_PLAN).find((room) => place === room || place.startsWith(`${room}/`));
}

function forbiddenImports(path: string, room: string, imports: readonly string[]): string[] {
  const allowed = FLOOR_PLAN[room] ?? [];
  return imports.flatMap((target) => {
    if (!target.startsWith("lib/")) return [];
    if (PUBLIC_MODULES.includes(target)) {
      return [`${path} imports ${target}, a public module: import the file that defines the name`];
    }
    const other = roomOf(target);
    if (other === undefined || other === room || allowed.includes(other)) return [];
    const rule = allowed.length === 0 ? "nothing" : allowed.join(", ");
    return [`${path} imports ${target}: ${room} may import ${rule}`];
  });
}

function hostFaults(path: string, room: string, code: string): string[] {
  if (!BROWSER_ROOMS.includes(room)) return [];
  const host = /\bDeno\b|["']node:[a-z_/]+["']/.exec(code)?.[0];
  return host === undefined ? [] : [`${path} names ${host}: ${room} runs in a browser as well`];
}

function onlyReexports(path: string, code: string): string[] {
  const rest = code.replaceAll(/export\s+(?:type\s+)?(?:\*|\{[^}]*\})\s*from\s*"[^"]+";/g, "");
  return rest.trim() === "" ? [] : [`${path} defines something: a public module re-exports only`];
}

/** Strings are kept, as comments may stand in them and imports are strings. */
const STRING_OR_COMMENT = new RegExp(
  [
    /"(?:\\.|[^"\\\n])*"/,
    /'(?:\\.|[^'\\\n])*'/,
    /`(?:\\.|[^`\\])*`/,
    /\/\/[^\n]*/,
    /\/\*[^]*?\*\//,
  ].map(({ source }) => source).join("|"),
  "g",
);

/** A file's text without its comments. */
export function withoutComments(text: string): string {
  return text.replaceAll(STRING_OR_COMMENT, (token) => token.startsWith("/") ? "" : token);
}

/** Static imports, re-exports and `import()` alike: what is loaded late is a dependency as well. */
const IMPORT = /\b(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;

/**
 * The files that a file imports, statically or not.
 *
 * @param path Its path from the root of the project.
 * @param code Its text.
 * @returns The paths of those that it names relative to itself, each once.
 */
export function importsOf(path: string, code: string): string[] {
  const targets = [...code.matchAll(IMPORT)].map(([, specifier = ""]) => resolve(path, specifier));
  return [...new Set(targets)];
}

/** The path that a relative specifier names. */
function resolve(path: string, specifier: string): string {
  const base = new URL(path, "file:///");
  return new URL(specifier, base).pathname.slice(1);
}

/** The import cycles, one for each group of files that reach each other. */
function cycles(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      found.push([...trail.slice(start), path]);
      return;
    }
    if (done.has(path)) return;
    for (const target of imports.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
  return found;
}
