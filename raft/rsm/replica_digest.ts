/**
 * One 32-bit word over everything that a replica has applied: the position and kind of each entry, the result of each
 * command, and at every checkpoint the state itself, if the machine can tell a digest of it. Replicas that have applied the
 * same entries have the same word. One that has once gone apart keeps a word of its own for ever, whatever it applies
 * afterwards, since equal words mixed into different states leave them different; so a comparison that was missed is made
 * up for by the next. The word is part of every snapshot (`snapshot_codec.ts`), and goes on from there after a restore.
 *
 * What a comparison sees, from {@link checkpointEntries} to the index compared:
 *
 * - a command that had another result on one node, or was executed there once more or once less: always;
 * - a state that went apart: at the next checkpoint if the machine has `digest()` and it depends on what differs; otherwise
 *   as soon as it shows in a result;
 * - commands that differ: through what they do; and for a machine without `digest()` by their bytes;
 * - a snapshot that restores to another state than it was taken of: at once, on the node itself, if the machine has `digest()`.
 *
 * What it does not see: memory that was damaged under a digest which is kept up to date rather than computed from the state
 * (`KvStateMachine.digest` therefore looks at some keys each time); a mistake that all replicas make alike; answers to
 * queries. And it finds out late: up to {@link checkpointEntries} entries, and one message, after the fact.
 *
 * It costs a few multiplications for an entry, some more for a result, and nothing is hashed anew that a machine keeps a
 * hash of.
 *
 * @module
 */
import type { Entry } from "../core/types.ts";
import { crc32 } from "../encoding/crc32.ts";
import { mixWord } from "../encoding/mix.ts";

/** Digests are compared at the indexes that are multiples of this. */
export const checkpointEntries = 256;

/** What a replica begins with that has applied nothing. */
const emptyDigest = 0x62616c73;

const kindWords: Readonly<Record<Entry["kind"], number>> = { command: 1, noop: 2, configuration: 3 };

/** The word of one replica. */
export class ReplicaDigest {
  /** A 32-bit integer, signed. */
  #state: number;
  readonly #hashesCommands: boolean;

  /** Goes on from `word`. `hashesCommands`: the machine tells no digest of its state. */
  constructor(hashesCommands: boolean, word: number = emptyDigest) {
    this.#hashesCommands = hashesCommands;
    this.#state = word | 0;
  }

  /** The word; an integer in [0, 2^32). */
  get word(): number {
    return this.#state >>> 0;
  }

  /** An entry is applied. */
  entry(entry: Entry): void {
    const position = mixWord(this.#state, entry.index * 4 + kindWords[entry.kind]);
    this.#state = mixWord(position, entry.term);
    if (this.#hashesCommands && entry.kind === "command") this.#state = mixWord(this.#state, crc32(entry.data));
  }

  /** What its command came to, or what the state is like at a checkpoint. */
  mix(digest: number): void {
    this.#state = mixWord(this.#state, digest);
  }
}
