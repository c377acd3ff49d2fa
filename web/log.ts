/**
 * The lines of a conversation as an immutable sequence: adding one shares all others, and the oldest ones give way
 * once there are too many.
 *
 * @module
 */

/** How many entries a chunk holds. A change copies one chunk and the list of the chunks. */
const CHUNK = 128;

/** The most entries that a log keeps, and the most characters (UTF-16 code units) in their texts. */
export const LOG_BOUNDS = { entries: 20_000, characters: 16 << 20 } as const;

/** An immutable sequence. Its entries have the positions {@linkcode Log.start} to {@linkcode Log.end}, exclusive. */
export interface Log<T> {
  readonly chunks: readonly Chunk<T>[];
  /** The position of the first entry: the number of those that gave way. */
  readonly start: number;
  /** The position of the next entry. */
  readonly end: number;
  /** The characters in all texts. */
  readonly characters: number;
}

interface Chunk<T> {
  /** The position of its first entry. */
  readonly at: number;
  readonly entries: readonly T[];
  readonly characters: number;
}

/** A log without entries. */
export const EMPTY_LOG: Log<never> = { chunks: [], start: 0, end: 0, characters: 0 };

/**
 * Adds an entry.
 *
 * @param log The log.
 * @param entry The entry.
 * @param characters The length of its text.
 */
export function append<T>(log: Log<T>, entry: T, characters: number): Log<T> {
  const last = log.chunks.at(-1);
  const grown: Chunk<T> = last === undefined || last.entries.length === CHUNK
    ? { at: log.end, entries: [entry], characters }
    : { ...last, entries: [...last.entries, entry], characters: last.characters + characters };
  const others = grown.at === last?.at ? log.chunks.slice(0, -1) : log.chunks;
  return bounded({
    ...log,
    chunks: [...others, grown],
    end: log.end + 1,
    characters: log.characters + characters,
  });
}

/** Drops the oldest chunks of a log that is too large. */
function bounded<T>(log: Log<T>): Log<T> {
  const [first, second] = log.chunks;
  const isTooLarge = log.end - log.start > LOG_BOUNDS.entries ||
    log.characters > LOG_BOUNDS.characters;
  if (!isTooLarge || first === undefined || second === undefined) return log;
  const characters = log.characters - first.characters;
  return bounded({ ...log, chunks: log.chunks.slice(1), start: second.at, characters });
}

/** Drops all entries. Those that follow have the next positions. */
export function emptied<T>({ end }: Log<T>): Log<T> {
  return { chunks: [], start: end, end, characters: 0 };
}

/** Replaces the entry at a position by one with a text of the same length; a position that has given way is ignored. */
export function replace<T>(log: Log<T>, position: number, change: (entry: T) => T): Log<T> {
  const index = chunkOf(log, position);
  const chunk = log.chunks[index];
  if (chunk === undefined) return log;
  const at = position - chunk.at;
  const entries = chunk.entries.with(at, change(chunk.entries[at]!));
  return { ...log, chunks: log.chunks.with(index, { ...chunk, entries }) };
}

/** Returns the entries at positions `from` to `to`, exclusive, as far as the log has them. */
export function slice<T>(log: Log<T>, from: number, to: number): T[] {
  return log.chunks.slice(Math.max(0, chunkOf(log, Math.max(from, log.start))))
    .filter(({ at }) => at < to)
    .flatMap(({ at, entries }) => entries.slice(Math.max(0, from - at), Math.max(0, to - at)));
}

/** The index of the chunk that holds a position; -1 if none does. */
function chunkOf<T>({ chunks, start, end }: Log<T>, position: number): number {
  if (position < start || position >= end) return -1;
  return chunks.findLastIndex(({ at }) => at <= position);
}
