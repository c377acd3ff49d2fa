/**
 * Figures as a table for people.
 *
 * @module
 */

import type { Figure } from "./bench.ts";

const TITLES = ["measurement", "goal", "measured", "met", "runs"] as const;

/** Prints figures, one a row. */
export function printFigures(figures: readonly Figure[], runs: number): void {
  const rows = [[...TITLES], ...figures.map(cellsOf)];
  const widths = TITLES.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  console.log(
    `medians of ${runs}, ${navigator.hardwareConcurrency} cores, Deno ${Deno.version.deno}\n`,
  );
  for (const row of rows) {
    console.log(row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ").trimEnd());
  }
}

function cellsOf({ what, goal, measured, met, note }: Figure): string[] {
  const verdict = met === undefined ? "" : met ? "yes" : "NO";
  return [what, goal ?? "", measured, verdict, note];
}
