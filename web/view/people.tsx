/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/// <reference lib="dom" />
/**
 * Who is in the room, and who somebody is: fingerprint, safety number, and decisions.
 *
 * @module
 */

import { useEffect, useRef, useState } from "preact/hooks";
import { printable } from "../../lib/base/printable.ts";
import { changeWarning, standingText } from "../../lib/chat/app/peer_texts.ts";
import type { Answer } from "../../lib/chat/app/slash_commands.ts";
import type { Peer } from "../../lib/chat/member/roster.ts";
import type { TrustState } from "../../lib/chat/trust/trust.ts";
import type { Chat, Identity } from "../chat.ts";
import type { ChatState, Person } from "../state.ts";
import { Button } from "./button.tsx";
import { Code } from "./code.tsx";
import { Disc, Name } from "./names.tsx";

/** What the list needs. */
export interface PeopleProps {
  readonly chat: Chat;
  readonly state: ChatState;
  readonly open: (key: string) => void;
}

/** The members of the room. */
export function People({ chat, state, open }: PeopleProps) {
  const { self, people } = state;
  const others = [...people.values()].sort((a, b) =>
    a.peer.credential.folded < b.peer.credential.folded ? -1 : 1
  );
  return (
    <ul class="people">
      {self !== undefined && (
        <li>
          <Button onClick={() => open(self.key)}>
            <Disc name={self.name} fingerprint={self.fingerprint} />
            <span>
              <Name name={self.name} fingerprint={self.fingerprint} />
              <small>you</small>
            </span>
          </Button>
        </li>
      )}
      {others.map((person) => (
        <li key={person.peer.credential.key}>
          <Button onClick={() => open(person.peer.credential.key)}>
            <Disc {...identityOf(person)} />
            <span>
              <Name {...identityOf(person)} />
              <small class={toneOf(chat, person)}>{standingOf(chat, person)}</small>
            </span>
          </Button>
        </li>
      ))}
      {others.length === 0 && <li class="alone">No one else is here yet.</li>}
    </ul>
  );
}

function identityOf({ peer: { credential: { name, fingerprint } } }: Person) {
  return { name, fingerprint };
}

function standingOf(chat: Chat, { peer, away, confirmed }: Person): string {
  const trust = chat.trust.of(peer.credential);
  const ignored = chat.trust.ignores(peer.credential) ? ["hidden"] : [];
  const parts = [TRUST_WORDS[trust], ...ignored, ...away ? ["away"] : []];
  return [...parts, ...confirmed ? [] : ["not heard from"]].join(", ");
}

/** The states that the page keeps of others. */
const FORGETTABLE: ReadonlySet<TrustState> = new Set(["known", "invited", "verified"]);

const TRUST_WORDS: Readonly<Record<TrustState, string>> = {
  new: "not verified",
  known: "known, not verified",
  invited: "✓ invited",
  verified: "✓ verified",
  changed: "its key has changed",
  excluded: "receives nothing from you",
};

function toneOf(chat: Chat, { peer }: Person): string {
  return chat.trust.of(peer.credential);
}

/** A warning for each member whose key has changed. It stays until the person decides or the member leaves. */
export function ChangedKeys({ chat, state, open }: PeopleProps) {
  const changed = [...state.people.values()]
    .filter(({ peer }) => chat.trust.of(peer.credential) === "changed");
  return (
    <>
      {changed.map(({ peer: { credential } }) => {
        const [first] = changeWarning(credential, chat.trust.standing(credential));
        return (
          <div class="warning" role="alert" key={credential.key}>
            <p>
              <b>{printable(first!)}</b> Nothing is sent to this{" "}
              {printable(credential.name)}, and its messages are hidden.
            </p>
            <Button onClick={() => open(credential.key)}>Compare the keys</Button>
          </div>
        );
      })}
    </>
  );
}

/** The words that the person is to compare, with buttons for the answer. They stay until there is one. */
export function ShownWords({ chat, state }: Omit<PeopleProps, "open">) {
  const answer = (peer: Peer, answer: Answer) => {
    // The buttons go: what the answer leads to is read there.
    document.querySelector<HTMLElement>(".scrolled")!.focus();
    void chat.answer(peer, answer);
  };
  return (
    <>
      {[...state.words.values()].map(({ peer, words }) => {
        const name = printable(peer.credential.name);
        return (
          // Other words are other buttons: nobody presses those of the ones before.
          <div
            class="words"
            role="group"
            aria-label={`Words of you and ${name}`}
            key={String(words)}
          >
            <p>
              Do you and {name} see the same words? Ask by phone or in person, not in this chat.
            </p>
            <b>{words!.join("  ")}</b>
            <Button class="good" onClick={() => answer(peer, "yes")}>
              Yes: verify
            </Button>
            <Button onClick={() => answer(peer, "no")}>No, they differ</Button>
          </div>
        );
      })}
    </>
  );
}

/** What the dialog needs. */
export interface WhoProps {
  readonly chat: Chat;
  readonly state: ChatState;
  /** The key of the member. */
  readonly who: string;
  readonly close: () => void;
  /** Writes to the member alone. */
  readonly write: (name: string) => void;
  /** Shows the conversation, where there is no room for it beside the members. */
  readonly converse: () => void;
}

/** The dialog about a member, or about oneself. */
export function Who({ chat, state, who, close, write, converse }: WhoProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { self } = state;
  const person = state.people.get(who);
  const isSelf = self?.key === who;
  const isGone = person === undefined && !isSelf;
  useEffect(() => dialog.current!.showModal(), []);
  useEffect(() => {
    if (isGone) dialog.current!.close();
  }, [isGone]);
  const name = isSelf ? self.name : person?.peer.credential.name ?? "";
  return (
    <dialog ref={dialog} class="who" aria-labelledby="who" onClose={close}>
      <form method="dialog">
        <h2 id="who">{printable(name)}</h2>
        <button type="submit" class="close" aria-label="Close">✕</button>
      </form>
      {isSelf && (
        <>
          <h3>Your fingerprint</h3>
          <p class="fingerprint">{self.fingerprint}</p>
          <p>Others can compare it with what they see of you.</p>
        </>
      )}
      {person !== undefined && (
        <Member
          {...{ chat, state, person, write, converse }}
          close={() => dialog.current!.close()}
        />
      )}
    </dialog>
  );
}

function Member(
  { chat, state, person, close, write, converse }: Omit<WhoProps, "who"> & {
    readonly person: Person;
  },
) {
  const { peer } = person;
  const { credential } = peer;
  const { name, fingerprint } = credential;
  const [identity, setIdentity] = useState<Identity | undefined>(undefined);
  useEffect(() => {
    let isWanted = true;
    chat.identify(peer).then((one) => isWanted && setIdentity(one));
    return () => isWanted = false;
  }, [credential, state.decisions]);
  const stands = chat.trust.standing(credential);
  const { trust, exclusion } = stands;
  const decide = (verdict: string) => void chat.enter(`/${verdict} ${name}`);
  const decision = (verdict: string, text: string) => (
    <Button onClick={() => decide(verdict)}>{text}</Button>
  );
  const standing = standingText(peer, stands, state.self?.fingerprint);
  return (
    <>
      <p class={`standing ${trust}`}>{printable(standing)}</p>
      {trust === "changed" && (
        <p class="warning">
          {changeWarning(credential, stands).map(printable).join("\n")}
        </p>
      )}
      <h3>Safety number of you and {printable(name)}</h3>
      <Safety groups={identity?.safetyNumber} />
      <p>
        Compare it with {printable(name)}{" "}
        by phone or in person, or scan the code on the other screen. If both see the same number,
        nobody is between you.
      </p>
      <h3>Fingerprint</h3>
      <p class="fingerprint">{fingerprint}</p>
      <div class="actions">
        {trust !== "verified" && trust !== "changed" && (
          <>
            <Button
              class="good"
              disabled={identity === undefined}
              onClick={() => chat.answer(peer, "yes")}
            >
              The numbers match: verify
            </Button>
            <Button
              disabled={identity === undefined}
              onClick={() => {
                chat.answer(peer, "no");
                converse();
                close();
              }}
            >
              They differ
            </Button>
            <Button
              onClick={() => {
                decide("verify");
                converse();
                close();
              }}
            >
              Compare four words instead
            </Button>
          </>
        )}
        {trust === "changed" && (
          <Button
            class="danger"
            disabled={identity === undefined}
            onClick={() => decide("trust")}
          >
            Accept the new key
          </Button>
        )}
        <Button
          onClick={() => {
            write(name);
            close();
          }}
        >
          Write to {printable(name)} only
        </Button>
        {exclusion === "by command"
          ? decision("include", "Include again")
          : decision("exclude", "Exclude: send nothing")}
        {chat.trust.ignores(credential)
          ? decision("unignore", "Show messages again")
          : decision("ignore", "Hide messages")}
        {FORGETTABLE.has(trust) && decision("forget", "Forget the key")}
      </div>
    </>
  );
}

/** The safety number. Its place is kept while it is computed, so that no button moves under a finger. */
function Safety({ groups }: { readonly groups: readonly string[] | undefined }) {
  return (
    <div class="safety">
      {groups === undefined ? <p>Computing …</p> : (
        <>
          <p class="groups">{groups.map((group, i) => <span key={i}>{`${group} `}</span>)}</p>
          <Code text={groups.join(" ")} label={`QR code of ${groups.join(" ")}`} />
        </>
      )}
    </div>
  );
}
