/**
 * The documents that tell how to use parley.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url);

/** The README and the pages that it leads to, one after the other. */
export async function manual(): Promise<string> {
  const names = [
    "README.md",
    "docs/chat.md",
    "docs/web.md",
    "docs/info.md",
    "docs/udp.md",
    "docs/tcp.md",
    "docs/rsa.md",
  ];
  return (await Promise.all(names.map((name) => readDocument(name)))).join("\n");
}

/** A document of the repository. */
export function readDocument(name: string): Promise<string> {
  return Deno.readTextFile(new URL(name, ROOT));
}

/** Every document of the repository, by its path. */
export async function documentNames(): Promise<string[]> {
  const names: string[] = [];
  for (const directory of ["./", "docs/"]) {
    for await (const { name } of Deno.readDir(new URL(directory, ROOT))) {
      if (name.endsWith(".md")) names.push(directory === "./" ? name : `${directory}${name}`);
    }
  }
  return names;
}
