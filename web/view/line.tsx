/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/// <reference lib="dom" />
/**
 * The entries of a conversation.
 *
 * @module
 */

import { Component, type ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { dayOf, secondOf } from "../../lib/base/clock.ts";
import { printable } from "../../lib/base/printable.ts";
import { reasonsText } from "../../lib/chat/app/delivery.ts";
import { isAction } from "../../lib/chat/app/speech.ts";
import type { WaitingLine } from "../../lib/chat/member/deliveries.ts";
import type { Entry, Heard, Note, Said } from "../state.ts";
import { Button } from "./button.tsx";
import { Code } from "./code.tsx";
import { Disc, Name } from "./names.tsx";

/** Messages of one sender within this time share a heading, in milliseconds. */
const TOGETHER_MS = 5 * 60_000;
/** What is shown of a long message until the person asks for the rest. */
const FOLDED = { lines: 20, characters: 2_000 } as const;
/** A message whose clocks differ by more than this says when it was sent, in milliseconds. */
const SENT_LONG_AGO_MS = 60_000;

/** What a row needs. */
export interface RowProps {
  readonly entry: Entry;
  readonly before: Entry | undefined;
  /** Who has still to show the person's line; undefined if that is not known. */
  readonly waiting: WaitingLine | undefined;
  /** The person's own name and fingerprint. */
  readonly self: { readonly name: string; readonly fingerprint: string } | undefined;
}

/** One row. It is drawn again only if its entry changes. */
export class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    const { entry, before, waiting } = this.props;
    return next.entry !== entry || next.before !== before || next.waiting !== waiting;
  }

  override render({ entry, before, waiting, self }: RowProps) {
    const day = dayOf(entry.at);
    const isNewDay = before !== undefined && dayOf(before.at) !== day;
    return (
      <>
        {isNewDay && <p class="day">{day}</p>}
        <Content
          entry={entry}
          before={isNewDay ? undefined : before}
          waiting={waiting}
          self={self}
        />
      </>
    );
  }
}

function Content({ entry, before, waiting, self }: RowProps) {
  switch (entry.kind) {
    case "heard":
      return <HeardRow entry={entry} before={before} />;
    case "said":
      return <SaidRow entry={entry} before={before} waiting={waiting} self={self} />;
    case "note":
    case "alarm":
      return <NoteRow note={entry} />;
  }
}

function HeardRow({ entry, before }: { entry: Heard; before: Entry | undefined }) {
  const { name, fingerprint, text, at, time, late, mentions } = entry;
  const goesOn = before?.kind === "heard" && before.fingerprint === fingerprint &&
    before.name === name && before.private === entry.private && at - before.at < TOGETHER_MS;
  const heldBack = late || Math.abs(at - time) > SENT_LONG_AGO_MS;
  const remarks = [
    ...entry.private ? ["to you only"] : [],
    ...late ? ["late"] : [],
    ...heldBack
      ? [`sent ${dayOf(time) === dayOf(at) ? "" : `${dayOf(time)} `}${minute(time)}`]
      : [],
  ];
  const tone = [entry.private ? "private" : "", mentions ? "mentions" : ""];
  return (
    <Message
      {...{ name, fingerprint, text, at, remarks, goesOn: goesOn && !heldBack }}
      tone={tone.join(" ")}
    />
  );
}

function SaidRow(
  { entry, before, waiting, self }: {
    entry: Said;
    before: Entry | undefined;
    waiting: WaitingLine | undefined;
    self: RowProps["self"];
  },
) {
  const { text, at, to, leftOut, delivery } = entry;
  const goesOn = before?.kind === "said" && before.to === to && at - before.at < TOGETHER_MS &&
    before.leftOut.join() === leftOut.join();
  const remarks = [
    "you",
    ...to === undefined ? [] : [`to ${printable(to)} only`],
    ...leftOut.length === 0 ? [] : [`not to ${leftOut.map(printable).join(", ")}`],
  ];
  const missed = "missed" in delivery ? reasonsText(delivery.missed) : [];
  return (
    <Message
      name={self?.name ?? "you"}
      fingerprint={self?.fingerprint ?? ""}
      {...{ text, at, remarks, goesOn }}
      tone={`own ${to === undefined ? "" : "private"}`}
      mark={<Mark entry={entry} waiting={waiting} />}
    >
      {missed.map((reason) => <p key={reason} class="missed">not shown {reason}</p>)}
      {delivery.kind === "unheard" && missed.length === 0 &&
        <p class="missed">no one received this</p>}
      {delivery.kind === "sent" && waiting !== undefined && waiting.waitingFor.length > 0 &&
        <p class="pending">not shown yet by {namesIn(waiting)}</p>}
    </Message>
  );
}

/** The most names that a line lists. */
const MAX_NAMES = 5;

function namesIn({ waitingFor }: WaitingLine): string {
  const names = waitingFor.slice(0, MAX_NAMES).map(({ credential }) => printable(credential.name));
  const more = waitingFor.length - names.length;
  return names.join(", ") + (more === 0 ? "" : ` and ${more} more`);
}

function Mark({ entry: { delivery }, waiting }: { entry: Said; waiting: WaitingLine | undefined }) {
  const [mark, means] = markOf(delivery, waiting);
  return (
    <span class={`mark ${delivery.kind}`} title={means}>
      <span aria-hidden="true">{mark}</span>
      <span class="unseen">{means}</span>
    </span>
  );
}

function markOf(delivery: Said["delivery"], waiting: WaitingLine | undefined): [string, string] {
  switch (delivery.kind) {
    case "waiting":
      return ["…", "waits to be sent"];
    case "sent":
      return waiting === undefined ? ["✓", "sent"] : [
        `✓ ${waiting.shown}/${waiting.recipients}`,
        `shown by ${waiting.shown} of ${waiting.recipients}`,
      ];
    case "delivered":
      return delivery.missed.length === 0
        ? ["✓✓", "shown to everyone"]
        : ["!", "not shown to everyone"];
    case "unheard":
      return ["!", "no one received this"];
  }
}

interface MessageProps {
  readonly name: string;
  readonly fingerprint: string;
  readonly text: string;
  readonly at: number;
  readonly remarks: readonly string[];
  /** Whether it follows a message of the same sender, whose heading it shares. */
  readonly goesOn: boolean;
  readonly tone: string;
  readonly mark?: ComponentChildren;
  readonly children?: ComponentChildren;
}

function Message(props: MessageProps) {
  const { name, fingerprint, text, at, remarks, goesOn, tone, mark, children } = props;
  const acts = isAction(text);
  return (
    <article class={`message ${tone} ${goesOn ? "goes-on" : ""}`}>
      {!goesOn && <Disc name={name} fingerprint={fingerprint} />}
      <header class={goesOn ? "unseen" : ""}>
        <Name name={name} fingerprint={fingerprint} />
        {remarks.length > 0 && <small>{` ${remarks.join("; ")}`}</small>}
      </header>
      <Text text={acts ? `~ ${name} ${text.slice("/me ".length)}` : text} acts={acts} />
      <span class="when">
        <time dateTime={new Date(at).toISOString()} title={`${dayOf(at)} ${secondOf(at)}`}>
          {minute(at)}
        </time>
        {mark}
      </span>
      {children}
    </article>
  );
}

/** The text of a message. Whatever a sender writes becomes text nodes, without controls and without marks of direction. */
function Text({ text, acts }: { text: string; acts: boolean }) {
  const [isOpen, open] = useState(false);
  const lines = text.replace(/\n+$/, "").split("\n");
  const few = isOpen ? text : lines.slice(0, FOLDED.lines).join("\n").slice(0, FOLDED.characters);
  const isFolded = !isOpen && few.length < text.replace(/\n+$/, "").length;
  const shown = few.replace(/\n+$/, "").replaceAll("\t", "    ").split("\n").map(printable);
  return (
    <div class={acts ? "text acts" : "text"} dir="auto">
      {shown.join("\n")}
      {isFolded && (
        <Button class="more" onClick={() => open(true)}>
          show all {lines.length > FOLDED.lines ? `${lines.length} lines` : "of it"}
        </Button>
      )}
    </div>
  );
}

function NoteRow({ note }: { note: Note }) {
  return (
    <div class={`note ${note.kind}`}>
      <div>
        {note.lines.map(printable).join("\n")}
        {note.link !== undefined && <Link link={note.link} />}
        {note.rest?.map(printable).join("\n")}
      </div>
      <time dateTime={new Date(note.at).toISOString()}>{minute(note.at)}</time>
    </div>
  );
}

/** The link of an invitation: to be copied, and as a code for the camera of a phone. */
function Link({ link }: { readonly link: string }) {
  const [outcome, tell] = useState("Copy the link");
  const copy = () =>
    navigator.clipboard.writeText(link)
      .then(() => tell("Copied"), () => tell("This browser refuses: select the link above"));
  return (
    <div class="link">
      <span class="url">{printable(link)}</span>
      <Code text={link} label="QR code of the link" />
      <Button onClick={copy}>{outcome}</Button>
    </div>
  );
}

/** The time of day in hours and minutes. */
function minute(time: number): string {
  return secondOf(time).slice(0, "HH:MM".length);
}

/** What a screen reader is told of an entry; undefined for what the person said. */
export function spokenText(entry: Entry): string | undefined {
  switch (entry.kind) {
    case "said":
      return undefined;
    case "heard": {
      const toYou = entry.private ? ", to you only" : "";
      return `${printable(entry.name)}${toYou}: ${
        printable(entry.text.slice(0, FOLDED.characters))
      }`;
    }
    case "note":
    case "alarm":
      return entry.lines.map(printable).join(" ");
  }
}
