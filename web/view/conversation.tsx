/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/// <reference lib="dom" />
/**
 * The conversation: a window onto the log, which follows new lines while the person is at its end. What is outside of
 * the window is not in the document.
 *
 * @module
 */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { slice } from "../log.ts";
import type { ChatState } from "../state.ts";
import { Button } from "./button.tsx";
import { Row, spokenText } from "./line.tsx";

/** The number of entries in the document. */
export const WINDOW = 200;
/** By how many entries the window moves. */
const STEP = 100;
/** So near to an end of the window it moves, in pixels. */
const NEAR_PX = 300;
/** So near to the end of the conversation the person is at its end, in pixels. */
const AT_END_PX = 40;
/** How many entries a screen reader finds in the region that tells it of new ones. */
const SPOKEN = 5;

/** Where an entry stood in the scrolled area, to be put there again. */
interface Anchor {
  readonly position: number;
  readonly top: number;
}

/** The conversation. */
export function Conversation({ state }: { readonly state: ChatState }) {
  const { log } = state;
  const area = useRef<HTMLDivElement>(null);
  const anchor = useRef<Anchor | undefined>(undefined);
  /** Where the area was scrolled to last. */
  const lastTop = useRef(0);
  /** The position of the first entry of the window; undefined while it follows the end. */
  const [held, hold] = useState<number | undefined>(undefined);
  const last = Math.max(log.start, log.end - WINDOW);
  const from = held === undefined ? last : Math.min(Math.max(held, log.start), last);
  const to = Math.min(log.end, from + WINDOW);

  /** Scrolls to the end. Where that is higher than before, it was not the person who has scrolled up. */
  const toEnd = () => {
    const element = area.current!;
    element.scrollTop = element.scrollHeight;
    lastTop.current = element.scrollTop;
  };

  useLayoutEffect(() => {
    const element = area.current!;
    if (held === undefined) {
      // With the next frame: to ask for the height now would lay out the page once more for each line.
      const frame = requestAnimationFrame(toEnd);
      return () => cancelAnimationFrame(frame);
    }
    if (anchor.current !== undefined) {
      const { position, top } = anchor.current;
      const row = element.querySelector<HTMLElement>(`[data-position="${position}"]`);
      if (row !== null) element.scrollTop = row.offsetTop - top;
    }
    anchor.current = undefined;
    return undefined;
  });

  // The keyboard of a phone, and another size of the window, leave the newest lines in sight.
  useLayoutEffect(() => {
    if (held !== undefined) return undefined;
    const resized = new ResizeObserver(toEnd);
    resized.observe(area.current!);
    return () => resized.disconnect();
  }, [held === undefined]);

  /** Moves the window, and keeps what the person sees where it is. */
  const move = (first: number) => {
    const element = area.current!;
    const rows = [...element.querySelectorAll<HTMLElement>("[data-position]")];
    const seen = rows.find(({ offsetTop, offsetHeight }) =>
      offsetTop + offsetHeight > element.scrollTop
    );
    if (seen !== undefined) {
      const position = Number(seen.dataset["position"]);
      anchor.current = { position, top: seen.offsetTop - element.scrollTop };
    }
    hold(Math.min(Math.max(first, log.start), last));
  };

  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = area.current!;
    const below = scrollHeight - scrollTop - clientHeight;
    const isUp = scrollTop < lastTop.current;
    lastTop.current = scrollTop;
    if (below < AT_END_PX && to === log.end) hold(undefined);
    // The browser tells late that the page itself has scrolled to the end: more lines may have come below.
    else if (held === undefined && !isUp) return;
    else if (scrollTop < NEAR_PX && from > log.start) move(from - STEP);
    else if (below < NEAR_PX && to < log.end) move(from + STEP);
    else if (held === undefined) hold(from);
  };

  const entries = slice(log, from, to);
  const [first] = slice(log, from - 1, from);
  const below = log.end - to;
  return (
    <div class="conversation">
      <div
        ref={area}
        class="scrolled"
        role="log"
        aria-live="off"
        aria-label="Conversation"
        tabIndex={0}
        onScroll={scrolled}
      >
        {log.start > state.cleared && from === log.start &&
          <p class="day">Earlier lines are no longer kept</p>}
        {entries.map((entry, i) => (
          <div key={from + i} data-position={from + i}>
            <Row
              entry={entry}
              before={i === 0 ? first : entries[i - 1]}
              waiting={entry.kind === "said" ? state.waiting.get(entry.id) : undefined}
              self={state.self}
            />
          </div>
        ))}
      </div>
      {held !== undefined && (
        <Button class="to-end" onClick={() => hold(undefined)}>
          {below > 0 ? `Newest lines (${below} below) ↓` : "Newest lines ↓"}
        </Button>
      )}
      <Spoken state={state} />
    </div>
  );
}

/** Tells a screen reader of new lines. They are apart from the window, which also gains lines when it is scrolled. */
function Spoken({ state: { log } }: { readonly state: ChatState }) {
  const entries = slice(log, log.end - SPOKEN, log.end);
  const first = log.end - entries.length;
  return (
    <div class="unseen" aria-live="polite" aria-relevant="additions" data-spoken>
      {entries.map((entry, i) => {
        const text = spokenText(entry);
        return text !== undefined && <p key={first + i}>{text}</p>;
      })}
    </div>
  );
}
