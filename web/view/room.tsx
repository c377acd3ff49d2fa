/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/// <reference lib="dom" />
/**
 * The page while the person is in a room.
 *
 * @module
 */

import { useEffect, useMemo, useState } from "preact/hooks";
import { printable } from "../../lib/base/printable.ts";
import type { Chat } from "../chat.ts";
import type { ChatState } from "../state.ts";
import { Button } from "./button.tsx";
import { Composer } from "./composer.tsx";
import { Conversation } from "./conversation.tsx";
import { ChangedKeys, People, ShownWords, Who } from "./people.tsx";

/** What the page needs. */
export interface RoomProps {
  readonly chat: Chat;
  readonly state: ChatState;
  readonly roomName: string;
  /** Joins the room again. */
  readonly again: () => void;
}

/** The page while the person is in a room. */
export function Room({ chat, state, roomName, again }: RoomProps) {
  const [who, show] = useState<string | undefined>(undefined);
  const [to, setTo] = useState<string | undefined>(undefined);
  const [listed, list] = useState(false);
  const { phase, people } = state;
  const room = roomName === "" ? "parley" : printable(roomName);
  const open = (key: string) => show(key);
  const converse = () => list(false);
  const write = (name: string) => {
    setTo(name);
    converse();
    setTimeout(() => document.querySelector<HTMLTextAreaElement>(".composer textarea")?.focus(), 0);
  };
  const isEnded = phase.kind === "ended";
  const isLost = phase.kind === "lost";
  // Lines come far more often than these change.
  const inRoom = [people, state.self, state.decisions];
  const menu = useMemo(() => <Menu {...{ chat, state, open }} />, inRoom);
  const roster = useMemo(() => <People {...{ chat, state, open }} />, inRoom);
  const warnings = useMemo(() => <ChangedKeys {...{ chat, state, open }} />, inRoom);
  const words = useMemo(() => <ShownWords {...{ chat, state }} />, [state.words]);
  const composer = useMemo(() => (
    <Composer
      to={to}
      setTo={setTo}
      complete={(before) => chat.complete(before)}
      enter={(line) => void chat.enter(line, to)}
      waits={isLost}
    />
  ), [chat, to, isLost]);
  return (
    <div class={listed ? "room lists" : "room"}>
      <header class="bar">
        <div class="title">
          <h1>{room}</h1>
          <Status state={state} />
        </div>
        <Button
          class="members"
          aria-expanded={listed}
          aria-controls="people"
          onClick={() => list(!listed)}
        >
          {listed ? "Conversation" : `${people.size + 1} here`}
        </Button>
        {menu}
      </header>
      <main>
        {warnings}
        {words}
        <Conversation state={state} />
        {isEnded
          ? (
            <div class="ended" role="alert">
              <p>
                <b>The chat has ended: {printable(phase.why)}</b>
                {phase.hint !== undefined && ` – ${printable(phase.hint)}`}
              </p>
              <Button class="good" onClick={again}>Join again</Button>
            </div>
          )
          : composer}
      </main>
      <aside id="people" aria-label="Members">
        <h2>{people.size === 0 ? "Here" : `${people.size + 1} here`}</h2>
        {roster}
      </aside>
      {who !== undefined && (
        <Who
          key={who}
          {...{ chat, state, who, write, converse }}
          close={() => show(undefined)}
        />
      )}
    </div>
  );
}

function Status({ state: { phase, backlog } }: { readonly state: ChatState }) {
  const waiting = backlog.unsent === 1 ? "1 line waits" : `${backlog.unsent} lines wait`;
  const text = {
    joining: "joining …",
    in: "end-to-end encrypted",
    lost: `connection lost, trying again …${backlog.unsent > 0 ? ` ${waiting}` : ""}`,
    ended: "ended",
  }[phase.kind];
  return <p class={`status ${phase.kind}`} role="status">{text}</p>;
}

/** Whether this browser can notify. */
const CAN_NOTIFY = typeof Notification === "function";

function Menu(
  { chat, state, open }: Pick<RoomProps, "chat" | "state"> & { open: (key: string) => void },
) {
  const [permission, permit] = useState(CAN_NOTIFY ? Notification.permission : "denied");
  const { locked } = chat.trust;
  useEffect(() => {
    if (CAN_NOTIFY) permit(Notification.permission);
  }, []);
  const close = () => document.getElementById("menu")?.hidePopover();
  const act = (action: () => void) => () => {
    close();
    action();
  };
  const enter = (line: string) => act(() => void chat.enter(line));
  return (
    <>
      <Button class="menu" popovertarget="menu" aria-label="Menu">
        <span aria-hidden="true">⋯</span>
      </Button>
      <div id="menu" popover="auto" class="menu-list" role="group" aria-label="Menu">
        <Button onClick={act(() => state.self && open(state.self.key))}>
          Your fingerprint
        </Button>
        <Button onClick={enter("/invite")}>
          Invite somebody
        </Button>
        <Button
          aria-pressed={locked}
          onClick={enter(locked ? "/unlock" : "/lock")}
        >
          {locked ? "Unlock: send to everyone" : "Lock: send to known members only"}
        </Button>
        {CAN_NOTIFY && permission === "default" && (
          <Button
            onClick={act(() => void Notification.requestPermission().then(permit))}
          >
            Notify me of messages to me
          </Button>
        )}
        <Button onClick={enter("/status")}>
          What waits to be shown
        </Button>
        <Button onClick={enter("/help")}>Commands</Button>
        <Button onClick={act(() => void chat.leave())}>Leave the room</Button>
      </div>
    </>
  );
}
