/**
 * Terminal screens as an SVG picture.
 *
 * @module
 */

/** A piece of a row in one colour and weight. */
export interface Span {
  readonly text: string;
  /** One of the sixteen colours of a terminal, or the ordinary one. */
  readonly colour: number | undefined;
  readonly bold: boolean;
  readonly dim: boolean;
}

/** A terminal's screen and what stands above it. */
export interface Screen {
  readonly title: string;
  readonly columns: number;
  readonly rows: readonly (readonly Span[])[];
}

const CELL = { width: 8.4, height: 18 };
const MARGIN = 14;
const BAR = 30;
const FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
const PALETTE = [
  "#484f58",
  "#ff7b72",
  "#56d364",
  "#e3b341",
  "#79c0ff",
  "#d2a8ff",
  "#56d4dd",
  "#c9d1d9",
];

/**
 * Reads a row of a terminal with its SGR sequences (ECMA-48 8.3.117), as tmux gives it.
 *
 * @param row The row.
 */
export function readRow(row: string): Span[] {
  const spans: Span[] = [];
  let [colour, bold, dim]: [number | undefined, boolean, boolean] = [undefined, false, false];
  // deno-lint-ignore no-control-regex -- SGR sequences are what is read
  for (const [, codes, text] of row.matchAll(/\x1b\[([\d;]*)m|([^\x1b]+)/g)) {
    if (text !== undefined) spans.push({ text, colour, bold, dim });
    for (const code of codes?.split(";").map(Number) ?? []) {
      if (code === 0) [colour, bold, dim] = [undefined, false, false];
      else if (code === 1) bold = true;
      else if (code === 2) dim = true;
      else if (code === 22) [bold, dim] = [false, false];
      else if (code >= 30 && code <= 37) colour = code - 30;
      else if (code >= 90 && code <= 97) colour = code - 90;
      else if (code === 39) colour = undefined;
    }
  }
  return spans;
}

/**
 * Reads the rows of a terminal as tmux gives them: a colour or a weight lasts over the ends of rows.
 *
 * @param text The rows, with a line feed between two.
 */
export function readRows(text: string): Span[][] {
  let codes = "";
  return text.split("\n").map((row) => {
    const spans = readRow(codes + row);
    // deno-lint-ignore no-control-regex -- SGR sequences are what is read
    codes += row.match(/\x1b\[[\d;]*m/g)?.join("") ?? "";
    return spans;
  });
}

/**
 * Draws screens one below the other.
 *
 * @param screens The screens.
 * @param label What the picture shows, for those who cannot see it.
 */
export function drawScreens(screens: readonly Screen[], label: string): string {
  const width = round(Math.max(...screens.map(({ columns }) => columns)) * CELL.width + MARGIN * 2);
  let top = 0;
  const windows = screens.map((screen) => {
    const height = screen.rows.length * CELL.height + BAR + MARGIN * 2;
    const drawn = drawWindow(screen, top, width, height);
    top += height + MARGIN;
    return drawn;
  });
  const height = top - MARGIN;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ` +
    `width="${width}" height="${height}" role="img" xml:space="preserve" aria-label="${
      escape(label)
    }">
<style>text { font: 14px ${FONT}; white-space: pre; }</style>
${windows.join("\n")}
</svg>
`;
}

function drawWindow(screen: Screen, top: number, width: number, height: number): string {
  const dots = ["#ff5f56", "#ffbd2e", "#27c93f"].map((fill, i) =>
    `<circle cx="${18 + i * 18}" cy="${top + 15}" r="5.5" fill="${fill}"/>`
  );
  const rows = screen.rows.map((spans, i) =>
    drawRow(spans, MARGIN, top + BAR + MARGIN + (i + 0.75) * CELL.height)
  );
  const title = escape(screen.title);
  return `<rect y="${top}" width="${width}" height="${height}" rx="8" fill="#0d1117"/>
${dots.join("")}
<text x="${round(width / 2)}" y="${top + 20}" text-anchor="middle" fill="#8b949e">${title}</text>
${rows.filter((row) => row !== "").join("\n")}`;
}

function drawRow(spans: readonly Span[], x: number, y: number): string {
  let column = 0;
  return spans.map((span) => {
    const start = x + column * CELL.width;
    column += span.text.length;
    if (span.text.trim() === "") return "";
    const weight = span.bold ? ' font-weight="bold"' : "";
    const faint = span.dim ? ' opacity="0.65"' : "";
    const fill = PALETTE[span.colour ?? 7];
    // Its length is given: another font does not move what follows.
    const length = round(span.text.length * CELL.width);
    return `<text x="${round(start)}" y="${round(y)}" textLength="${length}" ` +
      `fill="${fill}"${weight}${faint}>${escape(span.text)}</text>`;
  }).join("");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
