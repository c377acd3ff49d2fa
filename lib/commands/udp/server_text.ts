/**
 * What `parley udp server` says.
 *
 * @module
 */

import { hostPort } from "../../base/host_port.ts";
import { printable } from "../../base/printable.ts";
import { addressFields, counted, dataFields, type Said, shownData } from "../../cli/json_events.ts";
import { toFailure } from "../../os/errors.ts";
import type { EchoServerCounts, EchoServerEvent } from "../../udp/echo_server.ts";

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
