/**
 * `parley tour`.
 *
 * @module
 */

import type { CommandSpec, Input, LoadCommand } from "../../cli/spec.ts";
import { type Io, StopSignals } from "../../os/io.ts";
import { loadSections } from "../../tour/sections.ts";
import { enterKey, playTour } from "../../tour/tour.ts";
import { TOUR } from "./spec.ts";

/**
 * Plays the tour, or one section of it.
 *
 * @param root The table of commands that its steps run.
 * @param load Loads the code of a command.
 */
export async function runTour(
  root: CommandSpec,
  load: LoadCommand,
  { options, operands }: Input<typeof TOUR>,
  io: Io,
): Promise<number> {
  using signals = new StopSignals(io);
  const stop = new AbortController();
  signals.stopped.then((code) => stop.abort(code));
  using keys = options.pause ? enterKey(io) : undefined;
  try {
    const failed = await playTour({
      io,
      root,
      load,
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
