/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/// <reference lib="dom" />
/**
 * The input line: messages and commands, to everyone or to one member, with completion.
 *
 * @module
 */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { printable } from "../../lib/base/printable.ts";
import { CHAT_COMMANDS } from "../../lib/chat/app/slash_commands.ts";
import type { Completions } from "../../lib/terminal/suggestions.ts";
import { Button } from "./button.tsx";

/** The most completions that are offered. */
const MAX_OFFERED = 8;
/** The most entered lines that the arrow keys bring back. */
const MAX_KEPT = 100;

/** Whether the browser makes a field as high as its text (CSS Basic User Interface 4). */
const SIZES_FIELDS = CSS.supports("field-sizing", "content");

/** What the composer needs. */
export interface ComposerProps {
  /** The recipient of what is entered; everyone by default. */
  readonly to: string | undefined;
  readonly setTo: (to: string | undefined) => void;
  readonly complete: (before: string) => Completions;
  readonly enter: (line: string) => void;
  /** Whether what is entered waits for the connection. */
  readonly waits: boolean;
}

/** The input line. */
export function Composer({ to, setTo, complete, enter, waits }: ComposerProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState("");
  const [cursor, setCursor] = useState(0);
  /** The chosen completion; -1 if the person has not chosen one. */
  const [chosen, choose] = useState(-1);
  const [dismissed, dismiss] = useState(false);
  const kept = useRef<string[]>([]);
  /** How far back the shown line is among the kept ones; 0 for a new one. */
  const [back, setBack] = useState(0);

  const offered = dismissed ? NOTHING : offer(text.slice(0, cursor), complete);
  const isOpen = offered.candidates.length > 0;

  useEffect(() => {
    // On a phone the focus would bring up the keyboard over the conversation.
    if (!matchMedia("(pointer: coarse)").matches) area.current!.focus();
  }, []);

  // The input line is as high as its text, which some browsers do by themselves.
  useLayoutEffect(() => {
    if (SIZES_FIELDS) return;
    const element = area.current!;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight}px`;
  }, [text]);

  /** Shows a text with the cursor at a place. */
  const put = (next: string, at = next.length) => {
    setText(next);
    setCursor(at);
    choose(-1);
    const element = area.current!;
    element.value = next;
    element.setSelectionRange(at, at);
  };

  const accept = (index: number) => {
    const candidate = offered.candidates[index];
    if (candidate === undefined) return;
    const start = text.slice(0, offered.start) + candidate;
    put(start + text.slice(cursor), start.length);
    area.current!.focus();
  };

  const send = () => {
    if (text.trim() === "") return;
    kept.current = [...kept.current, text].slice(-MAX_KEPT);
    setBack(0);
    enter(text);
    put("");
    dismiss(false);
  };

  const recall = (by: number): boolean => {
    const next = back + by;
    const line = next === 0 ? "" : kept.current.at(-next);
    if (next < 0 || line === undefined) return false;
    setBack(next);
    put(line);
    dismiss(true);
    return true;
  };

  /** Handles a key; returns whether it had a meaning. */
  const pressed = (event: KeyboardEvent): boolean => {
    if (event.isComposing) return false;
    const { key, shiftKey, altKey } = event;
    if (key === "Enter" && !shiftKey && !altKey) {
      if (chosen >= 0) accept(chosen);
      else send();
      return true;
    }
    if (isOpen) {
      const count = offered.candidates.length;
      if (key === "Tab" && !shiftKey) accept(Math.max(0, chosen));
      else if (key === "ArrowDown") choose((chosen + 1) % count);
      else if (key === "ArrowUp") choose((chosen <= 0 ? count : chosen) - 1);
      else if (key === "Escape") dismiss(true);
      else return false;
      return true;
    }
    if (key === "Escape" && text === "" && to !== undefined) {
      setTo(undefined);
      return true;
    }
    if (key === "ArrowUp" && (text === "" || back > 0)) return recall(1);
    if (key === "ArrowDown" && back > 0) return recall(-1);
    return false;
  };

  const changed = () => {
    const element = area.current!;
    setText(element.value);
    setCursor(element.selectionStart);
    choose(-1);
    dismiss(false);
    setBack(0);
  };

  const whom = to === undefined ? "everyone" : `${printable(to)} only`;
  return (
    <form
      class={to === undefined ? "composer" : "composer private"}
      onSubmit={(event) => {
        event.preventDefault();
        send();
        area.current!.focus();
      }}
    >
      {isOpen && (
        <ul id="completions" class="completions" role="listbox" aria-label="Completions">
          {offered.candidates.map((candidate, i) => (
            <li
              key={candidate}
              id={`completion-${i}`}
              role="option"
              aria-selected={i === chosen}
              onMouseDown={(event) => {
                event.preventDefault();
                accept(i);
              }}
            >
              <span>{printable(candidate)}</span>
              <small>{helpOf(candidate)}</small>
            </li>
          ))}
        </ul>
      )}
      {to !== undefined && (
        <Button
          class="to"
          onClick={() => {
            setTo(undefined);
            area.current!.focus();
          }}
        >
          To {printable(to)} only<span aria-hidden="true">✕</span>
          <span class="unseen">: write to everyone again</span>
        </Button>
      )}
      <textarea
        ref={area}
        rows={1}
        value={text}
        aria-label={`Message to ${whom}`}
        placeholder={`Message to ${whom}${waits ? ", sent after reconnecting" : ""}`}
        autocomplete="off"
        spellcheck
        enterkeyhint="send"
        aria-autocomplete="list"
        aria-controls={isOpen ? "completions" : undefined}
        aria-activedescendant={isOpen && chosen >= 0 ? `completion-${chosen}` : undefined}
        onInput={changed}
        onSelect={() => setCursor(area.current!.selectionStart)}
        onKeyDown={(event) => {
          if (pressed(event)) event.preventDefault();
        }}
      />
      <button type="submit" class="send" disabled={text.trim() === ""}>Send</button>
    </form>
  );
}

const NOTHING: Completions = { start: 0, candidates: [] };

/** What is offered for the text before the cursor: commands, and names where one is begun by `@` or belongs to a command. */
function offer(before: string, complete: (before: string) => Completions): Completions {
  const isCommand = /^\/(?!\/)/u.test(before);
  if (!isCommand && !/(^|\s)@\S+$/u.test(before)) return NOTHING;
  const { start, candidates } = complete(before);
  const word = before.slice(start);
  const rest = candidates.filter((one) => one.trim() !== word.trim() || one.length > word.length);
  const isWhole = rest.length === 1 && rest[0]!.trim() === word;
  return { start, candidates: isWhole ? [] : rest.slice(0, MAX_OFFERED) };
}

function helpOf(candidate: string): string {
  const word = candidate.trim();
  const found = Object.entries(CHAT_COMMANDS).find(([usage]) => usage.split(" ")[0] === word);
  return found?.[1] ?? "";
}
