/**
 * `parley info service`.
 *
 * @module
 */

import { printable } from "../../base/printable.ts";
import { printJson, printLines } from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import { missingLines, tableLines } from "../../cli/table.ts";
import { findServices, type Protocol } from "../../info/service.ts";
import type { Io } from "../../os/io.ts";
import type { INFO_SERVICE } from "./spec.ts";

/** Shows the services of a name or a port. */
export async function run(
  { options, operands }: Input<typeof INFO_SERVICE>,
  io: Io,
): Promise<number> {
  const protocol = options.protocol as Protocol | undefined; // one of its choices
  const { services, missing } = await findServices(operands[0] ?? "", { protocol });
  if (options.json) {
    for (const service of services) printJson(io, { ...service, not_shown: missing });
    return 0;
  }
  const rows = services.map(({ name, port, protocol, aliases, description, source }) =>
    [name, `${port}/${protocol}`, aliases.join(" ") || "-", source, description].map(printable)
  );
  const titles = ["name", "port", "aliases", "source", "description"];
  printLines(io, [
    ...await tableLines(rows, io.output, { titles }),
    ...await missingLines(missing, ["info", "service"], io.output),
  ]);
  return 0;
}
