/**
 * Writes a file whole, or says why it cannot: `write_file.ts PATH BYTES`.
 *
 * @module
 */

import { Failure } from "../../lib/base/failure.ts";
import { writeWhole } from "../../lib/os/files.ts";

const [path, bytes] = Deno.args;
try {
  await writeWhole(path!, new Uint8Array(Number(bytes)), { mode: 0o600, replace: true });
  console.log("written");
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.log(error.code);
}
