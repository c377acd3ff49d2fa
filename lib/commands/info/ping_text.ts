/**
 * The text of `parley info ping`: rows with their results, lines for probes, the live plot and the summary. No I/O.
 *
 * @module
 */

import { type HostPort, hostPort } from "../../base/host_port.ts";
import { printable } from "../../base/printable.ts";
import type { HostAddresses, HostProbe, PingEvent } from "../../info/ping/hosts.ts";
import {
  PingStatistics,
  type PingSummary,
  type ProbeState,
  sparkline,
} from "../../info/ping/ping.ts";
import type { Style } from "../../terminal/terminal.ts";

/** Returns the width of a text in columns. */
export type WidthOf = (text: string) => number;

/** A probe as a point of a plot. */
export type Sample = Pick<HostProbe, "state" | "time_ms" | "answered">;

/** An address and its results. */
export interface PingRow {
  /** The host as it was named. */
  readonly host: HostPort;
  readonly address: string;
  readonly statistics: PingStatistics;
  /** The last samples, the newest at the end. */
  readonly samples: readonly Sample[];
  /** Whether the host no longer has the address. */
  readonly isGone: boolean;
}

interface ChangingRow extends PingRow {
  readonly samples: Sample[];
  isGone: boolean;
}

/** The samples of a row that are kept. No terminal is wider. */
const MAX_SAMPLES = 1_000;
/** The rows of a host that are kept. When there are more, the oldest one that is gone is dropped. */
const MAX_ROWS = 32;

/** The rows of all hosts. */
export class PingRows {
  readonly #hosts: readonly HostPort[];
  readonly #rows: readonly Map<string, ChangingRow>[];
  readonly #portsDiffer: boolean;
  /** The places of the hosts that have answered. */
  readonly #answered = new Set<number>();

  /** @param hosts The hosts as they were named. */
  constructor(hosts: readonly HostPort[]) {
    this.#hosts = hosts;
    this.#rows = hosts.map(() => new Map());
    this.#portsDiffer = new Set(hosts.map(({ port }) => port)).size > 1;
  }

  /** All rows: those of the first host, then those of the next one. */
  get all(): readonly PingRow[] {
    return this.#rows.flatMap((rows) => [...rows.values()]);
  }

  /** Whether every host has answered. */
  get areAllAnswered(): boolean {
    return this.#answered.size === this.#hosts.length;
  }

  /** Takes an event, and returns the row that a probe belongs to. */
  take(event: PingEvent): PingRow | undefined {
    if (event.kind === "addresses") this.#change(event);
    if (event.kind !== "probe") return undefined;
    const row = this.#rows[event.index]?.get(event.address);
    if (row === undefined) return undefined;
    const { index, state, time_ms, answered } = event;
    if (answered) this.#answered.add(index);
    row.statistics.add({ time_ms: answered ? time_ms : null });
    row.samples.push({ state, time_ms, answered });
    if (row.samples.length > MAX_SAMPLES) row.samples.shift();
    return row;
  }

  #change({ index, added, removed }: HostAddresses): void {
    const rows = this.#rows[index]!;
    for (const address of removed) {
      const row = rows.get(address);
      if (row !== undefined) row.isGone = true;
    }
    for (const address of added) {
      const known = rows.get(address);
      if (known !== undefined) known.isGone = false;
      else rows.set(address, this.#newRow(index, address));
    }
    const gone = [...rows].filter(([, { isGone }]) => isGone).map(([address]) => address);
    while (rows.size > MAX_ROWS && gone.length > 0) rows.delete(gone.shift()!);
  }

  #newRow(index: number, address: string): ChangingRow {
    const host = this.#hosts[index]!;
    return { host, address, statistics: new PingStatistics(), samples: [], isGone: false };
  }

  /**
   * Returns what tells a row from the others: its host, its address, or both.
   *
   * @param row The row.
   */
  label({ host, address }: PingRow): string {
    const rows = this.#rows[this.#hosts.indexOf(host)]!;
    if (this.#hosts.length === 1 && rows.size > 1) return printable(address);
    const name = printable(this.#portsDiffer ? hostPort(host) : host.hostname);
    return rows.size > 1 ? `${name} ${printable(address)}` : name;
  }
}

/** Formats what is probed: the host, its first addresses and the port. */
export function heading({ hostname, port }: HostPort, change: HostAddresses): string {
  const { addresses, left_out } = change;
  const isAddress = addresses.length === 1 && addresses[0] === hostname;
  const others = left_out === 0 ? "" : ` and ${left_out} more, which are not probed`;
  const at = isAddress ? "" : ` (${addresses.join(", ")}${others})`;
  return printable(`${hostname}${at}, port ${port}, by TCP connect`);
}

/** Formats a change of a host's addresses. */
export function changeText({ hostname }: HostPort, { added, removed }: HostAddresses): string {
  const now = added.join(", ");
  const gone = `no longer at ${removed.join(", ")}`;
  if (added.length === 0) return printable(`${hostname} is ${gone}`);
  return printable(
    removed.length === 0
      ? `${hostname} is now also at ${now}`
      : `${hostname} is now at ${now}, ${gone}`,
  );
}

const COLOUR: Readonly<Record<ProbeState, keyof Style>> = {
  open: "green",
  refused: "yellow",
  timeout: "red",
  unreachable: "red",
};

function colourOf({ state, answered }: Sample): keyof Style {
  return answered ? COLOUR[state] : "red";
}

/** How a line of a probe is laid out. */
export interface LineLayout {
  /** The label of the row; empty if there is only one row. */
  readonly label: string;
  /** The width of the widest label. */
  readonly labelWidth: number;
  /** The width of the terminal; undefined if there is none. */
  readonly columns: number | undefined;
  readonly widthOf: WidthOf;
}

/** Formats a probe as a line: its number, the row, the result, and the time or the error. */
export function probeLine(probe: HostProbe, layout: LineLayout, style: Style): string {
  const { seq, state, time_ms, error } = probe;
  const { label, labelWidth, columns, widthOf } = layout;
  const paint = style[colourOf(probe)];
  const time = time_ms === null ? error ?? "" : `${time_ms.toFixed(2)} ms`;
  const padded = label === "" ? "" : `  ${label}${" ".repeat(labelWidth - widthOf(label))}`;
  const behind = time_ms === null ? `  ${time}` : time.padStart(12);
  const width = 4 + padded.length + 2 + 11 + behind.length;
  if (columns === undefined || width <= columns) {
    const number = String(seq).padStart(4);
    return `${number}${padded}  ${paint(state.padEnd(11))}${behind}`.trimEnd();
  }
  return [String(seq), label, paint(state), time].filter((part) => part !== "").join(" ");
}

/** The widths of the columns of the live plot; 0 for a column that is not shown. */
interface LiveWidths {
  readonly label: number;
  readonly last: number;
  readonly lost: number;
  readonly range: number;
  readonly plot: number;
}

const GAP = 2;

function liveWidths(columns: number, longest: number): LiveWidths {
  const others = columns >= 60
    ? { last: 8, lost: 4, range: 11 }
    : { last: columns >= 32 ? 8 : 0, lost: 0, range: 0 };
  const label = columns < 10 ? 0 : Math.min(longest, Math.floor(columns * 0.35));
  const used = [label, ...Object.values(others)].filter((width) => width > 0);
  const plot = columns - used.reduce((sum, width) => sum + width + GAP, 0);
  return { label, ...others, plot: Math.max(1, plot) };
}

/** What the live plot shows, and where. */
export interface LivePlot {
  readonly rows: readonly PingRow[];
  /** The label of each row. */
  readonly labels: readonly string[];
  /** The size of the terminal. */
  readonly size: { readonly columns: number; readonly rows: number };
  readonly style: Style;
  readonly widthOf: WidthOf;
}

/**
 * Draws the live plot: a line for each row, with as many columns as fit. No line is wider than the terminal, and one row
 * of the terminal stays free for the cursor.
 */
export function livePlot({ rows, labels, size, style, widthOf }: LivePlot): string[] {
  const { columns } = size;
  const room = Math.max(1, size.rows - 1);
  const widths = liveWidths(columns, Math.max(...labels.map(widthOf)));
  const shown = rows.length <= room ? rows.length : room - 1;
  const lines = rows.slice(0, shown)
    .map((row, i) => plotLine(row, fitted(labels[i]!, widths.label, widthOf), widths, style));
  const title = widths.range > 0 && shown + 1 <= room && shown === rows.length
    ? [style.dim(titleLine(widths))]
    : [];
  const hidden = rows.length - shown;
  const more = hidden === 0 ? [] : [`… ${hidden} more`.slice(0, columns)];
  return [...title, ...lines, ...more];
}

function titleLine({ label, last, lost, range }: LiveWidths): string {
  return [
    "host".slice(0, label).padEnd(label),
    "last".padStart(last),
    "lost".padStart(lost),
    "range ms".padStart(range),
    "plot",
  ].join(" ".repeat(GAP));
}

function plotLine(row: PingRow, label: string, widths: LiveWidths, style: Style): string {
  const { samples, statistics: { summary }, isGone } = row;
  const shown = samples.slice(-widths.plot);
  const cells = [
    ...widths.label === 0 ? [] : [isGone ? style.dim(label) : label],
    ...widths.last === 0 ? [] : [lastText(row, widths.last, style)],
    ...widths.lost === 0 ? [] : [lostText(summary).padStart(widths.lost)],
    ...widths.range === 0 ? [] : [rangeText(shown).padStart(widths.range)],
    plot(shown, style),
  ];
  return cells.join(" ".repeat(GAP)).trimEnd();
}

function lastText({ samples, isGone }: PingRow, width: number, style: Style): string {
  const last = samples.at(-1);
  if (isGone) return style.dim("gone".padStart(width));
  if (last === undefined) return "-".padStart(width);
  const { state, time_ms } = last;
  const word = state.length > width ? `${state.slice(0, width - 1)}.` : state;
  const text = time_ms === null ? word : shortTime(time_ms, " ");
  return style[colourOf(last)](text.padStart(width));
}

function lostText({ sent, answered }: PingSummary): string {
  if (sent === 0) return "-";
  if (sent === answered) return "0%";
  // Neither 0% nor 100% is shown unless it is exact.
  const percent = Math.round((sent - answered) / sent * 100);
  return `${answered === 0 ? 100 : Math.min(99, Math.max(1, percent))}%`;
}

function rangeText(samples: readonly Sample[]): string {
  const times = timesOf(samples).filter((time) => time !== null);
  if (times.length === 0) return "-";
  return [Math.min(...times), Math.max(...times)].map((ms) => shortTime(ms)).join("–");
}

/**
 * Formats a time in at most five characters: three digits in milliseconds, as far as there are no more before the
 * point, and a time from 100 s in seconds.
 *
 * @param ms The time.
 * @param gap What stands before the unit. Without it, only seconds have their unit.
 */
function shortTime(ms: number, gap?: string): string {
  if (ms >= 99_999.5) return `${Math.round(ms / 1000)}${gap ?? ""}s`;
  const number = ms.toFixed(ms < 9.995 ? 2 : ms < 99.95 ? 1 : 0);
  return gap === undefined ? number : `${number}${gap}ms`;
}

function timesOf(samples: readonly Sample[]): (number | null)[] {
  return samples.map(({ answered, time_ms }) => answered ? time_ms : null);
}

/**
 * Draws samples as a line of bars, each in the colour of its result. A lost probe is a red `×`.
 *
 * @param samples The samples, the newest at the end.
 * @param style Colours, or none.
 */
export function plot(samples: readonly Sample[], style: Style): string {
  const runs: { colour: keyof Style; text: string }[] = [];
  for (const [i, bar] of [...sparkline(timesOf(samples))].entries()) {
    const colour = colourOf(samples[i]!);
    const run = runs.at(-1);
    if (run?.colour === colour) run.text += bar;
    else runs.push({ colour, text: bar });
  }
  return runs.map(({ colour, text }) => style[colour](text)).join("");
}

/** Pads a text to a width, or cuts it in the middle: what tells rows apart is often at the end. */
function fitted(text: string, width: number, widthOf: WidthOf): string {
  if (widthOf(text) <= width) return text + " ".repeat(width - widthOf(text));
  if (width < 1) return "";
  const chars = [...text];
  const head = beginning(chars, Math.ceil((width - 1) / 2), widthOf);
  const tail = beginning(chars.reverse(), width - 1 - widthOf(head.join("")), widthOf).reverse();
  const cut = `${head.join("")}…${tail.join("")}`;
  return cut + " ".repeat(Math.max(0, width - widthOf(cut)));
}

/** The first characters, as many as fit into a width. */
function beginning(chars: readonly string[], width: number, widthOf: WidthOf): string[] {
  const fit: string[] = [];
  for (const char of chars) {
    if (widthOf(fit.join("") + char) > width) break;
    fit.push(char);
  }
  return fit;
}

/** The narrowest terminal for a summary in lines of four times. */
const WIDE = 60;

/** Formats the summary of one row. */
export function summaryLines(summary: PingSummary, columns: number | undefined): string[] {
  const { sent, answered, loss_percent } = summary;
  const counts = [`${sent} sent`, `${answered} answered`, `${loss_percent}% lost`];
  const { min_ms, avg_ms, max_ms, stddev_ms, p50_ms, p90_ms, p99_ms, jitter_ms } = summary;
  const times = [
    // A single answer has no jitter.
    [["min", min_ms], ["avg", avg_ms], ["max", max_ms], ["stddev", stddev_ms]],
    [["p50", p50_ms], ["p90", p90_ms], ["p99", p99_ms], ["jitter", jitter_ms]],
  ].map((group) => group.filter(([, ms]) => ms !== null)) as [string, number][][];
  const isNarrow = columns !== undefined && columns < WIDE;
  const head = isNarrow && columns < counts.join(", ").length ? counts : [counts.join(", ")];
  if (answered === 0) return head;
  if (isNarrow) {
    return [...head, ...times.flat().map(([name, ms]) => `${name.padEnd(6)}  ${timeText(ms)} ms`)];
  }
  return [
    ...head,
    ...times.map((group) =>
      `${group.map(([name]) => name).join(" / ")}  ${
        group.map(([, ms]) => timeText(ms)).join(" / ")
      } ms`
    ),
  ];
}

function timeText(ms: number | null): string {
  return ms === null ? "-" : ms.toFixed(2);
}

/** The titles of {@linkcode summaryCells}. */
export const SUMMARY_TITLES: readonly string[] = [
  ...["times in ms", "sent", "lost", "min", "p50", "p90", "p99", "max", "jitter"],
];

/** Formats the summary of one of several rows as the cells of a table. */
export function summaryCells(label: string, summary: PingSummary): string[] {
  const { sent, min_ms, p50_ms, p90_ms, p99_ms, max_ms, jitter_ms } = summary;
  const times = [min_ms, p50_ms, p90_ms, p99_ms, max_ms, jitter_ms].map(timeText);
  return [label, String(sent), lostText(summary), ...times];
}
