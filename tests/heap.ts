/**
 * What a test's process keeps, once nothing is left that could be given back.
 *
 * @module
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/**
 * Collects garbage, and what that sets free, until no more is found.
 *
 * @returns What is kept, in bytes: the heap, and buffers beside it.
 */
export async function kept(): Promise<number> {
  let least = Infinity;
  for (let rounds = 0; rounds < 3;) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    collect();
    const { heapUsed, external } = Deno.memoryUsage();
    rounds = heapUsed + external < least - 1024 ? 0 : rounds + 1;
    least = Math.min(least, heapUsed + external);
  }
  return least;
}
