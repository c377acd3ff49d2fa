/**
 * Text to a file or a standard stream, whole.
 *
 * @module
 */

const encoder = new TextEncoder();

/**
 * Writes text whole, however many writes it takes.
 *
 * @param to `Deno.stdout` or `Deno.stderr`.
 * @param text What to write.
 */
export function writeAll(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = encoder.encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(to.writeSync(bytes));
}
