/**
 * Terminal screens as an SVG picture, still or as a film.
 *
 * @module
 */

import { widthOf } from "../../lib/terminal/rows.ts";

/** A piece of a row in one colour and weight. */
export interface Span {
  readonly text: string;
  /** A colour of xterm's palette of 256; undefined for the ordinary one. */
  readonly colour: number | undefined;
  readonly bold: boolean;
  readonly dim: boolean;
  /** Whether the colours of text and background are exchanged. */
  readonly reverse: boolean;
}

/** A terminal's screen and what stands above it. */
export interface Screen {
  readonly title: string;
  readonly columns: number;
  readonly rows: readonly (readonly Span[])[];
  /** The cursor's column and row, from 0; none if it is not to be drawn. */
  readonly cursor?: readonly [column: number, row: number];
}

/** What screens show for some time. */
export interface Frame {
  readonly screens: readonly Screen[];
  /** For how long, in milliseconds. */
  readonly ms: number;
}

const CELL = { width: 8.4, height: 18 };
const MARGIN = 14;
const BAR = 30;
const FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
const GROUND = "#0d1117";
const ORDINARY = 7;
/** The sixteen colours of a terminal. The second eight are those of the first. */
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

/** Returns a colour of xterm's palette of 256: sixteen, a cube of 6 by 6 by 6, and 24 greys. */
function colourOf(index: number): string {
  if (index < 16) return PALETTE[index % 8]!;
  const hex = (value: number) => value.toString(16).padStart(2, "0");
  if (index >= 232) return `#${hex(8 + 10 * (index - 232)).repeat(3)}`;
  const parts = [36, 6, 1].map((step) => Math.floor((index - 16) / step) % 6);
  return `#${parts.map((part) => hex(part === 0 ? 0 : 55 + 40 * part)).join("")}`;
}

type Style = Omit<Span, "text">;

const PLAIN: Style = { colour: undefined, bold: false, dim: false, reverse: false };

/** Applies the parameters of one SGR sequence. */
function applied(style: Style, codes: readonly number[]): Style {
  const [code, ...rest] = codes;
  if (code === undefined) return style;
  if (code === 38 && rest[0] === 5) {
    return applied({ ...style, colour: rest[1] }, rest.slice(2));
  }
  return applied(changed(style, code), rest);
}

function changed(style: Style, code: number): Style {
  if (code === 0) return PLAIN;
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 7 || code === 27) return { ...style, reverse: code === 7 };
  if (code === 22) return { ...style, bold: false, dim: false };
  if (code === 39) return { ...style, colour: undefined };
  if (code >= 30 && code <= 37) return { ...style, colour: code - 30 };
  if (code >= 90 && code <= 97) return { ...style, colour: code - 90 };
  return style;
}

/**
 * Reads a row of a terminal with its SGR sequences (ECMA-48 8.3.117), as tmux gives it.
 *
 * @param row The row.
 */
export function readRow(row: string): Span[] {
  const spans: Span[] = [];
  let style = PLAIN;
  // deno-lint-ignore no-control-regex -- SGR sequences are what is read
  for (const [, codes, text] of row.matchAll(/\x1b\[([\d;]*)m|([^\x1b]+)/g)) {
    if (text !== undefined) spans.push({ text, ...style });
    else style = applied(style, codes!.split(";").map(Number));
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
  return drawFilm([{ screens, ms: 0 }], label);
}

/**
 * Draws a film of screens, one below the other. It plays once and ends with the last frame, which is all that is seen
 * without animations or where the viewer wants none.
 *
 * @param frames What the screens show, and for how long. All have the same screens with as many rows.
 * @param label What the film shows, for those who cannot see it.
 */
export function drawFilm(frames: readonly Frame[], label: string): string {
  const { screens } = frames.at(-1)!;
  const width = round(Math.max(...screens.map(({ columns }) => columns)) * CELL.width + MARGIN * 2);
  let top = 0;
  const windows = screens.map((screen, i) => {
    const height = screen.rows.length * CELL.height + BAR + MARGIN * 2;
    const origin = top + BAR + MARGIN;
    top += height + MARGIN;
    return drawWindow(screen, origin, width, height) +
      piecesOf(frames, i, origin).map((piece) => `\n${drawn(piece)}`).join("");
  });
  const height = top - MARGIN;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ` +
    `width="${width}" height="${height}" role="img" xml:space="preserve" aria-label="${
      escape(label)
    }">
<style>text { font: 14px ${FONT}; white-space: pre; }${frames.length > 1 ? FILM_STYLE : ""}</style>
${windows.join("\n")}
</svg>
`;
}

/** Pieces of earlier frames are hidden but for their time, and those of the last frame only before theirs. */
const FILM_STYLE = `
.past { visibility: hidden; }
@keyframes seen { from, to { visibility: visible; } }
@keyframes unseen { from, to { visibility: hidden; } }
@media (prefers-reduced-motion: reduce) { g { animation: none !important; } }
`;

/** Something that is drawn from one time to another. */
interface Piece {
  readonly svg: string;
  readonly fromMs: number;
  /** Undefined if it stays. */
  readonly untilMs: number | undefined;
}

/** Returns what one window shows: each row, and the cursor, from where it changes until it changes again. */
function piecesOf(frames: readonly Frame[], window: number, origin: number): Piece[] {
  const count = Math.max(...frames.map(({ screens }) => screens[window]!.rows.length));
  const parts = [
    ...Array.from(
      { length: count },
      (_, row) => (screen: Screen) =>
        drawRow(screen.rows[row] ?? [], MARGIN, origin + row * CELL.height),
    ),
    ({ cursor }: Screen) => cursor === undefined ? "" : drawCursor(cursor, origin),
  ];
  return parts.flatMap((part) => {
    const pieces: { svg: string; fromMs: number; untilMs: number | undefined }[] = [];
    let now = 0;
    for (const { screens, ms } of frames) {
      const svg = part(screens[window]!);
      const last = pieces.at(-1);
      if (last?.svg !== svg) {
        if (last !== undefined) last.untilMs = now;
        pieces.push({ svg, fromMs: now, untilMs: undefined });
      }
      now += ms;
    }
    return pieces.filter(({ svg }) => svg !== "");
  });
}

function drawn({ svg, fromMs, untilMs }: Piece): string {
  const seconds = (ms: number) => `${round(ms / 1000)}s`;
  if (untilMs !== undefined) {
    const timing = `seen ${seconds(untilMs - fromMs)} ${seconds(fromMs)}`;
    return `<g class="past" style="animation: ${timing}">${svg}</g>`;
  }
  if (fromMs === 0) return svg;
  return `<g style="animation: unseen 1ms ${seconds(fromMs)} backwards">${svg}</g>`;
}

function drawWindow(screen: Screen, origin: number, width: number, height: number): string {
  const top = origin - BAR - MARGIN;
  const dots = ["#ff5f56", "#ffbd2e", "#27c93f"].map((fill, i) =>
    `<circle cx="${18 + i * 18}" cy="${top + 15}" r="5.5" fill="${fill}"/>`
  );
  const title = escape(screen.title);
  return `<rect y="${top}" width="${width}" height="${height}" rx="8" fill="${GROUND}"/>
${dots.join("")}
<text x="${round(width / 2)}" y="${top + 20}" text-anchor="middle" fill="#8b949e">${title}</text>`;
}

function drawCursor([column, row]: readonly [number, number], origin: number): string {
  const [x, y] = [MARGIN + column * CELL.width, origin + row * CELL.height];
  return drawBlock(x, y, 1, PALETTE[ORDINARY]!, ' opacity="0.5"');
}

function drawBlock(x: number, y: number, cells: number, fill: string, more = ""): string {
  const width = round(cells * CELL.width);
  return `<rect x="${
    round(x)
  }" y="${y}" width="${width}" height="${CELL.height}" fill="${fill}"${more}/>`;
}

function drawRow(spans: readonly Span[], x: number, y: number): string {
  let column = 0;
  return spans.map((span) => {
    const start = x + column * CELL.width;
    const cells = widthOf(span.text);
    column += cells;
    const colour = colourOf(span.colour ?? ORDINARY);
    const block = span.reverse ? drawBlock(start, y, cells, colour) : "";
    if (span.text.trim() === "") return block;
    const weight = span.bold ? ' font-weight="bold"' : "";
    const faint = span.dim ? ' opacity="0.65"' : "";
    // Its length is given: another font does not move what follows.
    const length = round(cells * CELL.width);
    return `${block}<text x="${round(start)}" y="${round(y + 0.75 * CELL.height)}" ` +
      `textLength="${length}" fill="${span.reverse ? GROUND : colour}"${weight}${faint}>` +
      `${escape(span.text)}</text>`;
  }).join("");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
