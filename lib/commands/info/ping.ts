/**
 * `parley info ping`.
 *
 * @module
 */

import { usageFailure } from "../../base/failure.ts";
import type { HostPort } from "../../base/host_port.ts";
import { quote } from "../../base/printable.ts";
import { readHost, readPort } from "../../cli/words.ts";
import {
  brokenLines,
  failureFields,
  jsonEvent,
  measure,
  printLines,
  reportingFailure,
  tableLines,
} from "../../cli/output.ts";
import type { Input } from "../../cli/spec.ts";
import { type PingEvent, pingHosts, type PingHostsOptions } from "../../info/ping/hosts.ts";
import { sparkline } from "../../info/ping/ping.ts";
import { type Io, type OutputStream, type Page, StopSignals, writeAll } from "../../os/io.ts";
import { makeStyle, type Style, unstyled } from "../../terminal/terminal.ts";
import {
  changeText,
  heading,
  livePlot,
  type PingRow,
  PingRows,
  probeLine,
  SUMMARY_TITLES,
  summaryCells,
  summaryLines,
  type WidthOf,
} from "./ping_text.ts";
import type { INFO_PING } from "./spec.ts";

type PingInput = Input<typeof INFO_PING>;

/** The port of a host that is given without one. */
const DEFAULT_PORT = 80;

/** The least time from one drawing to the next, in milliseconds. */
const DRAW_MS = 100;
/** The size of a terminal that reports none, as under expect(1). */
const DEFAULT_SIZE = { columns: 80, rows: 24 };

// ECMA-48 sequences, and DEC's private mode 7 (autowrap): no line continues in the next row.
const ERASE_RIGHT = "\x1b[K";
const ERASE_BELOW = "\x1b[J";
const WRAP_OFF = "\x1b[?7l";
const WRAP_ON = "\x1b[?7h";

/**
 * Probes hosts until all probes are sent or a signal stops it.
 *
 * @returns The exit code: 0 if every host has answered, 1 if not, 130 for Ctrl-C.
 */
export async function pingHost({ options, operands }: PingInput, io: Io): Promise<number> {
  const hosts = readHosts(operands);
  checkOptions(options);
  return await reportingFailure(io, options.json, async () => {
    using signals = new StopSignals(io);
    const interruption = new AbortController();
    let stopped: number | undefined;
    signals.stopped.then((code) => {
      stopped = code;
      interruption.abort();
    });
    const rows = new PingRows(hosts);
    const view = await openView({ io, options, hosts, rows });
    for await (const event of pingHosts(libraryOptions(hosts, options, interruption.signal))) {
      view.show(event, rows.take(event));
    }
    await view.end();
    // Ctrl-C means that a person interrupted the command. A script may use SIGTERM to limit the time of a normal run.
    if (stopped === 130) return 130;
    return rows.areAllAnswered ? 0 : 1;
  });
}

/** Reads `HOST`, `HOST:PORT` and `HOST PORT`, each as often as it is given. */
function readHosts(operands: readonly string[]): HostPort[] {
  const hosts: HostPort[] = [];
  for (let i = 0; i < operands.length; i++) {
    const word = operands[i]!;
    const { hostname, port } = readHost(word);
    const next = operands[i + 1];
    if (next === undefined || !/^\d+$/.test(next)) {
      hosts.push({ hostname, port: port ?? DEFAULT_PORT });
      continue;
    }
    if (port !== undefined) {
      const why = `${word} has a port already`;
      throw usageFailure(`cannot read the port ${quote(next)}`, why, "leave out one of them");
    }
    hosts.push({ hostname, port: readPort(next) });
    i += 1;
  }
  return hosts;
}

function checkOptions(options: PingInput["options"]): void {
  const exclusive = [
    ["ipv4", ["ipv6"]],
    ["plot", ["lines", "stamps", "quiet", "json"]],
    ["quiet", ["lines", "stamps"]],
  ] as const;
  for (const [one, others] of exclusive) {
    const other = others.find((name) => options[one] && options[name]);
    if (other === undefined) continue;
    const hint = "leave out one of them";
    throw usageFailure(`--${one} and --${other}`, "each excludes the other", hint);
  }
}

function libraryOptions(
  hosts: readonly HostPort[],
  options: PingInput["options"],
  signal: AbortSignal,
): PingHostsOptions {
  const { ipv4, ipv6, open, count, interval, timeout, refresh } = options;
  const family = ipv4 ? "IPv4" : ipv6 ? "IPv6" : undefined;
  return {
    hosts,
    open,
    count,
    intervalMs: interval,
    timeoutMs: timeout,
    refreshMs: refresh * 1000,
    signal,
    ...(family === undefined ? {} : { family }),
  };
}

/** Shows events as they come, and the summary at the end. */
interface View {
  /** Shows an event, and the row of a probe. */
  show(event: PingEvent, row: PingRow | undefined): void;
  end(): Promise<void> | void;
}

/** What a view shows, and how. */
interface Shown {
  readonly io: Io;
  readonly options: PingInput["options"];
  readonly hosts: readonly HostPort[];
  readonly rows: PingRows;
}

async function openView(shown: Shown): Promise<View> {
  const { io: { output }, options, hosts } = shown;
  if (options.json) return jsonView(shown);
  const widthOf = await measure(hosts.map(({ hostname }) => hostname));
  if (options.quiet) return quietView(shown);
  const wantsLines = options.lines || options.stamps;
  const wantsPlot = options.plot || (hosts.length > 1 && !wantsLines);
  return wantsPlot && output.isTerminal && !output.dumb
    ? plotView(shown, widthOf)
    : lineView(shown, widthOf);
}

/** Shows what is probed, and the summary. */
function quietView(shown: Shown): View {
  const { io, hosts } = shown;
  const style = makeStyle(io.output.coloured);
  const named = new Set<number>();
  return {
    show(event) {
      if (event.kind !== "addresses" || named.has(event.index)) return;
      named.add(event.index);
      const text = heading(hosts[event.index]!, event);
      printLines(io, brokenLines([text], io.output).map(style.dim));
    },
    end: () => printSummary(shown, true),
  };
}

function jsonView({ io, options, hosts, rows }: Shown): View {
  return {
    show(event) {
      if (!options.quiet) printLines(io, eventLines(event, hosts[event.index]!));
    },
    end() {
      for (const { host, address, statistics } of rows.all) {
        const target = { host: host.hostname, address, port: host.port };
        printLines(io, [jsonEvent("summary", { ...target, ...statistics.summary })]);
      }
    },
  };
}

/** Formats an event as a line of JSON. For a host given as an address, the event `addresses` is left out. */
function eventLines(event: PingEvent, { hostname: host, port }: HostPort): string[] {
  const { kind, index: _, ...fields } = event;
  if (kind === "lookup_failed") {
    return [jsonEvent(kind, { host, port, ...failureFields(event.failure) })];
  }
  if (event.kind === "probe") {
    const { kind: _, index: __, address, ...probe } = event;
    return [jsonEvent(kind, { host, address, port, ...probe })];
  }
  const isAddress = event.addresses.length === 1 && event.addresses[0] === host;
  return isAddress ? [] : [jsonEvent(kind, { host, port, ...fields })];
}

/** Returns a function that formats the events that are no probes for people, as lines that fit the page. */
function noteFormat(
  hosts: readonly HostPort[],
  style: Style,
  page: Page,
): (event: PingEvent) => string[] {
  const known = new Set<number>();
  return (event) => {
    const host = hosts[event.index]!;
    const isFirst = !known.has(event.index);
    known.add(event.index);
    return event.kind === "addresses" && isFirst
      ? brokenLines([heading(host, event)], page).map(style.dim)
      : brokenLines([`* ${newsText(event, host)}`], page).map(style.yellow);
  };
}

function newsText(event: PingEvent, host: HostPort): string {
  if (event.kind === "addresses") return changeText(host, event);
  if (event.kind !== "lookup_failed") return "";
  const { what, why } = event.failure;
  return `${what} any longer: ${why}; probing its last addresses`;
}

/** Prints a line for each probe. */
function lineView(shown: Shown, widthOf: WidthOf): View {
  const { io, options, hosts, rows } = shown;
  const style = makeStyle(io.output.coloured);
  const stamp = () => options.stamps ? `${new Date().toISOString()} ` : "";
  const { columns: width = Infinity, coloured } = io.output;
  const note = noteFormat(hosts, style, { columns: width - stamp().length, coloured });
  const print = (...lines: readonly string[]) =>
    printLines(io, lines.map((line) => stamp() + line));
  return {
    show(event, row) {
      if (event.kind !== "probe" || row === undefined) return print(...note(event));
      const all = rows.all;
      const label = all.length === 1 ? "" : rows.label(row);
      const labelWidth = Math.max(...all.map((each) => widthOf(rows.label(each))));
      const { columns } = io.output;
      print(probeLine(event, { label, labelWidth, columns, widthOf }, style));
    },
    end: () => printSummary(shown, true),
  };
}

/** Redraws a row for each address. */
function plotView(shown: Shown, widthOf: WidthOf): View {
  const { io, hosts, rows } = shown;
  const style = makeStyle(io.output.coloured);
  const note = noteFormat(hosts, style, io.output);
  const live = new LiveLines(io, {
    lines(size) {
      const labels = rows.all.map((row) => rows.label(row));
      return rows.all.length === 0
        ? []
        : livePlot({ rows: rows.all, labels, size, style, widthOf });
    },
    widthOf,
  });
  return {
    show(event) {
      if (event.kind === "probe") live.changed();
      else live.print(note(event).join("\n"));
    },
    async end() {
      live.close();
      await printSummary(shown, false);
    },
  };
}

/** Prints the summary of every row, and for a single one its last times as bars. */
async function printSummary({ io, rows }: Shown, bars: boolean): Promise<void> {
  const { output } = io;
  const all = rows.all;
  const [first] = all;
  if (first === undefined) return;
  if (all.length > 1) return printLines(io, ["", ...await manySummaries(rows, output.columns, io)]);
  const { summary } = first.statistics;
  const times = first.samples.map(({ answered, time_ms }) => answered ? time_ms : null);
  const { columns } = output;
  const hasBars = bars && columns !== undefined && summary.answered > 0 && times.length > 1;
  printLines(io, [
    "",
    ...summaryLines(summary, columns),
    ...hasBars ? [sparkline(times.slice(-columns))] : [],
  ]);
}

/** A table where it fits; otherwise the summaries one below the other. */
async function manySummaries(
  rows: PingRows,
  columns: number | undefined,
  { output }: Io,
): Promise<string[]> {
  const cells = rows.all.map((row) => summaryCells(rows.label(row), row.statistics.summary));
  const widthOf = await measure(cells.flat());
  const page = { columns: undefined, coloured: output.coloured };
  const right = [...SUMMARY_TITLES.keys()].slice(1);
  const table = await tableLines(cells, page, { titles: SUMMARY_TITLES, right });
  const isWide = columns === undefined ||
    table.every((line) => widthOf(unstyled(line)) <= columns);
  if (isWide) return table;
  const { bold } = makeStyle(output.coloured);
  return rows.all.flatMap((row, i) => [
    ...i === 0 ? [] : [""],
    bold(rows.label(row)),
    ...summaryLines(row.statistics.summary, columns),
  ]);
}

/** The size of a terminal. */
type Size = NonNullable<OutputStream["size"]>;

/** What is drawn. */
interface Drawable {
  /** Returns the lines for a size: printable text with the colours of `Style`, none wider than the terminal. */
  lines(size: Size): readonly string[];
  /** Returns the width of a text without colours. */
  widthOf(text: string): number;
}

/** Draws lines in place, until it is closed. The last drawing stays. */
class LiveLines {
  readonly #io: Pick<Io, "output">;
  readonly #drawable: Drawable;
  readonly #listening: readonly Disposable[];
  /** The widths of the drawn lines, above the cursor. */
  #drawn: readonly number[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStale = false;
  #failure: { readonly error: unknown } | undefined;

  /** Draws `drawable` on the terminal of `io`, and again when its signals say that the terminal has changed. */
  constructor(io: Pick<Io, "output" | "onSignal">, drawable: Drawable) {
    this.#io = io;
    this.#drawable = drawable;
    this.#listening = Deno.build.os === "windows" ? [] : [
      io.onSignal("SIGWINCH", () => this.#tryToDraw()),
      io.onSignal("SIGCONT", () => this.#resume()),
    ];
  }

  /**
   * Draws soon, because something has changed.
   *
   * @throws {Failure} If an earlier drawing failed.
   */
  changed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#isStale = true;
    if (this.#timer !== undefined) return;
    this.#draw();
    this.#startTimer();
  }

  #startTimer(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (!this.#isStale) return;
      this.#tryToDraw();
      this.#startTimer();
    }, DRAW_MS);
  }

  /** Prints lines above the drawing. */
  print(lines: string): void {
    this.#draw(`${ERASE_BELOW}${lines}\n`);
  }

  /** Draws for the last time. */
  close(): void {
    clearTimeout(this.#timer);
    for (const one of this.#listening) one[Symbol.dispose]();
    this.#draw();
  }

  /** Another program has used the terminal while this process was suspended. */
  #resume(): void {
    this.#drawn = [];
    this.#tryToDraw();
  }

  /** Draws outside of a call. The next call reports a failure, such as a terminal that has hung up. */
  #tryToDraw(): void {
    try {
      this.#draw();
    } catch (error) {
      this.#failure = { error };
    }
  }

  #draw(above = ""): void {
    this.#isStale = false;
    const { size } = this.#io.output;
    const [columns, rows] = [
      size?.columns || DEFAULT_SIZE.columns,
      size?.rows || DEFAULT_SIZE.rows,
    ];
    const lines = this.#drawable.lines({ columns, rows });
    // Without autowrap the cursor stays on the last column: erasing behind a full line would erase its end.
    const drawn = lines.map((line) => `${ERASE_RIGHT}${line}\n`).join("");
    writeAll(
      this.#io.output,
      `${this.#toStart(columns)}${above}${WRAP_OFF}${drawn}${ERASE_BELOW}${WRAP_ON}`,
    );
    this.#drawn = lines.map((line) => this.#drawable.widthOf(unstyled(line)));
  }

  /** Moves to the first drawn line. A terminal that has become narrower has broken lines into several rows. */
  #toStart(columns: number): string {
    const rows = this.#drawn.map((width) => Math.max(1, Math.ceil(width / columns)));
    const up = rows.reduce((sum, each) => sum + each, 0);
    return up === 0 ? "\r" : `\r\x1b[${up}A`;
  }
}
