/**
 * `parley tour`.
 *
 * @module
 */

import { COLOURED } from "../chat/style.ts";
import type { Input } from "../cli/spec.ts";
import { StopSignals } from "../stop_signals.ts";
import { enterKey } from "../tour/enter_key.ts";
import { loadSections } from "../tour/sections.ts";
import { playTour } from "../tour/tour.ts";
import { PARLEY } from "./table.ts";
import { TOUR } from "./tour_spec.ts";

/** Takes the tour, or one section of it. */
export async function run({ options, operands }: Input<typeof TOUR>): Promise<number> {
  using signals = new StopSignals();
  const stop = new AbortController();
  signals.stopped.then((code) => stop.abort(code));
  using keys = options.pause ? enterKey() : undefined;
  try {
    const failed = await playTour({
      root: PARLEY,
      kept: [...TOUR.permissions, ...(options.ffi ? ["ffi" as const] : [])],
      sections: await loadSections(operands[0]),
      pause: keys?.pressed,
      coloured: COLOURED,
      signal: stop.signal,
    });
    return failed === 0 ? 0 : 1;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    return await signals.stopped;
  }
}
