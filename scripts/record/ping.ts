/**
 * The picture of the live plot of `parley info ping`: three ports of this machine, one of which is closed for a while,
 * and one silent at first.
 *
 * @module
 */

import { type HostPort, hostPort } from "../../lib/base/host_port.ts";
import { SilentListener } from "../../tests/info/silent_listener.ts";
import type { Pane } from "../../tests/terminal/tmux.ts";
import { openPane, screenOf } from "./pane.ts";
import { drawScreens } from "./screen_svg.ts";

const SIZE = { columns: 86, rows: 20 };

/** The ports of the picture: an open one, one that is closed for a while, and one that is silent at first. */
export const PICTURE_HOSTS = [
  { hostname: "::1", port: 8001 },
  { hostname: "127.0.0.1", port: 8002 },
  { hostname: "127.0.0.1", port: 8003 },
] as const;

/** Runs the command, and draws what the terminal shows at its end. */
export async function recordPing(): Promise<string> {
  const [first, second, third] = PICTURE_HOSTS;
  using _open = Deno.listen(first);
  const flaky = Deno.listen(second);
  await using silent = await SilentListener.open(third.hostname, third.port);
  await using pane = await openPane(SIZE);
  const others = [second, third].map(hostPort).join(" ");
  await pane.type(
    `parley info ping ${first.hostname} ${first.port} ${others} -c 40 -i 50 -W 60\n`,
  );
  await bars(pane, third, /×{3}/);
  silent.answer();
  await bars(pane, second, /[▁-█]{10}/);
  flaky.close();
  await bars(pane, second, /[▁-█]{18}/);
  using _again = Deno.listen(second);
  await pane.until("the end", ({ rows }) => rows.at(-1) === "$");
  return drawScreens(
    [await screenOf(pane, "parley info ping", SIZE)],
    "The live plot of parley info ping: a row for each address, with bars for times and crosses for lost probes",
  );
}

/** Waits until the row of a port has such bars. */
async function bars(pane: Pane, host: HostPort, drawn: RegExp): Promise<void> {
  const label = hostPort(host);
  await pane.until(
    `${label} ${drawn}`,
    ({ rows }) => rows.some((row) => row.startsWith(`${label} `) && drawn.test(row)),
  );
}
