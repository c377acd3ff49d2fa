/**
 * `parley tour`.
 *
 * @module
 */

import type { Input } from "../../cli/spec.ts";
import type { Io } from "../../os/io.ts";
import { StopSignals } from "../../os/process.ts";
import { loadSections } from "../../tour/sections.ts";
import { enterKey } from "../../tour/step.ts";
import { playTour } from "../../tour/tour.ts";
import { PARLEY } from "../table.ts";
import { TOUR } from "./spec.ts";

/** Takes the tour, or one section of it. */
export async function run({ options, operands }: Input<typeof TOUR>, io: Io): Promise<number> {
  using signals = new StopSignals(io);
  const stop = new AbortController();
  signals.stopped.then((code) => stop.abort(code));
  using keys = options.pause ? enterKey(io) : undefined;
  try {
    const failed = await playTour({
      io,
      root: PARLEY,
      kept: [...TOUR.permissions, ...(options.ffi ? ["ffi" as const] : [])],
      sections: await loadSections(operands[0]),
      pause: keys?.pressed,
      signal: stop.signal,
    });
    return failed === 0 ? 0 : 1;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    return await signals.stopped;
  }
}
