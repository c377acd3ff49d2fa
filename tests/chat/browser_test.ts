// needs: run=deno

/**
 * The state machines of the chat in a browser: `deno bundle` leaves `Deno` and `node:` in a program for the browser
 * and succeeds, so this searches its output, and runs it without the runtime's own names.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { granted } from "../fixtures/granted.ts";

const ROOT = new URL("../../", import.meta.url);

/** The folders and files of `lib/` that a program for the browser may contain. */
const BROWSER_CODE =
  /^lib\/(base|rsa|chat\/(link\.ts|identity|wire|seal|member|relay|trust\/(words|word_list)\.ts|runtime\/(relay_host|session|memory_link)\.ts))/;

/** The only packages that it may contain. */
const PACKAGES: ReadonlySet<string> = new Set(["deno-std"]);

/** Bundles a file for the browser; undefined if the bundler is not installed and cannot be fetched. */
async function bundle(entry: string): Promise<string | undefined> {
  const { success, stdout, stderr } = await new Deno.Command("deno", {
    args: ["bundle", "--frozen", "--platform", "browser", entry],
    cwd: ROOT,
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  const why = decoder.decode(stderr);
  if (!/@esbuild/.test(why)) throw new Error(why);
  console.log("ignored: deno bundle cannot fetch esbuild");
  return undefined;
}

/** What in a bundle a browser does not have or need: one line for each module that brings it. */
function browserFaults(program: string): string[] {
  // The bundler writes a comment with its path before each module.
  const parts = program.split(/^\/\/ (\S+\.m?[jt]s)$/m);
  const faults: string[] = [];
  for (let i = 1; i < parts.length; i += 2) {
    const [path, code] = [parts[i]!, parts[i + 1]!];
    const [, name] = /\/npm\/[^/]+\/((?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
    if (name !== undefined && !PACKAGES.has(name)) faults.push(`the package ${name} is in it`);
    if (path.startsWith("lib/") && !BROWSER_CODE.test(path)) faults.push(`${path} is in it`);
    const host = /\bDeno\b|["']node:[a-z_/]+["']/.exec(code)?.[0];
    if (host !== undefined) faults.push(`${path} names ${host}`);
  }
  return [...new Set(faults)];
}

const program = granted("run=deno") ? await bundle("tests/fixtures/browser_room.ts") : undefined;
const ignore = program === undefined;

Deno.test({
  name: "member and relay bundle for the browser without the runtime and without foreign packages",
  ignore,
  fn() {
    assertEquals(browserFaults(program!), []);
    for (const path of ["lib/chat/member/member.ts", "lib/chat/relay/relay.ts"]) {
      assertEquals(program!.includes(`\n// ${path}\n`), true, path);
    }
  },
});

Deno.test({
  name: "the search names each module that brings the runtime or a package into a bundle",
  ignore,
  async fn() {
    const faults = browserFaults((await bundle("lib/chat/runtime/tcp.ts"))!);
    for (
      const fault of [
        "lib/chat/runtime/tcp.ts is in it",
        "lib/chat/runtime/tcp.ts names Deno",
        'lib/net/tls_server.ts names "node:tls"',
      ]
    ) assertEquals(faults.includes(fault), true, faults.join("\n"));
    const rows = browserFaults((await bundle("lib/terminal/rows.ts"))!);
    assertEquals(rows.includes("the package string-width is in it"), true, rows.join("\n"));
  },
});

/** Runs a program in a worker from which the names that a browser lacks are deleted. */
function runAsBrowser(module: string, call: string): Promise<unknown> {
  const url = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
  const main = `
    for (const name of ["Deno", "process", "Buffer", "global"]) delete globalThis[name];
    import(${JSON.stringify(url)}).then(({ ${call} }) => ${call}()).then(
      (value) => postMessage({ value, host: typeof Deno }),
      (error) => postMessage({ value: String(error), host: typeof Deno }),
    );`;
  const entry = URL.createObjectURL(new Blob([main], { type: "text/javascript" }));
  const worker = new Worker(entry, { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  return promise.finally(() => {
    worker.terminate();
    URL.revokeObjectURL(url);
    URL.revokeObjectURL(entry);
  });
}

Deno.test({
  name: "two members join a relay and talk in a worker that has no Deno",
  ignore,
  async fn() {
    assertEquals(await runAsBrowser(program!, "talk"), { value: "ada: hello", host: "undefined" });
  },
});

Deno.test({
  name: "short words and their list run in a worker that has no Deno",
  ignore,
  async fn() {
    const words = (await bundle("lib/chat/trust/words.ts"))!;
    assertEquals(browserFaults(words), []);
    const module = `${words}\nexport const ends = () => wordsWith([0, 2047]);`;
    const expected = { value: ["abandon", "zoo"], host: "undefined" };
    assertEquals(await runAsBrowser(module, "ends"), expected);
  },
});
