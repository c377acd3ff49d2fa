/**
 * What `parley udp client` and `parley udp send` say.
 *
 * @module
 */

import { hostPort, sameAddress } from "../../base/host_port.ts";
import { addressFields, counted, dataFields, type Said, shownData } from "../../cli/json_events.ts";
import type { SentDatagram } from "../../udp/datagram_socket.ts";
import type { EchoClientCounts } from "../../udp/echo_client.ts";
import type { Histogram } from "../../udp/histogram.ts";
import type { EchoClientEvent, Verdict } from "../../udp/open_question.ts";

/**
 * What the client meets.
 *
 * @param event What happened.
 * @param server Whom it asks.
 * @param waiting Whether it still waits for an answer.
 */
export function clientSaid(event: EchoClientEvent, server: Deno.NetAddr, waiting: boolean): Said {
  const { question } = event;
  const stillWaiting = waiting ? "; still waiting" : "";
  switch (event.kind) {
    case "assigned":
      return {
        event: "assigned",
        fields: { question, ...addressFields(event.addr) },
        lines: [`The OS assigned me the address ${hostPort(event.addr)}`],
      };
    case "asked":
      return {
        event: "asked",
        fields: { question, times: event.times, ...addressFields(server) },
        lines: event.times === 1 ? [] : [`No reply yet: asked again, ${event.times} times now`],
      };
    case "refused":
      return {
        event: "refused",
        fields: { question, ...addressFields(server) },
        lines: [`The system says that nothing listens at ${hostPort(server)}${stillWaiting}`],
      };
    default:
      return replied(event, server, stillWaiting);
  }
}

type Reply = EchoClientEvent & { readonly kind: Verdict };

function replied(event: Reply, server: Deno.NetAddr, stillWaiting: string): Said {
  const { kind, question, from, data, afterMs } = event;
  const who = hostPort(from);
  const what = shownData(data);
  const asked = hostPort(server);
  const after = `${afterMs.toFixed(1)} ms`;
  const line = {
    answer: sameAddress(from, server)
      ? `The server ${who} replied ${what}`
      : `${who} replied ${what}, and is believed, though ${asked} was asked`,
    forged: `Forged: ${who} says ${what}, but ${asked} was asked${stillWaiting}`,
    late: `Late: ${who} replied ${what} to question ${question}, after ${after}`,
    duplicate: `Duplicate: ${who} replied ${what} to question ${question} again, after ${after}`,
  }[kind];
  return {
    event: kind,
    fields: {
      question,
      ...addressFields(from),
      ...dataFields(data),
      after_ms: Number(afterMs.toFixed(3)),
    },
    lines: [line],
  };
}

/** A question went without an answer, and another follows. */
export function unanswered(question: number, message: string): Said {
  return {
    event: "unanswered",
    fields: { question, message },
    lines: [`No answer to question ${question}: ${message}`],
  };
}

/** What the client has seen. */
export function clientSummary(counts: EchoClientCounts, roundTrips: Histogram): Said {
  const { questions, asked, answered, forged, late, duplicates } = counts;
  const ms = (us: number) => (us / 1000).toFixed(2);
  const { min, max } = roundTrips;
  const median = roundTrips.percentile(0.5);
  const times = `round trip ${ms(min)} / ${ms(median)} / ${ms(max)} ms (min / median / max)`;
  return {
    event: "summary",
    fields: {
      questions,
      asked,
      answered,
      forged,
      late,
      duplicates,
      ...(answered === 0 ? {} : { min_us: min, median_us: median, max_us: max }),
    },
    lines: [
      `${counted(questions, "question")} in ${counted(asked, "datagram")}: ${answered} answered, ` +
      `${forged} forged, ${late} late, ${duplicates} duplicated`,
      ...(answered === 0 ? [] : [times]),
    ],
  };
}

/** A datagram was sent. */
export function sent({ from, to, bytes }: SentDatagram): Said {
  return {
    event: "sent",
    fields: { from: addressFields(from), to: addressFields(to), bytes },
    lines: [`Sent ${counted(bytes, "byte")} from ${hostPort(from)} to ${hostPort(to)}`],
  };
}

/** Of so many datagrams that nobody asked for is told, for each question; the summary counts all. */
const MAX_TOLD = 10;

/** Tells what happens to an echo client. */
export class ClientNarrator {
  readonly #say: (said: Said) => void;
  #waitingFor = 0;
  #question = 0;
  #unasked = 0;

  /** @param say Hears it. */
  constructor(say: (said: Said) => void) {
    this.#say = say;
  }

  /** Something happened to a client that asks a server. */
  tell(event: EchoClientEvent, server: Deno.NetAddr): void {
    if (event.kind === "assigned") {
      this.#question = event.question;
      this.#waitingFor = event.question;
      this.#unasked = 0;
    }
    if (event.kind === "answer") this.#waitingFor = 0;
    const unasked = ["forged", "late", "duplicate"].includes(event.kind);
    if (unasked && ++this.#unasked > MAX_TOLD) {
      if (this.#unasked === MAX_TOLD + 1) this.#say(more(this.#question));
      return;
    }
    const waiting = event.question === this.#waitingFor;
    this.#say(clientSaid(event, server, waiting));
  }
}

function more(question: number): Said {
  return {
    event: "notice",
    fields: { question, text: "more of these are only counted" },
    lines: ["More of these are only counted"],
  };
}
