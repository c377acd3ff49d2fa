/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/// <reference lib="dom" />
/**
 * The page before the person is in a room.
 *
 * @module
 */

import { useEffect, useRef, useState } from "preact/hooks";
import { printable } from "../../lib/base/printable.ts";
import { MAX_LINK_LENGTH } from "../../lib/chat/wire/invitation.ts";
import { Button } from "./button.tsx";

/** What the person chose. */
export interface Choice {
  readonly name: string;
  /** The room, or the link of an invitation where the page comes from the server. */
  readonly roomName: string;
  /** The address of the server, where the page does not come from it. */
  readonly address: string;
  /** Whether this browser keeps the identity. */
  readonly keeps: boolean;
  /** The link of the invitation by which the person comes. */
  readonly link: string | undefined;
}

/** What the form needs. */
export interface JoinProps {
  readonly choice: Choice;
  /** Whether the page comes from no server, so that the person names one. */
  readonly asksAddress: boolean;
  /** Whether this browser can keep anything. */
  readonly canKeep: boolean;
  /** Whether an identity is kept. */
  readonly isKept: boolean;
  /** What is done, while joining. */
  readonly busy: string | undefined;
  /** Why the last attempt failed, and what to do. */
  readonly fault: { readonly why: string; readonly hint: string | undefined } | undefined;
  readonly join: (choice: Choice) => void;
  readonly cancel: () => void;
  /** Forgets the kept identity. */
  readonly forget: () => void;
}

/** The form. */
export function Join(props: JoinProps) {
  const { choice, asksAddress, canKeep, isKept, busy, fault, join, cancel, forget } = props;
  const [name, setName] = useState(choice.name);
  const [roomName, setRoomName] = useState(choice.roomName);
  const [address, setAddress] = useState(choice.address);
  const [keeps, setKeeps] = useState(choice.keeps);
  const first = useRef<HTMLInputElement>(null);
  // After a failure as well: the reason is above the field.
  useEffect(() => first.current!.focus(), [fault]);
  const isBusy = busy !== undefined;
  const plain = { autocapitalize: "none" as const, spellcheck: false, disabled: isBusy };
  const isInvited = choice.link !== undefined;
  return (
    <main class="join">
      <h1>parley</h1>
      <p class="lead">
        An end-to-end encrypted chat. Your keys stay in this page; the server only forwards what it
        cannot read.
      </p>
      {isInvited && (
        <p class="lead">
          You are invited. The link shows who invited you, as surely as it came to you. Before that
          person lets you in, nothing that you write is sent.
        </p>
      )}
      <div role="alert">
        {fault !== undefined && (
          <p class="warning">
            <b>{printable(fault.why)}</b>
            {fault.hint !== undefined && ` – ${printable(fault.hint)}`}
          </p>
        )}
      </div>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          join({
            ...choice,
            ...{ name: name.trim(), roomName: roomName.trim(), address: address.trim(), keeps },
          });
        }}
      >
        <label>
          Your name
          <input
            ref={first}
            name="name"
            value={name}
            required
            maxLength={32}
            autocomplete="nickname"
            {...plain}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        </label>
        <label>
          {asksAddress || isInvited ? "Room" : "Room, or your link"}{" "}
          {!isInvited && <small>(empty for the server's own)</small>}
          <input
            name="room"
            value={roomName}
            maxLength={asksAddress ? 64 : MAX_LINK_LENGTH}
            autocomplete="off"
            {...plain}
            disabled={isBusy || isInvited}
            onInput={({ currentTarget }) => setRoomName(currentTarget.value)}
          />
        </label>
        {asksAddress && (
          <label>
            Server, or your link <small>(such as wss://chat.example:4396)</small>
            <input
              name="address"
              value={address}
              required
              inputMode="url"
              autocomplete="url"
              {...plain}
              onInput={({ currentTarget }) => setAddress(currentTarget.value)}
            />
          </label>
        )}
        {canKeep && (
          <label class="check">
            <input
              type="checkbox"
              name="keep"
              checked={keeps}
              disabled={isBusy}
              onChange={({ currentTarget }) => setKeeps(currentTarget.checked)}
            />
            <span>
              Keep my key in this browser
              <small>Others recognise you next time. No page and no program can read it out.</small>
            </span>
          </label>
        )}
        <button type="submit" class="good" disabled={isBusy}>{busy ?? "Join"}</button>
        {isBusy && <Button onClick={cancel}>Cancel</Button>}
        {isKept && !isBusy && <Button onClick={forget}>Forget the kept key</Button>}
      </form>
    </main>
  );
}
