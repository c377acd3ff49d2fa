/**
 * Builds the page: `deno task page` bundles `web/`, puts script and style into one HTML file, and writes that as the
 * module `lib/chat/web/page.ts`. The same source gives the same bytes.
 *
 * @module
 */

/** The module that holds the page. */
export const PAGE_MODULE = "lib/chat/web/page.ts";

/** The largest page, and the largest page compressed by gzip, in bytes. */
export const PAGE_BOUNDS = { bytes: 288 << 10, compressed: 112 << 10 } as const;

const HEADER = `/**
 * The page, one HTML file with its script and its style. Generated from \`web/\` by \`deno task page\`.
 *
 * @module
 */

/** The page as HTML, UTF-8. */
`;

/** Thrown if \`deno bundle\` cannot fetch its bundler, esbuild. */
export class NoBundlerError extends Error {}

/** Builds the page and returns its HTML. */
export async function buildPage(): Promise<string> {
  const [script, style, template] = await Promise.all([
    bundle("web/main.tsx"),
    Deno.readTextFile("web/style.css"),
    Deno.readTextFile("web/page.html"),
  ]);
  if (/<\/script|<!--/i.test(script)) throw new Error("the script would end its element");
  const page = template.replace(/\n/g, "")
    .replace("<style></style>", () => `<style>${minified(style)}</style>`)
    .replace("></script>", () => `>${script.trimEnd()}</script>`);
  return `${page}\n`;
}

/** Returns the text of the module for a page. */
export function pageModule(page: string): string {
  return `${HEADER}export const PAGE: string =\n  ${JSON.stringify(page)};\n`;
}

/** Bundles a program for the browser. */
async function bundle(entry: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("deno", {
    args: ["bundle", "--frozen", "--platform", "browser", "--minify", entry],
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  const why = decoder.decode(stderr);
  throw /@esbuild/.test(why) ? new NoBundlerError(why) : new Error(why);
}

/** A style sheet without comments and without blanks that have no meaning. */
function minified(style: string): string {
  return style.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/\s+/g, " ")
    .replaceAll(/ ?([{};,]) ?/g, "$1").replaceAll(/: /g, ":").replaceAll(";}", "}").trim();
}

/** The size of a page in bytes, and compressed by gzip. */
export async function pageSizes(page: string): Promise<{ bytes: number; compressed: number }> {
  const blob = new Blob([page]);
  const zipped = blob.stream().pipeThrough(new CompressionStream("gzip"));
  const compressed = (await new Response(zipped).bytes()).length;
  return { bytes: blob.size, compressed };
}

/** Compares the module with what the source gives. Returns one line for each fault. */
export async function pageFaults(): Promise<string[]> {
  let page: string;
  try {
    page = await buildPage();
  } catch (error) {
    if (!(error instanceof NoBundlerError)) throw error;
    console.log("left out: deno bundle cannot fetch esbuild, so the page is not compared");
    return [];
  }
  const kept = await Deno.readTextFile(PAGE_MODULE);
  const { bytes, compressed } = await pageSizes(page);
  return [
    ...kept === pageModule(page)
      ? []
      : [`${PAGE_MODULE} is not what web/ gives: run deno task page`],
    ...bytes <= PAGE_BOUNDS.bytes ? [] : [`the page has ${bytes} bytes`],
    ...compressed <= PAGE_BOUNDS.compressed ? [] : [`the page has ${compressed} bytes compressed`],
  ];
}

if (import.meta.main) {
  const page = await buildPage();
  await Deno.writeTextFile(PAGE_MODULE, pageModule(page));
  const { bytes, compressed } = await pageSizes(page);
  console.log(`${PAGE_MODULE}: ${bytes} bytes, ${compressed} compressed`);
}
