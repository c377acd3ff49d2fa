/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/// <reference lib="dom" />
/**
 * The page: a browser as a full member.
 *
 * @module
 */

import { render } from "preact";
import { Failure } from "../lib/base/failure.ts";
import { generateRsaKeys } from "../lib/rsa/rsa.ts";
import { MalformedError } from "../lib/base/bytes.ts";
import type { OwnInvitation } from "../lib/chat/app/invite.ts";
import { openInvitation, readInvitationLink } from "../lib/chat/wire/invitation.ts";
import { comesFromRelay, invitationOf, type Lack, lackOf, roomOf } from "./browser.ts";
import { Chat } from "./chat.ts";
import { ASK_FOR_HTTPS, readNamedPlace, readRoomOrLink, roomAddress } from "./place.ts";
import { BEGINNING, type ChatState } from "./state.ts";
import { readText, Store, writeText } from "./store.ts";
import { type Choice, Join, type JoinProps } from "./view/join.tsx";
import { Room } from "./view/room.tsx";

/** The size of an identity, in bits. */
const IDENTITY_BITS = 3072;

/** The whole page. */
class Page {
  readonly #root = document.getElementById("page")!;
  readonly #store: Store | undefined;
  #identity: CryptoKeyPair | undefined;
  #choice: Choice;
  #fault: JoinProps["fault"];
  #busy: string | undefined;
  #attempt = new AbortController();
  #chat: Chat | undefined;
  #state: ChatState = BEGINNING;

  constructor(store: Store | undefined, identity: CryptoKeyPair | undefined) {
    this.#store = store;
    this.#identity = identity;
    this.#choice = {
      name: identity === undefined ? "" : readText("browser") ?? "",
      roomName: comesFromRelay(location) ? roomOf(location) : "",
      address: "",
      keeps: store !== undefined,
      link: undefined,
    };
  }

  /** Opens the page, and joins again if this tab was in a room when it was reloaded. */
  start(): void {
    addEventListener("focus", () => this.#watch());
    addEventListener("blur", () => this.#watch());
    document.addEventListener("visibilitychange", () => this.#watch());
    const before = readTab();
    // Another room's address, or a link, means another room than that of the tab before.
    const goesOn = before?.path === location.pathname && location.hash === "";
    if (goesOn) this.#choice = { ...this.#choice, ...before };
    this.#readLink();
    if (goesOn && before.keeps && this.#identity !== undefined) void this.#join(this.#choice);
    else this.#draw();
    // A link for the room that is open already comes without loading the page anew.
    addEventListener("hashchange", () => location.hash !== "" && location.reload());
  }

  /** Takes the invitation out of the address, so that it stays neither there nor in the browser's history. */
  #readLink(): void {
    if (!comesFromRelay(location) || location.hash === "") return;
    try {
      this.#choice = { ...this.#choice, link: invitationOf(location) };
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.#fault = { why: error.message, hint: "ask for the link again" };
    }
    history.replaceState(null, "", location.pathname + location.search);
  }

  async #join(choice: Choice): Promise<void> {
    this.#choice = choice;
    this.#fault = undefined;
    this.#attempt = new AbortController();
    const { signal } = this.#attempt;
    const isWanted = () => !signal.aborted;
    try {
      const { place, invited } = comesFromRelay(location)
        ? readRoomOrLink(choice.roomName, document.baseURI)
        : readNamedPlace(choice.address);
      this.#choice = choice = { ...choice, ...invited };
      this.#become("Making keys …");
      const identity = await this.#identityFor(choice.keeps);
      const own = await ownInvitation(choice.link);
      if (!isWanted()) return;
      this.#become("Joining …");
      const chat = await Chat.join({
        ...place,
        name: choice.name,
        roomName: choice.roomName,
        identity,
        store: this.#store,
        own,
        show: (state) => isWanted() && this.#show(chat, state),
        notify: (name) => this.#notify(name),
      }, signal);
      if (signal.aborted) return void chat.leave();
      this.#chat = chat;
    } catch (error) {
      if (isWanted()) this.#failed(error);
    }
  }

  /** The identity that the person wishes: the kept one, a new one that is kept, or none beyond this stay. */
  async #identityFor(keeps: boolean): Promise<CryptoKeyPair | undefined> {
    if (!keeps || this.#store === undefined) return undefined;
    if (this.#identity !== undefined) return this.#identity;
    const identity = await generateRsaKeys("sign", IDENTITY_BITS, false);
    await this.#store.keepIdentity(identity);
    this.#identity = identity;
    return identity;
  }

  #failed(error: unknown): void {
    if (error instanceof Failure) {
      // Who made the link may serve browsers elsewhere, such as behind a proxy.
      const isUnreached = error.code === "NO_ANSWER" && /^parley:/i.test(this.#choice.address);
      const hint = isUnreached ? ASK_FOR_HTTPS : error.hint;
      this.#fault = { why: `${error.what}: ${error.why}`, hint };
    } else if (error instanceof MalformedError) {
      this.#fault = { why: error.message, hint: "ask for the link again" };
    } else this.#fault = { why: `the page failed: ${error}`, hint: undefined };
    writeTab(undefined);
    this.#become(undefined);
  }

  #become(busy: string | undefined): void {
    this.#busy = busy;
    this.#draw();
  }

  #show(chat: Chat, state: ChatState): void {
    const { phase } = state;
    const wasIn = this.#state.self !== undefined;
    this.#state = state;
    if (phase.kind === "ended") {
      writeTab(undefined);
      // A member that the relay did not admit is back at the form, with the reason.
      if (!wasIn) return this.#back({ why: phase.why, hint: phase.hint });
    } else if (phase.kind === "in" && this.#busy !== undefined) {
      this.#busy = undefined;
      writeTab(this.#choice);
      if (this.#choice.keeps) writeText("browser", this.#choice.name);
    }
    this.#chat = chat;
    this.#watch();
    this.#draw();
  }

  /** Shows the form again. */
  #back(fault: JoinProps["fault"]): void {
    this.#chat = undefined;
    this.#state = BEGINNING;
    this.#fault = fault;
    this.#become(undefined);
  }

  #cancel(): void {
    this.#attempt.abort();
    void this.#chat?.leave();
    this.#back(undefined);
  }

  async #forget(): Promise<void> {
    writeText("browser", undefined);
    await this.#store?.forgetIdentity();
    this.#identity = undefined;
    this.#draw();
  }

  #watch(): void {
    this.#chat?.watch(document.visibilityState === "visible" && document.hasFocus());
  }

  /** Notifies the person, who looks elsewhere, of a message of a member, or of something else. */
  #notify(name: string | undefined): void {
    if (this.#state.watched || typeof Notification !== "function") return;
    if (Notification.permission !== "granted") return;
    const room = this.#choice.roomName;
    const where = room === "" ? "parley" : `parley: ${room}`;
    // The text stays in the page: the system may keep what a notification shows.
    const body = name === undefined ? "something needs your attention" : `${name} wrote to you`;
    const one = new Notification(where, { body, tag: "parley" });
    one.onclick = () => focus();
  }

  #draw(): void {
    const { roomName } = this.#choice;
    const isIn = this.#chat !== undefined && this.#busy === undefined;
    const title = isIn && roomName !== "" ? `${roomName} – parley` : "parley";
    const { unread } = this.#state;
    document.title = unread > 0 ? `(${unread}) ${title}` : title;
    render(isIn ? this.#room(this.#chat!) : this.#form(), this.#root);
  }

  #room(chat: Chat) {
    return (
      <Room
        chat={chat}
        state={this.#state}
        roomName={this.#choice.roomName}
        again={() => {
          this.#back(undefined);
          void this.#join(this.#choice);
        }}
      />
    );
  }

  #form() {
    return (
      <Join
        choice={this.#choice}
        asksAddress={!comesFromRelay(location)}
        canKeep={this.#store !== undefined}
        isKept={this.#identity !== undefined}
        busy={this.#busy}
        fault={this.#fault}
        join={(choice) => void this.#join(choice)}
        cancel={() => this.#cancel()}
        forget={() => void this.#forget()}
      />
    );
  }
}

async function ownInvitation(text: string | undefined): Promise<OwnInvitation | undefined> {
  if (text === undefined) return undefined;
  const link = readInvitationLink(text);
  return { link, invitation: await openInvitation(link.secret) };
}

/** What the person chose before this tab was reloaded. */
function readTab(): Choice & { readonly path: string } | undefined {
  const kept = readText("tab");
  return kept === undefined ? undefined : JSON.parse(kept);
}

/** Keeps what the person chose until the tab is closed: also the link, or a reload would need it once more. */
function writeTab(choice: Choice | undefined): void {
  const before = choice && { ...choice, path: location.pathname };
  writeText("tab", before === undefined ? undefined : JSON.stringify(before));
}

function Unable({ why, steps }: Lack) {
  return (
    <main class="join">
      <h1>parley</h1>
      <p class="warning" role="alert">
        <b>{why}</b>
      </p>
      <p>What you can do:</p>
      <ul>{steps.map((step) => <li key={step}>{step}</li>)}</ul>
    </main>
  );
}

const lack = lackOf(location);
if (lack !== undefined) {
  render(<Unable {...lack} />, document.getElementById("page")!);
} else {
  const address = roomAddress(location);
  if (address !== undefined) history.replaceState(null, "", address);
  const store = await Store.open();
  new Page(store, await store?.identity()).start();
}
