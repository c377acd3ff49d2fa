/**
 * What `parley udp server` says.
 *
 * @module
 */

import { toFailure } from "../../failure.ts";
import { printable } from "../../printable.ts";
import { hostPort } from "../../host_port.ts";
import type { EchoServerCounts, EchoServerEvent } from "../echo_server.ts";
import { dataFields, shownData } from "./shown_data.ts";
import { addressFields, counted, type Said } from "../../cli/json_events.ts";

/** Where the server listens. */
export function listening(addr: Deno.NetAddr): Said {
  return {
    event: "listening",
    fields: addressFields(addr),
    lines: [`Listening at ${hostPort(addr)}`],
  };
}

/** What the server meets. */
export function serverSaid(event: EchoServerEvent): Said {
  switch (event.kind) {
    case "datagram":
      return {
        event: "datagram",
        fields: { ...addressFields(event.from), ...dataFields(event.data) },
        lines: [`The client at ${hostPort(event.from)} says ${shownData(event.data)}`],
      };
    case "dropped":
      return {
        event: "dropped",
        fields: addressFields(event.from),
        lines: [`Dropped: no answer to ${hostPort(event.from)}`],
      };
    case "answered":
      return {
        event: "answered",
        fields: { ...addressFields(event.to), ...dataFields(event.reply) },
        lines: [],
      };
    case "failed":
      return failed(event);
  }
}

function failed({ to, error }: EchoServerEvent & { readonly kind: "failed" }): Said {
  const what = to === undefined ? "cannot receive" : `cannot answer ${hostPort(to)}`;
  const failure = toFailure(error, what);
  const address = to === undefined ? {} : addressFields(to);
  return {
    event: "failed",
    fields: { ...address, code: failure.code, message: `${failure.what}: ${failure.why}` },
    lines: [`The server ${printable(failure.message)}`],
  };
}

/** What the server has done. */
export function serverSummary(counts: EchoServerCounts, notShown: number): Said {
  const { datagrams, bytes, answered, dropped, failed } = counts;
  const outcomes = `${answered} answered, ${dropped} dropped, ${failed} failed`;
  const missing = notShown === 0
    ? []
    : [`${counted(notShown, "line")} left out: the output is slow`];
  return {
    event: "summary",
    fields: { datagrams, bytes, answered, dropped, failed, not_shown: notShown },
    lines: [
      `${counted(datagrams, "datagram")}, ${counted(bytes, "byte")}: ${outcomes}`,
      ...missing,
    ],
  };
}
