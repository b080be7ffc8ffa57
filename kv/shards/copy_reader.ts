/**
 * Gives lost shards out, piece by piece. A copy does not change any more, so its bytes can be made again whenever somebody
 * begins anew; those who go on where they were cost nothing twice.
 *
 * @module
 */
import type { CopyPiece } from "./group_commands.ts";
import type { LostShard } from "./shard_copies.ts";

/** Bytes of a piece unless told otherwise: far below what a command may have. */
export const defaultPieceBytes = 512 * 1024;

/** Copies that are being read at a time; the one that was used longest ago makes room. */
const maxReaders = 32;

/** See the module. */
export class CopyReaders {
  readonly #pieceBytes: number;
  readonly #readers = new Map<LostShard, CopyReader>();

  /** `pieceBytes` is the size of each piece but the last one of a copy. */
  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes;
  }

  /** The piece at `offset`; null when the copy is shorter. */
  read(copy: LostShard, offset: number): CopyPiece | null {
    let reader = this.#readers.get(copy);
    if (reader === undefined || !reader.reaches(offset)) reader = new CopyReader(copy, this.#pieceBytes);
    this.#readers.delete(copy);
    this.#readers.set(copy, reader);
    const [oldest] = this.#readers.keys();
    if (oldest !== undefined && this.#readers.size > maxReaders) this.#readers.delete(oldest);
    const piece = reader.read(offset);
    // Whoever has the last piece needs no other one, as a rule.
    if (piece === null || piece.isLast) this.#readers.delete(copy);
    return piece;
  }
}

class CopyReader {
  readonly #copy: LostShard;
  readonly #pieceBytes: number;
  readonly #slices: Iterator<Uint8Array>;
  /** Made and not yet given out. */
  #rest: Uint8Array = new Uint8Array(0);
  #offset = 0;
  /** The latest piece, for one whose answer was lost. */
  #latest: CopyPiece | null = null;

  constructor(copy: LostShard, pieceBytes: number) {
    this.#copy = copy;
    this.#pieceBytes = pieceBytes;
    this.#slices = copy.hosted.slices();
  }

  /** Whether a piece there can be given without beginning anew. */
  reaches(offset: number): boolean {
    return offset >= this.#offset || offset === this.#latest?.offset;
  }

  read(offset: number): CopyPiece | null {
    if (this.#latest?.offset === offset) return this.#latest;
    while (this.#offset < offset) {
      const passed = this.#take(Math.min(this.#pieceBytes, offset - this.#offset));
      if (passed.length === 0) return null;
    }
    const { shard, frozenAt, hosted: { sequence, clusterTimeMs } } = this.#copy;
    const bytes = this.#take(this.#pieceBytes);
    this.#fill(1);
    this.#latest = { shard, frozenAt, offset, bytes, sequence, clusterTimeMs, isLast: this.#rest.length === 0 };
    return this.#latest;
  }

  #take(most: number): Uint8Array {
    this.#fill(most);
    const taken = this.#rest.slice(0, most);
    this.#rest = this.#rest.subarray(taken.length);
    this.#offset += taken.length;
    return taken;
  }

  /** Makes bytes until there are so many, or no more. */
  #fill(wanted: number): void {
    const parts = [this.#rest];
    let length = this.#rest.length;
    while (length < wanted) {
      const next = this.#slices.next();
      if (next.done === true) break;
      parts.push(next.value);
      length += next.value.length;
    }
    if (parts.length === 1) return;
    this.#rest = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      this.#rest.set(part, at);
      at += part.length;
    }
  }
}
