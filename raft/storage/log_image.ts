/**
 * The log as it emerges while the segments are replayed.
 *
 * @module
 */
import type { Entry, EntryId, LogIndex, SnapshotMeta, Term } from "../core/types.ts";
import { CborReader } from "../encoding/cbor_reader.ts";
import { readEntry } from "../encoding/entry_codec.ts";

/** An entry, and the bytes that it takes encoded. */
export interface SizedEntry {
  /** The entry. */
  readonly entry: Entry;
  /** Its encoded size. */
  readonly bytes: number;
}

/** How a snapshot and the log fit together. */
export type Connection =
  /** The log goes on where the snapshot ends. */
  | { readonly kind: "connected"; readonly suffix: readonly SizedEntry[] }
  /** The snapshot is ahead of the log, or of another history: it replaces the log. */
  | { readonly kind: "replaced" }
  /** The log does not reach back to the snapshot: entries are missing. */
  | { readonly kind: "gap" };

/** The replayed log: consecutive entries behind a base. */
export class LogImage {
  /** The last entry before the log; the term is null when the kept segments do not tell it. */
  #base: { readonly index: LogIndex; readonly term: Term | null };
  #entries: SizedEntry[] = [];

  /** A log that begins behind `base`. */
  constructor(base: EntryId) {
    this.#base = base;
  }

  /** Index of the last entry before the log. */
  get baseIndex(): LogIndex {
    return this.#base.index;
  }

  /** The last entry, or the base; null when neither is known, which no intact log leaves at the end of a batch. */
  get last(): EntryId | null {
    const last = this.#entries[this.#entries.length - 1];
    if (last !== undefined) return { index: last.entry.index, term: last.entry.term };
    return this.#base.term === null ? null : { index: this.#base.index, term: this.#base.term };
  }

  /** The log begins anew behind `base`. */
  restart(base: EntryId): void {
    this.#base = base;
    this.#entries = [];
  }

  /** Appends the entries of one record, replacing what they overlap. Returns what is wrong with them, or null. */
  append(payload: Uint8Array): string | null {
    // One copy for all entries of the record, so that they do not keep the whole segment's bytes alive.
    const bytes = payload.slice();
    const reader = new CborReader(bytes);
    while (reader.offset < bytes.length) {
      const start = reader.offset;
      const entry = readEntry(reader);
      const slot = entry.index - this.#base.index - 1;
      if (slot > this.#entries.length) return `entry ${entry.index} follows entry ${this.last?.index ?? 0}`;
      // A suffix that began in a segment since deleted was replaced: what was before it is not told any more.
      if (slot < 0) this.#base = { index: entry.index - 1, term: null };
      this.#entries.length = Math.max(0, slot);
      this.#entries.push({ entry, bytes: reader.offset - start });
    }
    return null;
  }

  /** How the snapshot and the log fit together (paper, section 7: a suffix behind the snapshot's last entry is kept). */
  connect(snapshot: SnapshotMeta): Connection {
    const { index, term } = snapshot.last;
    if (index < this.#base.index) return { kind: "gap" };
    // Segments are deleted only up to a base that a snapshot covers, so a snapshot never ends before that base.
    if (index === this.#base.index && this.#base.term === null) return { kind: "gap" };
    const slot = index - this.#base.index - 1;
    const termThere = slot < 0 ? this.#base.term : this.#entries[slot]?.entry.term;
    if (termThere !== term) return { kind: "replaced" };
    return { kind: "connected", suffix: this.#entries.slice(slot + 1) };
  }
}
