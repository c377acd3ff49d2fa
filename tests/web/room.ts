/**
 * A room with pages in it: a relay in this process that serves the page, and members in browsers.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import type { Browser, BrowserContext, Page } from "puppeteer-core";
import type { DuplexLink } from "../../lib/chat/link.ts";
import type { MemberEvent } from "../../lib/chat/member/options.ts";
import { makeCredential } from "../../lib/chat/identity/credential.ts";
import { joinRoom, openRelay, type RelayServer } from "../../lib/chat/runtime/room.ts";
import type { Session } from "../../lib/chat/runtime/session.ts";
import { WebSite } from "../../lib/chat/runtime/web_server.ts";
import { BROTLI_PAGE, readPage } from "../../lib/chat/web/page.ts";
import { pooledKeys, until } from "../chat/keys.ts";

const PAGE = await readPage();

/** A name that browsers take to be this machine, and no secure context. */
export const ELSEWHERE = "chat.test";

/** A relay that serves the page. */
export class WebRoom implements AsyncDisposable {
  readonly #links = new Set<DuplexLink>();
  #server: RelayServer | undefined;
  #guests = 0;
  /** Whether connections are cut as soon as they are made. */
  offline = false;

  /** Opens a relay. */
  static async open(): Promise<WebRoom> {
    const room = new WebRoom();
    const site = await WebSite.make({
      page: PAGE,
      brotli: BROTLI_PAGE,
      names: [ELSEWHERE],
      origins: ["null"],
    });
    const wrap = (link: DuplexLink, isSecure: boolean) => {
      room.#links.add(link);
      if (room.offline) setTimeout(() => room.cut(), 0);
      return site.wrap(link, isSecure);
    };
    room.#server = openRelay({ port: 0, wrap });
    return room;
  }

  get port(): number {
    return this.#server!.addr.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Cuts every connection, as a network does that fails. */
  cut(): void {
    for (const link of this.#links) link.close();
    this.#links.clear();
  }

  /** Joins without a browser, each time with other keys; an identity may be given. */
  async join(name: string, identity?: CryptoKeyPair): Promise<Guest> {
    const keys = await pooledKeys(this.#guests++);
    const own = identity === undefined ? keys : { ...keys, identity };
    const events: MemberEvent[] = [];
    const ready = Promise.withResolvers<void>();
    const session = await joinRoom({
      port: this.port,
      self: await makeCredential(name, own, Date.now() + 3_600_000),
      event: (event) => {
        events.push(event);
        if (event.kind === "ready") ready.resolve();
      },
    });
    await ready.promise;
    return new Guest(session, events);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.offline = true;
    this.cut();
    await this.#server?.close();
  }
}

/** A member without a browser. */
export class Guest implements AsyncDisposable {
  constructor(readonly session: Session, readonly events: readonly MemberEvent[]) {}

  /** The messages that it was shown. */
  get texts(): string[] {
    return this.events.flatMap((event) => event.kind === "message" ? [event.text] : []);
  }

  /** Waits until it was shown a message. */
  async hears(text: string): Promise<void> {
    await until(() => this.texts.includes(text), `${this.session.self.name} hears ${text}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.session.leave();
    await this.session.ended;
  }
}

/** A browser that runs. */
export interface Running {
  readonly browser: Browser;
}

/** How a page is opened. */
export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  /** The browser's profile: pages in one share what is kept. */
  readonly context?: BrowserContext;
  /** A script that runs before that of the page. */
  readonly before?: string;
}

const WAIT = { timeout: 60_000 };
const POLLING_MS = 50;

/** A person at a page. */
export class Visitor implements AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What went wrong in the page: exceptions, and what its policy refused. */
  readonly faults: string[] = [];
  readonly #isFirefox: boolean;

  private constructor(page: Page, context: BrowserContext, isFirefox: boolean) {
    this.page = page;
    this.context = context;
    this.#isFirefox = isFirefox;
  }

  /** Opens a page. */
  static async open(
    { browser }: Running,
    url: string,
    { width = 1000, height = 700, dark = false, context, before }: PageOptions = {},
  ): Promise<Visitor> {
    const profile = context ?? await browser.createBrowserContext();
    // A window of its own: a tab behind another one is drawn by no browser.
    const page = await profile.newPage({ type: "window" });
    const visitor = new Visitor(page, profile, (await browser.version()).startsWith("firefox"));
    page.on("pageerror", (error) => visitor.faults.push(String(error)));
    page.on("console", (message) => {
      // The browser itself reports a lost connection, and a header that it ignores without TLS.
      const isKnown = /WebSocket connection|net::ERR_|Opener-Policy header has been ignored/;
      if (message.type() !== "error" || isKnown.test(message.text())) return;
      visitor.faults.push(message.text());
    });
    await page.setViewport({ width, height });
    const scheme = dark ? "dark" : "light";
    // Firefox has the scheme of the machine.
    if (!visitor.#isFirefox) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    }
    if (before !== undefined) await page.evaluateOnNewDocument(before);
    await page.goto(url);
    return visitor;
  }

  /** Opens a page and joins. */
  static async join(
    running: Running,
    url: string,
    name: string,
    options?: PageOptions,
  ): Promise<Visitor> {
    const visitor = await Visitor.open(running, url, options);
    await visitor.enters(name);
    return visitor;
  }

  /** Fills in the form and waits until the person is in the room. */
  async enters(name: string): Promise<void> {
    await this.asks(name);
    await this.isIn();
  }

  /** Fills in the form. */
  async asks(name: string): Promise<void> {
    await this.page.waitForSelector("input[name=name]", WAIT);
    await this.types(name);
    await this.page.keyboard.press("Enter");
  }

  /** Invites somebody. Returns the link. */
  async invites(): Promise<string> {
    const number = Number(await this.evaluates(`document.querySelectorAll(".note .code").length`));
    await this.says("/invite");
    await this.sees(`invitation ${number + 1} (for one guest`);
    return await this.link();
  }

  /** The last link of an invitation in the conversation. */
  async link(): Promise<string> {
    const links = (await this.text(".scrolled")).matchAll(/http:\/\/\S+#[\w-]{43}/g);
    return [...links].at(-1)![0];
  }

  /** Where the page comes from. */
  get origin(): string {
    return new URL(this.page.url()).origin;
  }

  /** Replaces what is in a field of the form, and sends the form. */
  async enterInto(field: string, text: string): Promise<void> {
    const selector = `input[name=${field}]`;
    await this.page.waitForSelector(`${selector}:enabled`, WAIT);
    await this.page.focus(selector);
    await this.evaluates(`document.querySelector("${selector}").select()`);
    await this.types(text);
    await this.page.keyboard.press("Enter");
  }

  /** Waits until the person is in the room. */
  async isIn(): Promise<void> {
    await this.page.waitForSelector(".status.in", WAIT);
  }

  /** Enters a text where the focus is: at once, or in Firefox key by key. */
  async types(text: string): Promise<void> {
    const { keyboard } = this.page;
    await (this.#isFirefox ? keyboard.type(text) : keyboard.sendCharacter(text));
  }

  /** Says a line, or enters a command. */
  async says(line: string): Promise<void> {
    await this.page.focus(".composer textarea");
    await this.types(line);
    await this.page.keyboard.press("Enter");
  }

  /** Waits until an element contains a text; by default the conversation. */
  async sees(text: string, where = ".scrolled"): Promise<void> {
    const [place, part] = [JSON.stringify(where), JSON.stringify(text)];
    const holds =
      `[...document.querySelectorAll(${place})].some((one) => one.textContent.includes(${part}))`;
    await this.waits(holds, async () => `"${text}" in:\n${await this.text(where)}`);
  }

  /** Waits until a selector matches nothing. */
  async misses(selector: string): Promise<void> {
    await this.waits(`document.querySelector(${JSON.stringify(selector)}) === null`);
  }

  /** Waits until an expression is true in the page. */
  async waits(
    expression: string,
    what: () => string | Promise<string> = () => expression,
  ): Promise<void> {
    try {
      // A page that is not in front is not drawn: its frames cannot be waited for.
      await this.page.waitForFunction(expression, { ...WAIT, polling: POLLING_MS });
    } catch (error) {
      throw new Error(`waited in vain for ${await what()}`, { cause: error });
    }
  }

  /** The value of an expression in the page. */
  evaluates(expression: string): Promise<unknown> {
    return this.page.evaluate(expression);
  }

  /** The text of the first element that a selector matches; the empty text if there is none. */
  async text(selector: string): Promise<string> {
    const place = JSON.stringify(selector);
    return String(await this.evaluates(`document.querySelector(${place})?.textContent ?? ""`));
  }

  /** Clicks the button whose text contains `text`. */
  async presses(text: string): Promise<void> {
    await this.page.locator(`::-p-xpath(//button[contains(., ${JSON.stringify(text)})])`).click();
  }

  /** Opens the dialog about a member. */
  async asksWho(name: string): Promise<void> {
    await this.page.locator(`.people button ::-p-text(${name})`).click();
    await this.page.waitForSelector(".who .fingerprint", WAIT);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { faults } = this;
    await this.page.close();
    assertEquals(faults, []);
  }
}

/** What starts a browser. */
export interface Starter<T extends Running & AsyncDisposable> {
  start(): Promise<T>;
}

/** A room with ada at a page, and whoever joins her. All of it ends with this. */
export class Meeting<T extends Running & AsyncDisposable> implements AsyncDisposable {
  private constructor(
    readonly room: WebRoom,
    readonly browser: T,
    readonly ada: Visitor,
    readonly stack: AsyncDisposableStack,
  ) {}

  /** Opens a relay, starts a browser, and lets ada join. */
  static async open<T extends Running & AsyncDisposable>(starter: Starter<T>): Promise<Meeting<T>> {
    await using stack = new AsyncDisposableStack();
    const room = stack.use(await WebRoom.open());
    const browser = stack.use(await starter.start());
    const ada = stack.use(await Visitor.join(browser, room.url, "ada"));
    return new Meeting(room, browser, ada, stack.move());
  }

  /** Somebody joins at another page, and ada sees it. */
  async page(name: string): Promise<Visitor> {
    const visitor = this.stack.use(await Visitor.join(this.browser, this.room.url, name));
    await this.ada.sees(`${name} joined`);
    return visitor;
  }

  /** Somebody joins without a browser, and ada sees it. */
  async guest(name: string): Promise<Guest> {
    const guest = this.stack.use(await this.room.join(name));
    await this.ada.sees(`${name} joined`);
    return guest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }
}
