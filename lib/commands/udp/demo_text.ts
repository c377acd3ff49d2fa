/**
 * What `parley udp demo` says.
 *
 * @module
 */

import { hostPort } from "../../base/host_port.ts";
import { addressFields, type Said, shownData } from "../../cli/json_events.ts";
import type { Paint } from "../../terminal/terminal.ts";
import type { EchoServerEvent } from "../../udp/echo_server.ts";
import { FORGED_REPLY, type ForgeryEvent, type ForgeryOutcome } from "../../udp/forgery.ts";
import type { EchoClientEvent } from "../../udp/open_question.ts";
import { clientSaid } from "./client_text.ts";
import { listening, serverSaid } from "./server_text.ts";

const PARTY_WIDTH = "attacker".length + 2;

/** A scene begins. */
export function sceneSaid(promiscuous: boolean): Said {
  const client = promiscuous ? "takes the first datagram from anyone" : "checks who answers";
  return {
    event: "scene",
    fields: { promiscuous },
    lines: [`${promiscuous ? "1" : "2"}. A client that ${client}`, ""],
  };
}

/** What a party sees or does. */
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
  const line = `Slow as I am, only now I answer ${hostPort(event.to)}: ${shownData(event.reply)}`;
  return { ...said, lines: [line] };
}

/** How the scene ended. */
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
