/**
 * A small share of `deno task fuzz`, the same inputs every time.
 *
 * @module
 */

import { TARGETS } from "./targets.ts";

const RUNS = 500;
const SEED = 4396;

for (const target of TARGETS) {
  Deno.test(`${RUNS} inputs of "${target.name}" break nothing`, async () => {
    await target.run({ runs: RUNS, seed: SEED });
  });
}
