/**
 * Builds the page: `deno task page` bundles `web/`, puts script and style into one HTML file, and writes that as the
 * module `lib/chat/web/page.ts`. The same source gives the same bytes.
 *
 * @module
 */

import { brotliCompressSync, constants } from "node:zlib";
import { minify } from "terser";

/** The module that holds the page. */
export const PAGE_MODULE = "lib/chat/web/page.ts";

/** The sizes of a page in bytes: as it is, and compressed by gzip and by Brotli. */
export interface PageSizes {
  readonly plain: number;
  readonly gzip: number;
  readonly brotli: number;
}

/** The largest page. */
export const PAGE_BOUNDS: PageSizes = { plain: 257_000, gzip: 98_500, brotli: 84_500 };

const HEADER = `/**
 * The page, one HTML file with its script and its style. Generated from \`web/\` by \`deno task page\`.
 *
 * @module
 */

/** The page compressed by Brotli (RFC 7932), as browsers get it. */
`;

const FOOTER = `
/** Returns the page as HTML. */
export async function readPage(): Promise<string> {
  const stream = new Blob([BROTLI_PAGE]).stream().pipeThrough(new DecompressionStream("brotli"));
  return await new Response(stream).text();
}
`;

/** Thrown if \`deno bundle\` cannot fetch its bundler, esbuild. */
export class NoBundlerError extends Error {}

/** A page: HTML, and the same compressed by Brotli. */
export interface BuiltPage {
  readonly html: string;
  readonly brotli: Uint8Array;
}

/** Builds the page. */
export async function buildPage(): Promise<BuiltPage> {
  const [script, style, template] = await Promise.all([
    bundle("web/main.tsx").then(shortened),
    Deno.readTextFile("web/style.css"),
    Deno.readTextFile("web/page.html"),
  ]);
  if (/<\/script|<!--/i.test(script)) throw new Error("the script would end its element");
  const html = template.replace(/\n/g, "")
    .replace("<style></style>", () => `<style>${minified(style)}</style>`)
    .replace("></script>", () => `>${script.trimEnd()}</script>`) + "\n";
  const { BROTLI_PARAM_LGWIN, BROTLI_MAX_WINDOW_BITS, BROTLI_PARAM_LGBLOCK } = constants;
  const params = {
    [BROTLI_PARAM_LGWIN]: BROTLI_MAX_WINDOW_BITS,
    // The tables, the script and the style differ: shorter blocks follow that more closely.
    [BROTLI_PARAM_LGBLOCK]: 16,
  };
  return { html, brotli: brotliCompressSync(html, { params }) };
}

/** Returns the text of the module for a page. */
export function pageModule({ brotli }: BuiltPage): string {
  const bytes = `Uint8Array.fromBase64(\n  "${brotli.toBase64()}",\n)`;
  return `${HEADER}export const BROTLI_PAGE: Uint8Array<ArrayBuffer> = ${bytes};\n${FOOTER}`;
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

/**
 * Shortens a program that is minified once more, without renaming properties: a property that a table, a file or the
 * wire names would break, and that saves 4 % of the page at most. To read a property has no effect here.
 */
async function shortened(program: string): Promise<string> {
  const compress = { passes: 3, pure_getters: true };
  const { code } = await minify(program, { module: true, ecma: 2020, compress });
  return code!;
}

/** A style sheet without comments, and without blanks and zeros that have no meaning. */
function minified(style: string): string {
  return style.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/\s+/g, " ")
    .replaceAll(/ ?([{};,]) ?/g, "$1").replaceAll(/: /g, ":").replaceAll(";}", "}")
    .replaceAll(/(?<![\d.])0(?=\.\d)/g, "").trim();
}

/** Returns the sizes of a page. */
export async function pageSizes({ html, brotli }: BuiltPage): Promise<PageSizes> {
  const blob = new Blob([html]);
  const zipped = blob.stream().pipeThrough(new CompressionStream("gzip"));
  const gzip = (await new Response(zipped).bytes()).length;
  return { plain: blob.size, gzip, brotli: brotli.length };
}

/** Compares the sizes of a page with its bounds. Returns one line for each that is too large. */
export function sizeFaults(sizes: PageSizes): string[] {
  return (["plain", "gzip", "brotli"] as const).filter((one) => sizes[one] > PAGE_BOUNDS[one])
    .map((one) => `the page has ${sizes[one]} bytes (${one}), ${PAGE_BOUNDS[one]} are allowed`);
}

/** Compares the module with what the source gives. Returns one line for each fault. */
export async function pageFaults(): Promise<string[]> {
  let page: BuiltPage;
  try {
    page = await buildPage();
  } catch (error) {
    if (!(error instanceof NoBundlerError)) throw error;
    console.log("left out: deno bundle cannot fetch esbuild, so the page is not compared");
    return [];
  }
  const kept = await Deno.readTextFile(PAGE_MODULE);
  return [
    ...kept === pageModule(page)
      ? []
      : [`${PAGE_MODULE} is not what web/ gives: run deno task page`],
    ...sizeFaults(await pageSizes(page)),
  ];
}

if (import.meta.main) {
  const page = await buildPage();
  await Deno.writeTextFile(PAGE_MODULE, pageModule(page));
  const { plain, gzip, brotli } = await pageSizes(page);
  console.log(`${PAGE_MODULE}: ${plain} bytes, ${gzip} by gzip, ${brotli} by Brotli`);
}
