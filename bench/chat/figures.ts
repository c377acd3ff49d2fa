/**
 * Figures of repeated measurements.
 *
 * @module
 */

/** The value that so much of the others lies below; `share` is 0 to 1. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error("Cannot take a percentile of nothing");
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

/** The middle value; of two middle values their mean. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return (percentile(sorted, 0.5) + sorted[Math.ceil(half) - 1]!) / 2;
}

/** A whole number with its thousands set apart. */
export function thousands(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** The lowest and the highest value, as a reader wants them beside a median. */
export function spread(values: readonly number[], format: (value: number) => string): string {
  return `${format(Math.min(...values))} to ${format(Math.max(...values))}`;
}
