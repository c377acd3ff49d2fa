/**
 * Decides which peers are trusted: trust on first use, key pinning, exclusion. A state machine
 * without I/O.
 *
 * The member asks it as its {@linkcode Policy}. The user interface reports which fingerprints it
 * showed and what the user decided. A decision applies only to the fingerprint that was shown.
 *
 * @module
 */

import type { Credential } from "../identity/credential.ts";
import { foldName } from "../identity/name.ts";
import type { Peer, Policy } from "../member/roster.ts";
import type { KnownPeer, KnownPeers, KnownPeersChange } from "./known_peers.ts";

/** How much a peer is trusted. */
export type TrustState =
  /** The peer was first met in this run. */
  | "new"
  /** Its key is the remembered one, or the user has accepted it. */
  | "known"
  /**
   * An invitation has proved its key: the peer came by the user's link, or the user by the peer's.
   * This is as secure as the channel of the link.
   */
  | "invited"
  /** The user has compared its fingerprint or expects it. */
  | "verified"
  /**
   * Its name is remembered with another key: no line is sent to it, and its messages are hidden.
   */
  | "changed"
  /** It receives no keys. */
  | "excluded";

/** Why a peer is excluded. */
export type Exclusion =
  /** The user excluded it. */
  | "by command"
  /** The user expects other identities. */
  | "unexpected"
  /** It is new, and the room is locked. */
  | "locked";

/** Whose link an invitation was. */
export type Invitation = "invited you" | "invited by you";

/** Everything that is known about a peer's identity. */
export interface Standing {
  readonly trust: TrustState;
  readonly exclusion: Exclusion | undefined;
  /** How an invitation has proved its key in this run. */
  readonly invitation: Invitation | undefined;
  /** The remembered peers with its name. */
  readonly known: readonly KnownPeer[];
  /** Other names that its identity uses, {@linkcode MAX_ALIASES} at most, those known for longest first. */
  readonly aliases: readonly { readonly name: string; readonly verified: boolean }[];
  /** The remembered peers with another key whose names look like its name, {@linkcode MAX_ALIKE} at most. */
  readonly alike: readonly KnownPeer[];
  /** The fingerprint that its name had earlier in this run. */
  readonly before: string | undefined;
}

/** The result of a decision. */
export type Decision =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: DecisionCode; readonly message: string };

/** Why a decision was rejected. */
export type DecisionCode =
  | "FINGERPRINT_CHANGED"
  | "NOT_SHOWN"
  | "KEY_CHANGED"
  | "NOT_KNOWN"
  | "NOT_EXCLUDED"
  | "NOT_IGNORED";

/** Options of {@linkcode Trust}. */
export interface TrustOptions {
  /** Whether only known, invited and verified members receive keys. */
  readonly strict?: boolean;
  /** If not empty, only these fingerprints receive keys. */
  readonly expected?: readonly string[];
  /** The peers that are known from earlier runs. */
  readonly known: KnownPeers;
  /** Saves a change for later runs; without it, nothing is saved. */
  readonly remember?: ((change: KnownPeersChange) => void) | undefined;
  /** Called once if not all peers who are met can be remembered. */
  readonly crowded?: ((why: Crowding) => void) | undefined;
  /** Returns the time in milliseconds since 1970. */
  readonly now?: () => number;
}

/** Why not all peers who are met can be remembered. */
export type Crowding =
  /** This run has met too many for the first time. */
  | "run"
  /** There are too many from all runs: the oldest give way. */
  | "file";

/** The most first meetings that a run takes note of. */
const MAX_MET_FIRST = 10_000;
/**
 * The most first meetings that a run saves for later runs: a relay that invents members needs many runs to push out
 * others.
 */
export const MAX_SAVED = 2_000;
/** The most peers that a run raises to familiar ones, for the same reason. */
export const MAX_FAMILIAR = 500;
/** The most other names of an identity that are told. */
export const MAX_ALIASES = 100;

type PeerIdentity = Pick<Credential, "name" | "folded" | "fingerprint">;
type NameAndKey = Pick<Credential, "folded" | "fingerprint">;

const OK: Decision = { ok: true };

/** The trust decisions of one run. */
export class Trust implements Policy {
  readonly #expected: ReadonlySet<string>;
  readonly #remember: TrustOptions["remember"];
  readonly #now: () => number;
  readonly #crowded: TrustOptions["crowded"];
  /** Whether it was told that not all peers can be remembered. */
  #isCrowded = false;
  #known: KnownPeers;
  #locked: boolean;
  /** The peers first met in this run, by {@linkcode idOf}. */
  readonly #metFirst = new Set<string>();
  /** The number of first meetings that this run has saved. */
  #saved = 0;
  /** The peers that this run has raised to familiar ones, by {@linkcode idOf}. */
  readonly #familiar = new Set<string>();
  /** The peers that the user trusted or verified in this run, by {@linkcode idOf}. */
  readonly #trusted = new Set<string>();
  /** The peers whose keys an invitation proved in this run, by {@linkcode idOf}. */
  readonly #invited = new Map<string, Invitation>();
  /** Returns whether a fingerprint is that of the person whose link the user has. */
  #isInviter: (fingerprint: string) => boolean = () => false;
  /** The names and identities that the user excluded. */
  #exclusions: readonly NameAndKey[] = [];
  /** The names and identities whose messages the user does not want to see. */
  #ignored: readonly NameAndKey[] = [];
  /**
   * By folded name, the fingerprint that the user asked to compare, or else the first one shown.
   * People are shown fingerprints only where they matter.
   */
  readonly #compared = new Map<string, string>();
  /**
   * By folded name, the fingerprint last shown. A changed key that the user has not yet accepted is
   * not overwritten.
   */
  readonly #shown = new Map<string, string>();
  /** By folded name, the last fingerprint met in this run and the one before it. */
  readonly #met = new Map<string, { readonly last: string; readonly before: string | undefined }>();
  /** By fingerprint, the names that the identity used in this run. */
  readonly #names = new Map<string, Map<string, string>>();
  /** A cache of states, emptied at each change: the state is queried for every frame and member. */
  #states = new WeakMap<PeerIdentity, TrustState>();

  /** @param options The known peers and the rules of this run. */
  constructor(options: TrustOptions) {
    this.#expected = new Set(options.expected);
    this.#locked = options.strict ?? false;
    this.#known = options.known;
    this.#remember = options.remember;
    this.#now = options.now ?? Date.now;
    this.#crowded = options.crowded;
  }

  /** Whether newly met peers are saved for later runs. */
  get remembers(): boolean {
    return this.#remember !== undefined;
  }

  /** Whether only certain identities receive keys. */
  get expects(): boolean {
    return this.#expected.size > 0;
  }

  /** Whether only known, invited and verified members receive keys. */
  get locked(): boolean {
    return this.#locked;
  }

  // The member's policy.

  /**
   * Returns why a peer receives no keys, as a predicate that follows its name; undefined if it
   * receives them.
   */
  obstacle({ credential }: Peer): string | undefined {
    const state = this.of(credential);
    if (state === "changed") {
      return `has a different key than the one you know: /trust ${credential.name}`;
    }
    if (state === "excluded") return EXCLUSIONS[this.#exclusion(credential)!](credential.name);
    return undefined;
  }

  /** Reports whether the messages of a peer are hidden. */
  hides({ credential }: Peer): boolean {
    return this.of(credential) === "changed" || this.ignores(credential);
  }

  /** Reports whether a peer is told that it receives no keys, because its key is not the known one. */
  mistrusts({ credential }: Peer): boolean {
    return this.of(credential) === "changed";
  }

  /** Reports whether a peer may be sent notices: also one that a rule alone keeps from reading. */
  mayNotify({ credential }: Peer): boolean {
    return !this.#isChanged(credential) && this.#exclusion(credential) !== "by command";
  }

  // Queries.

  /** Returns whether the user ignores a peer's messages. */
  ignores(peer: PeerIdentity): boolean {
    return this.#ignored.some(sharesOne(peer));
  }

  /** Returns how much a peer is trusted. */
  of(peer: PeerIdentity): TrustState {
    const known = this.#states.get(peer);
    if (known !== undefined) return known;
    const state = this.#judge(peer);
    this.#states.set(peer, state);
    return state;
  }

  #judge(peer: PeerIdentity): TrustState {
    if (this.#isChanged(peer)) return "changed";
    if (this.#exclusion(peer) !== undefined) return "excluded";
    return this.#recognize(peer);
  }

  #isChanged({ folded, fingerprint }: PeerIdentity): boolean {
    const known = this.#known.ofName(folded);
    return known.length > 0 && known.every((peer) => peer.fingerprint !== fingerprint);
  }

  /** Returns how much a peer is trusted, regardless of exclusion. */
  #recognize(peer: PeerIdentity): "new" | "known" | "invited" | "verified" {
    const { folded, fingerprint } = peer;
    if (this.#expected.has(fingerprint)) return "verified";
    const lines = this.#known.ofName(folded).filter((line) => line.fingerprint === fingerprint);
    for (const status of ["verified", "invited"] as const) {
      if (lines.some((line) => line.status === status)) return status;
    }
    if (this.#invited.has(idOf(peer))) return "invited";
    return lines.length > 0 && !this.#metFirst.has(idOf(peer)) ? "known" : "new";
  }

  #exclusion(peer: PeerIdentity): Exclusion | undefined {
    if (this.#exclusions.some(sharesOne(peer))) return "by command";
    if (this.#trusted.has(idOf(peer))) return undefined;
    if (this.expects && !this.#expected.has(peer.fingerprint)) return "unexpected";
    return this.#locked && this.#recognize(peer) === "new" ? "locked" : undefined;
  }

  /** Returns everything that is known about a peer's identity. */
  standing(peer: PeerIdentity): Standing {
    const { name, folded, fingerprint } = peer;
    const trust = this.of(peer);
    const met = this.#met.get(folded);
    const before = met === undefined || met.last === fingerprint ? met?.before : met.last;
    return {
      trust,
      exclusion: trust === "excluded" ? this.#exclusion(peer) : undefined,
      invitation: this.#invited.get(idOf(peer)),
      known: this.#known.ofName(folded),
      aliases: this.#aliases(peer),
      alike: this.#known.alike(name, { folded, fingerprint }),
      before,
    };
  }

  #aliases({ folded, fingerprint }: PeerIdentity): { name: string; verified: boolean }[] {
    const names = new Map<string, { name: string; verified: boolean }>();
    for (const { folded: other, name, status } of this.#known.ofFingerprint(fingerprint)) {
      if (other === folded) continue;
      const verified = status === "verified" || names.get(other)?.verified === true;
      names.set(other, { name, verified });
      if (names.size === MAX_ALIASES) return [...names.values()];
    }
    for (const [other, name] of this.#names.get(fingerprint) ?? []) {
      if (other === folded || names.has(other)) continue;
      names.set(other, { name, verified: false });
      if (names.size === MAX_ALIASES) break;
    }
    return [...names.values()];
  }

  // What the user has seen.

  /**
   * Records that a peer was shown. A peer that is met for the first time and may read is
   * remembered.
   *
   * @param peer The peer.
   * @param identified Whether its fingerprint was shown too.
   */
  meet(peer: Peer, identified = true): void {
    const { credential, confirmed } = peer;
    if (this.#isInviter(credential.fingerprint)) this.invite(peer, "invited you");
    const state = this.of(credential);
    if (this.#recognize(credential) === "new" && !this.#isMetFirst(credential)) return;
    this.#note(credential);
    if (identified) this.#recordShown(credential);
    // Do not remember a credential that may be a replay, nor a peer that is excluded now.
    if (this.#remember === undefined || !confirmed) return;
    // Its line is from an earlier run.
    if (state === "known") return this.#recognizeAgain(credential);
    if (state !== "new" || this.#known.ofName(credential.folded).length > 0) return;
    if (this.#saved >= MAX_SAVED) return this.#crowd("run");
    this.#saved += 1;
    const { name, fingerprint } = credential;
    this.#change({ kind: "meet", name, fingerprint, at: this.#now() });
  }

  /** Records a first meeting up to the limit; reports whether the peer is recorded. */
  #isMetFirst(peer: PeerIdentity): boolean {
    if (this.#metFirst.size < MAX_MET_FIRST) this.#metFirst.add(idOf(peer));
    return this.#metFirst.has(idOf(peer));
  }

  /** Records that a peer said something: it gives way to others later than one that never did. */
  hear({ credential, confirmed }: Peer): void {
    const state = this.of(credential);
    if (this.#remember === undefined || !confirmed) return;
    const isNoted = state === "new" && this.#metFirst.has(idOf(credential));
    if (isNoted || state === "known") this.#recognizeAgain(credential);
  }

  #recognizeAgain(peer: PeerIdentity): void {
    const { name, folded, fingerprint } = peer;
    if (this.#familiar.has(idOf(peer)) || this.#familiar.size >= MAX_FAMILIAR) return;
    const isDone = ({ fingerprint: other, status }: KnownPeer) =>
      other === fingerprint && status !== "unverified";
    if (this.#known.ofName(folded).some(isDone)) return;
    this.#familiar.add(idOf(peer));
    this.#change({ kind: "recognize", name, fingerprint, at: this.#now() });
  }

  /** Tells once that not all peers can be remembered. */
  #crowd(why: Crowding): void {
    if (!this.#isCrowded) this.#crowded?.(why);
    this.#isCrowded = true;
  }

  #note({ name, folded, fingerprint }: PeerIdentity): void {
    const last = this.#met.get(folded)?.last;
    this.#met.set(folded, { last: fingerprint, before: last === fingerprint ? undefined : last });
    const names = this.#names.get(fingerprint) ?? new Map<string, string>();
    this.#names.set(fingerprint, names.set(folded, name));
  }

  #recordShown({ folded, fingerprint }: PeerIdentity): void {
    if (!this.#compared.has(folded)) this.#compared.set(folded, fingerprint);
    const shown = this.#shown.get(folded);
    const isPending = shown !== undefined && shown !== fingerprint &&
      this.#known.ofName(folded).every((peer) => peer.fingerprint !== shown);
    if (!isPending) this.#shown.set(folded, fingerprint);
  }

  /** Records that the user asked for a fingerprint and saw it. */
  show({ folded, fingerprint }: PeerIdentity): void {
    this.#compared.set(folded, fingerprint);
    this.#shown.set(folded, fingerprint);
  }

  /** Records that words to compare with a peer were shown, whoever asked for them. */
  offer({ folded, fingerprint }: PeerIdentity): void {
    if (!this.#compared.has(folded)) this.#compared.set(folded, fingerprint);
  }

  // Invitations.

  /**
   * Says by whose invitation the user comes.
   *
   * @param isInviter Returns whether a fingerprint is that person's.
   */
  comeBy(isInviter: (fingerprint: string) => boolean): void {
    this.#isInviter = isInviter;
  }

  /**
   * Records that an invitation has proved a peer's key. A changed key stays refused until the user
   * accepts it.
   */
  invite({ credential, confirmed }: Peer, how: Invitation): void {
    this.#invited.set(idOf(credential), how);
    this.#states = new WeakMap();
    // Do not remember a credential that may be a replay.
    if (confirmed) this.#recordInvited(credential);
  }

  #recordInvited(peer: PeerIdentity): void {
    const { name, fingerprint } = peer;
    if (!this.#isChanged(peer)) {
      this.#change({ kind: "invite", name, fingerprint, at: this.#now() });
    }
  }

  // Decisions of the user.

  /** Accepts a peer's key. The peer then receives keys even if the room is locked. */
  trust(peer: PeerIdentity): Decision {
    const { name, folded, fingerprint } = peer;
    const shown = this.#shown.get(folded);
    if (shown !== fingerprint) {
      return shown === undefined ? notShown(name) : changedSince(name, shown);
    }
    this.#decide("trust", peer);
    return OK;
  }

  /** Records that the user asked for words to compare with a peer. */
  compare(peer: PeerIdentity): Decision {
    if (this.#isChanged(peer)) return keyChanged(peer.name);
    this.#compared.set(peer.folded, peer.fingerprint);
    return OK;
  }

  /** Marks a peer's fingerprint as compared. */
  verify(peer: PeerIdentity): Decision {
    const { name, folded, fingerprint } = peer;
    if (this.#isChanged(peer)) return keyChanged(name);
    const compared = this.#compared.get(folded);
    if (compared !== fingerprint) {
      return compared === undefined ? notShown(name) : changedSince(name, compared);
    }
    this.#decide("verify", peer);
    return OK;
  }

  #decide(kind: "trust" | "verify", peer: PeerIdentity): void {
    const { name, fingerprint } = peer;
    this.#metFirst.delete(idOf(peer));
    this.#trusted.add(idOf(peer));
    this.#change({ kind, name, fingerprint, at: this.#now() });
    if (kind === "trust" && this.#invited.has(idOf(peer))) this.#recordInvited(peer);
  }

  /** Undoes {@linkcode trust} and {@linkcode verify}: the next peer with that name is new. */
  forget(name: string): Decision {
    const folded = foldName(name);
    const trusted = [...this.#trusted].filter((id) => id.startsWith(`${folded} `));
    if (this.#known.ofName(folded).length === 0 && trusted.length === 0) {
      return { ok: false, code: "NOT_KNOWN", message: `no one named ${name} is known` };
    }
    for (const id of trusted) this.#trusted.delete(id);
    for (const id of this.#invited.keys()) {
      if (id.startsWith(`${folded} `)) this.#invited.delete(id);
    }
    const last = this.#met.get(folded)?.last;
    if (last !== undefined) this.#metFirst.add(`${folded} ${last}`);
    this.#change({ kind: "forget", name });
    return OK;
  }

  /** Excludes a peer's name and its identity from receiving keys for the rest of this run. */
  exclude({ folded, fingerprint }: PeerIdentity): void {
    this.#exclusions = [...this.#exclusions, { folded, fingerprint }];
    this.#states = new WeakMap();
  }

  /**
   * Undoes {@linkcode exclude}, by the name that was excluded or the last name of the excluded
   * identity.
   */
  include(name: string): Decision {
    const others = this.#without(this.#exclusions, name);
    const isUndone = others.length < this.#exclusions.length;
    this.#exclusions = others;
    this.#states = new WeakMap();
    if (isUndone) return OK;
    return { ok: false, code: "NOT_EXCLUDED", message: `${name} was not excluded by /exclude` };
  }

  /** Hides the messages of a peer's name and of its identity for the rest of this run. */
  ignore({ folded, fingerprint }: PeerIdentity): void {
    this.#ignored = [...this.#ignored, { folded, fingerprint }];
  }

  /** Undoes {@linkcode ignore}, by the ignored name or the last name of the ignored identity. */
  unignore(name: string): Decision {
    const others = this.#without(this.#ignored, name);
    const isUndone = others.length < this.#ignored.length;
    this.#ignored = others;
    if (isUndone) return OK;
    return { ok: false, code: "NOT_IGNORED", message: `${name} is not ignored` };
  }

  /** Returns the others than those with a name or with its last identity. */
  #without(those: readonly NameAndKey[], name: string): readonly NameAndKey[] {
    const folded = foldName(name);
    const isMeant = sharesOne({ folded, fingerprint: this.#met.get(folded)?.last });
    return those.filter((one) => !isMeant(one));
  }

  /** Restricts keys to known, invited and verified members, or lifts the restriction. */
  lock(locked: boolean): void {
    this.#locked = locked;
    this.#states = new WeakMap();
  }

  /** Replaces the known peers: the file's content and the changes not yet written. */
  replaceKnown(known: KnownPeers): void {
    this.#known = known;
    this.#states = new WeakMap();
  }

  #change(change: KnownPeersChange): void {
    const gaveWay = this.#known.apply(change);
    this.#states = new WeakMap();
    this.#remember?.(change);
    if (gaveWay > 0) this.#crowd("file");
  }
}

const EXCLUSIONS: Readonly<Record<Exclusion, (name: string) => string>> = {
  "by command": (name) => `is excluded: /include ${name} undoes this`,
  unexpected: (name) => `is not in your --expect list: /trust ${name} lets it read`,
  locked: (name) => `is new and the room is locked: /trust ${name} lets it read`,
};

/** Returns a test for those who have the name or the key of a peer. */
function sharesOne(
  { folded, fingerprint }: { readonly folded: string; readonly fingerprint: string | undefined },
): (one: NameAndKey) => boolean {
  return (one) => one.folded === folded || one.fingerprint === fingerprint;
}

function idOf({ folded, fingerprint }: NameAndKey): string {
  return `${folded} ${fingerprint}`;
}

function notShown(name: string): Decision {
  const message = `you have not seen the fingerprint of ${name}: run /fingerprint ${name}`;
  return { ok: false, code: "NOT_SHOWN", message };
}

function keyChanged(name: string): Decision {
  const message = `${name} has a different key than the one you know: run /trust ${name} first`;
  return { ok: false, code: "KEY_CHANGED", message };
}

function changedSince(name: string, shown: string): Decision {
  const message = `the fingerprint of ${name} has changed since you saw ${shown}: ` +
    `run /fingerprint ${name} again`;
  return { ok: false, code: "FINGERPRINT_CHANGED", message };
}
