/**
 * Who is who: trust on first use, pinning, exclusion. A state machine without I/O.
 *
 * It is asked by the member's two sides ({@linkcode Policy}) and told of whom a person was shown and of what
 * a person decided. What a person decides applies to the fingerprint that was shown, and to no other.
 *
 * @module
 */

import type { Credential } from "../identity/credential.ts";
import { foldName } from "../identity/name.ts";
import type { Peer, Policy } from "../member/roster.ts";
import type { KnownPeer, KnownPeers, KnownPeersChange } from "./known_peers.ts";

/** How far a peer is trusted. */
export type TrustState =
  /** First met in this run. */
  | "new"
  /** Its key is the one by which it was known before, or was trusted by a person. */
  | "known"
  /** Its fingerprint was compared, or is one of those expected. */
  | "verified"
  /** Its name is known under another key: nothing is said to it, and nothing of it is shown. */
  | "changed"
  /** It is given no keys. */
  | "excluded";

/** Why a peer is excluded. */
export type Exclusion =
  /** A person said so. */
  | "by command"
  /** Others are expected. */
  | "unexpected"
  /** It is new, and the room is locked. */
  | "locked";

/** All that is known of who a peer is. */
export interface Standing {
  readonly trust: TrustState;
  readonly exclusion: Exclusion | undefined;
  /** What its name is remembered as. */
  readonly known: readonly KnownPeer[];
  /** Other names that its identity goes by, verified or not. */
  readonly aliases: readonly { readonly name: string; readonly verified: boolean }[];
  /** Those who are remembered by a name that looks like its own, and by another key. */
  readonly alike: readonly KnownPeer[];
  /** The fingerprint that its name had in this run before. */
  readonly before: string | undefined;
}

/** What became of a decision. */
export type Decision =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: DecisionCode; readonly message: string };

/** Why a decision does not hold. */
export type DecisionCode =
  | "FINGERPRINT_CHANGED"
  | "NOT_SHOWN"
  | "KEY_CHANGED"
  | "NOT_KNOWN"
  | "NOT_EXCLUDED";

/** How trust starts. */
export interface TrustOptions {
  /** Whether only known and verified members are given keys. */
  readonly strict?: boolean;
  /** The fingerprints of those who are given keys, where not everyone is. */
  readonly expected?: readonly string[];
  /** Who is known from before. */
  readonly known: KnownPeers;
  /** Takes what is to be remembered after this run; nothing is, without. */
  readonly remember?: ((change: KnownPeersChange) => void) | undefined;
  /** The time in milliseconds since 1970. */
  readonly now?: () => number;
}

/** So many are remembered of those whom one run meets first: a relay that invents members fills no disk. */
const MAX_MET_FIRST = 10_000;

type Who = Pick<Credential, "name" | "folded" | "fingerprint">;

const OK: Decision = { ok: true };

/** The trust of one run. */
export class Trust implements Policy {
  readonly #expected: ReadonlySet<string>;
  readonly #remember: TrustOptions["remember"];
  readonly #now: () => number;
  #known: KnownPeers;
  #locked: boolean;
  /** Whom this run met first, by {@linkcode idOf}. */
  readonly #metFirst = new Set<string>();
  /** Whom a person trusted in this run. */
  readonly #trusted = new Set<string>();
  /** Whom a person excluded: whoever has the name, and whoever has the identity. */
  #exclusions: readonly Pick<Who, "folded" | "fingerprint">[] = [];
  /** The fingerprints that a person asked to see, or else the first that was shown, by folded name. */
  readonly #compared = new Map<string, string>();
  /** The fingerprints that were shown, by folded name; one that waits to be trusted gives way to none. */
  readonly #shown = new Map<string, string>();
  /** The last fingerprint of each name that this run met, and the one before it. */
  readonly #met = new Map<string, { readonly last: string; readonly before: string | undefined }>();
  /** The names that each identity goes by in this run. */
  readonly #names = new Map<string, Map<string, string>>();
  /** What was judged since anything changed: it is asked for every frame and every member. */
  #states = new WeakMap<Who, TrustState>();

  /** Starts with what was known before. */
  constructor(options: TrustOptions) {
    this.#expected = new Set(options.expected);
    this.#locked = options.strict ?? false;
    this.#known = options.known;
    this.#remember = options.remember;
    this.#now = options.now ?? Date.now;
  }

  /** Whether whom it meets is remembered after this run. */
  get remembers(): boolean {
    return this.#remember !== undefined;
  }

  /** Whether only certain identities are expected. */
  get expects(): boolean {
    return this.#expected.size > 0;
  }

  /** Whether only known and verified members are given keys. */
  get locked(): boolean {
    return this.#locked;
  }

  // What the member asks.

  /** Why a peer is given no keys, in words that stand behind its name; undefined where it may read. */
  obstacle({ credential, confirmed }: Peer): string | undefined {
    const state = this.of(credential);
    if (state === "changed") {
      return `has another key than you know it by: /trust ${credential.name}`;
    }
    if (state === "excluded") return EXCLUSIONS[this.#exclusion(credential)!](credential.name);
    return confirmed ? undefined : "is unconfirmed: it has signed nothing in this room";
  }

  /** Whether the texts of a peer are kept from being shown. */
  hides({ credential }: Peer): boolean {
    return this.of(credential) === "changed";
  }

  // What is known.

  /** How far somebody is trusted. */
  of(who: Who): TrustState {
    const known = this.#states.get(who);
    if (known !== undefined) return known;
    const state = this.#judge(who);
    this.#states.set(who, state);
    return state;
  }

  #judge(who: Who): TrustState {
    if (this.#isChanged(who)) return "changed";
    if (this.#exclusion(who) !== undefined) return "excluded";
    return this.#recognize(who);
  }

  #isChanged({ folded, fingerprint }: Who): boolean {
    const known = this.#known.ofName(folded);
    return known.length > 0 && known.every((peer) => peer.fingerprint !== fingerprint);
  }

  /** How far somebody is trusted, exclusion aside. */
  #recognize(who: Who): "new" | "known" | "verified" {
    const { folded, fingerprint } = who;
    if (this.#expected.has(fingerprint)) return "verified";
    const lines = this.#known.ofName(folded).filter((peer) => peer.fingerprint === fingerprint);
    if (lines.some(({ verified }) => verified)) return "verified";
    return lines.length > 0 && !this.#metFirst.has(idOf(who)) ? "known" : "new";
  }

  #exclusion(who: Who): Exclusion | undefined {
    const { folded, fingerprint } = who;
    if (this.#exclusions.some((one) => one.folded === folded || one.fingerprint === fingerprint)) {
      return "by command";
    }
    if (this.#trusted.has(idOf(who))) return undefined;
    if (this.expects && !this.#expected.has(who.fingerprint)) return "unexpected";
    return this.#locked && this.#recognize(who) === "new" ? "locked" : undefined;
  }

  /** All that is known of who somebody is. */
  standing(who: Who): Standing {
    const { name, folded, fingerprint } = who;
    const trust = this.of(who);
    const met = this.#met.get(folded);
    const before = met === undefined || met.last === fingerprint ? met?.before : met.last;
    return {
      trust,
      exclusion: trust === "excluded" ? this.#exclusion(who) : undefined,
      known: this.#known.ofName(folded),
      aliases: this.#aliases(who),
      alike: this.#known.alike(name).filter((peer) =>
        peer.folded !== folded && peer.fingerprint !== fingerprint
      ),
      before,
    };
  }

  #aliases({ folded, fingerprint }: Who): { name: string; verified: boolean }[] {
    const names = new Map<string, { name: string; verified: boolean }>();
    for (const [other, name] of this.#names.get(fingerprint) ?? []) {
      names.set(other, { name, verified: false });
    }
    for (const { folded: other, name, verified } of this.#known.ofFingerprint(fingerprint)) {
      names.set(other, { name, verified: verified || names.get(other)?.verified === true });
    }
    names.delete(folded);
    return [...names.values()];
  }

  // What was shown.

  /** A peer is shown to be there; who is met for the first time, and may read, is remembered. */
  meet({ credential, confirmed }: Peer): void {
    const state = this.of(credential);
    if (this.#recognize(credential) === "new" && !this.#isMetFirst(credential)) return;
    this.#note(credential);
    this.#wasTold(credential);
    // A credential that was only replayed has met nobody, and who is excluded is not to be known next time.
    if (this.#remember === undefined || !confirmed || state !== "new") return;
    const { name, folded, fingerprint } = credential;
    if (this.#known.ofName(folded).length > 0) return;
    this.#change({ kind: "meet", name, fingerprint, at: this.#now() });
  }

  /** Counts somebody among those first met in this run, while they are not too many. */
  #isMetFirst(who: Who): boolean {
    if (this.#metFirst.size < MAX_MET_FIRST) this.#metFirst.add(idOf(who));
    return this.#metFirst.has(idOf(who));
  }

  #note({ name, folded, fingerprint }: Who): void {
    const last = this.#met.get(folded)?.last;
    this.#met.set(folded, { last: fingerprint, before: last === fingerprint ? undefined : last });
    const names = this.#names.get(fingerprint) ?? new Map<string, string>();
    this.#names.set(fingerprint, names.set(folded, name));
  }

  #wasTold({ folded, fingerprint }: Who): void {
    if (!this.#compared.has(folded)) this.#compared.set(folded, fingerprint);
    const shown = this.#shown.get(folded);
    const isPending = shown !== undefined && shown !== fingerprint &&
      this.#known.ofName(folded).every((peer) => peer.fingerprint !== shown);
    if (!isPending) this.#shown.set(folded, fingerprint);
  }

  /** A person asked for a fingerprint, and was shown it. */
  show({ folded, fingerprint }: Who): void {
    this.#compared.set(folded, fingerprint);
    this.#shown.set(folded, fingerprint);
  }

  // What a person decides.

  /** Takes the key of somebody for its own from now on. It reads, however the room is locked. */
  trust(who: Who): Decision {
    const { name, folded, fingerprint } = who;
    const shown = this.#shown.get(folded);
    if (shown !== fingerprint) {
      return shown === undefined ? notShown(name) : changedSince(name, shown);
    }
    this.#decide("trust", who);
    return OK;
  }

  /** Says that the fingerprint of somebody was compared. */
  verify(who: Who): Decision {
    const { name, folded, fingerprint } = who;
    if (this.#isChanged(who)) {
      const message = `${name} has another key than you know it by: /trust ${name} comes first`;
      return { ok: false, code: "KEY_CHANGED", message };
    }
    const compared = this.#compared.get(folded);
    if (compared !== fingerprint) {
      return compared === undefined ? notShown(name) : changedSince(name, compared);
    }
    this.#decide("verify", who);
    return OK;
  }

  #decide(kind: "trust" | "verify", who: Who): void {
    const { name, fingerprint } = who;
    this.#metFirst.delete(idOf(who));
    this.#trusted.add(idOf(who));
    this.#change({ kind, name, fingerprint, at: this.#now() });
  }

  /** Undoes {@linkcode trust} and {@linkcode verify}: whoever comes by that name is new. */
  forget(name: string): Decision {
    const folded = foldName(name);
    const trusted = [...this.#trusted].filter((id) => id.startsWith(`${folded} `));
    if (this.#known.ofName(folded).length === 0 && trusted.length === 0) {
      return { ok: false, code: "NOT_KNOWN", message: `nobody is known by the name of ${name}` };
    }
    for (const id of trusted) this.#trusted.delete(id);
    const last = this.#met.get(folded)?.last;
    if (last !== undefined) this.#metFirst.add(`${folded} ${last}`);
    this.#change({ kind: "forget", name });
    return OK;
  }

  /** Gives somebody no more keys: neither the name nor the identity, for the rest of this run. */
  exclude({ folded, fingerprint }: Who): void {
    this.#exclusions = [...this.#exclusions, { folded, fingerprint }];
    this.#states = new WeakMap();
  }

  /** Undoes {@linkcode exclude}, by any name that the identity was excluded under or met by. */
  include(name: string): Decision {
    const folded = foldName(name);
    const exclusions = this.#exclusions.filter((one) =>
      one.folded === folded || one.fingerprint === this.#met.get(folded)?.last
    );
    this.#exclusions = this.#exclusions.filter((one) => !exclusions.includes(one));
    this.#states = new WeakMap();
    if (exclusions.length > 0) return OK;
    const message = `${name} was not excluded by /exclude`;
    return { ok: false, code: "NOT_EXCLUDED", message };
  }

  /** Gives keys to known and verified members only, or to everyone again. */
  lock(locked: boolean): void {
    this.#locked = locked;
    this.#states = new WeakMap();
  }

  /** Takes what the file says now, with what is to be remembered but is not yet there. */
  take(known: KnownPeers): void {
    this.#known = known;
    this.#states = new WeakMap();
  }

  #change(change: KnownPeersChange): void {
    this.#known.apply(change);
    this.#states = new WeakMap();
    this.#remember?.(change);
  }
}

const EXCLUSIONS: Readonly<Record<Exclusion, (name: string) => string>> = {
  "by command": (name) => `is excluded: /include ${name} ends that`,
  unexpected: (name) => `is not one of those you --expect: /trust ${name} lets it read you`,
  locked: (name) => `is new, and the room is locked: /trust ${name} lets it read you`,
};

function idOf({ folded, fingerprint }: Pick<Who, "folded" | "fingerprint">): string {
  return `${folded} ${fingerprint}`;
}

function notShown(name: string): Decision {
  const message = `the fingerprint of ${name} was not shown yet: /fingerprint ${name}`;
  return { ok: false, code: "NOT_SHOWN", message };
}

function changedSince(name: string, shown: string): Decision {
  const message = `the fingerprint of ${name} has changed since you were shown ${shown}: ` +
    `look again with /fingerprint ${name}`;
  return { ok: false, code: "FINGERPRINT_CHANGED", message };
}
