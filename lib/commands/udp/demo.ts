/**
 * `parley udp demo`: a forged reply, played twice.
 *
 * @module
 */

import { hostPort } from "../../base/host_port.ts";
import { addressFields, reportingFailure, type Said, say as sayTo } from "../../cli/json_events.ts";
import { shownData } from "../../cli/display.ts";
import type { Input } from "../../cli/spec.ts";
import { type Io, StopSignals } from "../../os/io.ts";
import { makeStyle, type Paint, type Style } from "../../terminal/terminal.ts";
import type { EchoClientEvent } from "../../udp/echo_client.ts";
import type { EchoServerEvent } from "../../udp/echo_server.ts";
import {
  FORGED_REPLY,
  type ForgeryEvent,
  type ForgeryOutcome,
  playForgery,
} from "../../udp/forgery.ts";
import { clientSaid } from "./client.ts";
import { listening, serverSaid } from "./server.ts";
import type { UDP_DEMO } from "./spec.ts";

/**
 * Plays the same scene with two clients: one that takes datagrams from anyone, and one that checks the sender.
 *
 * @returns The exit code: 0 if the first client was fooled and the second was not, 1 otherwise.
 * @throws {Failure} If a socket cannot be opened or used.
 */
export function demo({ options }: Input<typeof UDP_DEMO>, io: Io): Promise<number> {
  const { host, json } = options;
  return reportingFailure(io, json, () => playScenes(io, host, json));
}

async function playScenes(io: Io, hostname: string, json: boolean): Promise<number> {
  const say = (said: Said) => sayTo(io, said, json);
  using signals = new StopSignals(io);
  const stop = new AbortController();
  const stopped = signals.stopped.then((code) => {
    stop.abort(new DOMException("Interrupted", "AbortError"));
    return code;
  });
  const scenes = playBoth(hostname, stop.signal, makeStyle(io.output.coloured), say);
  const outcome = await Promise.race([stopped, scenes]);
  if (typeof outcome !== "number") return outcome.asExpected ? 0 : 1;
  await scenes.catch(() => {}); // the reason of the abort
  return outcome;
}

async function playBoth(
  hostname: string,
  signal: AbortSignal,
  style: Style,
  say: (said: Said) => void,
): Promise<{ readonly asExpected: boolean }> {
  const outcomes: ForgeryOutcome[] = [];
  for (const promiscuous of [true, false]) {
    say(sceneSaid(promiscuous));
    const event = (seen: ForgeryEvent) => say(forgerySaid(seen, style[COLOUR[seen.party]]));
    const outcome = await playForgery({ promiscuous, hostname, signal, event });
    say(outcomeSaid(outcome, promiscuous));
    outcomes.push(outcome);
  }
  const [first, second] = outcomes;
  return { asExpected: first!.fooled && !second!.fooled && second!.refused === 1 };
}

/** The colour of each party. */
const COLOUR: Readonly<Record<ForgeryEvent["party"], keyof Style>> = {
  server: "cyan",
  client: "green",
  attacker: "red",
};

const PARTY_WIDTH = "attacker".length + 2;

/** Formats the title of a scene. */
export function sceneSaid(promiscuous: boolean): Said {
  const client = promiscuous ? "takes the first datagram from anyone" : "checks who answers";
  return {
    event: "scene",
    fields: { promiscuous },
    lines: [`${promiscuous ? "1" : "2"}. A client that ${client}`, ""],
  };
}

/** Formats what a party sees or does. */
export function forgerySaid(seen: ForgeryEvent, paint: Paint): Said {
  const { event, fields, lines } = partySaid(seen);
  const party = paint(seen.party.padEnd(PARTY_WIDTH));
  return {
    event,
    fields: { party: seen.party, ...fields },
    lines: lines.map((line) => `  ${party}${line}`),
  };
}

function partySaid(seen: ForgeryEvent): Said {
  if (seen.party === "attacker") {
    const { from, to } = seen.event;
    const line = `I heard of ${hostPort(to)}; from ${hostPort(from)} I send it '${FORGED_REPLY}'`;
    const fields = { from: addressFields(from), to: addressFields(to), text: FORGED_REPLY };
    return { event: "forges", fields, lines: [line] };
  }
  if (seen.party === "client") return clientSeen(seen.event, seen.server);
  if (seen.event.kind === "listening") return listening(seen.event.addr);
  return serverSeen(seen.event);
}

function clientSeen(event: EchoClientEvent, server: Deno.NetAddr): Said {
  const said = clientSaid(event, server, true);
  if (event.kind !== "asked") return said;
  return { ...said, lines: [`I ask ${hostPort(server)}, and wait`] };
}

function serverSeen(event: EchoServerEvent): Said {
  const said = serverSaid(event);
  if (event.kind !== "answered") return said;
  const line = `I am slow, and answer ${hostPort(event.to)} only now: ${shownData(event.reply)}`;
  return { ...said, lines: [line] };
}

/** Formats the outcome of a scene. */
export function outcomeSaid(outcome: ForgeryOutcome, promiscuous: boolean): Said {
  const { server, believed, fooled, refused } = outcome;
  const text = fooled
    ? `Fooled: it asked ${hostPort(server)} and believes ${hostPort(believed)}.`
    : `Not fooled: it believes ${hostPort(believed)}, which it asked.`;
  return {
    event: "outcome",
    fields: {
      promiscuous,
      fooled,
      refused,
      server: addressFields(server),
      believed: addressFields(believed),
    },
    lines: ["", `  ${text}`, ...(promiscuous ? [""] : [])],
  };
}
