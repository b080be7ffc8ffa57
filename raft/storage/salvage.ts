/**
 * Reads what is certain from a directory whose log is damaged, so that only what is missing must come from elsewhere.
 *
 * Each record proves itself and names its batch, so a reader that met damage goes on behind it. What it may conclude:
 *
 * - *Which batches were durable*: those up to the one that the witness names; those that are whole; those before any other
 *   record, since batch n + 1 is written only after batch n is durable; and a segment's opening batch. Whatever stands
 *   behind the last of them is a write that never finished, if the witness names that one; otherwise it is *suspect*: it
 *   may have been acknowledged, and may hold a term and a vote.
 * - *What is still true after a hole*: a hole may hide a batch that cut the log anywhere. So what was read before it is put
 *   aside as a log that once was, and only what is read behind it counts; a commit record there, or the witness, says where
 *   the log ends and what term and vote are. Then the logs that once were are compared with what counts by the rule of
 *   `known_log.ts`, as if they were other nodes': as far as they agree, they still hold.
 *
 * If the end of the log, or term and vote, is hidden by the last hole, nobody can say what is missing, and the directory
 * cannot be repaired: see `rejoin/`.
 *
 * Nothing is changed. {@link writePatchedLog} replaces the log once everything is there: the whole log goes to a new segment,
 * `wal-….tmp`, which is fsynced, renamed and the directory made durable. Its number leaves a gap behind the old segments',
 * so that from the rename on it alone is the newest run of consecutive segments, and counts (`wal_format.ts`). What a crash
 * leaves: before the rename the damaged log as it was, and repair begins again; after it the patched log, and perhaps the
 * old segments under their own names, which the next opening deletes, or as `damaged-…`.
 *
 * @module
 */
import { invariant } from "../core/invariant.ts";
import {
  type Entry,
  type EntryId,
  type HardState,
  type LogIndex,
  type SnapshotMeta,
  zeroEntryId,
} from "../core/types.ts";
import { CborError } from "../encoding/cbor_value.ts";
import { CborReader } from "../encoding/cbor_reader.ts";
import { readEntry } from "../encoding/entry_codec.ts";
import type { FileSystem } from "./file_system.ts";
import { EntryPool, KnownLog, learnFromEachOther } from "./known_log.ts";
import { checkNotRetired, type Meta, metaName, readMeta } from "./meta.ts";
import {
  equalsAt,
  hasPreamble,
  magics,
  preambleBytes,
  readRecord,
  recordHeaderBytes,
  recordTypes,
  type StoredRecord,
} from "./record.ts";
import { damagedPrefix } from "./set_aside.ts";
import { openSnapshots } from "./snapshot_store.ts";
import { type DamagedPlace, StorageError } from "./storage_error.ts";
import { writeLog } from "./wal.ts";
import {
  maxSegmentBytes,
  readCommit,
  readHardState,
  readSegmentHeader,
  segmentFileId,
  segmentName,
} from "./wal_format.ts";
import { readWhole, segmentNumbers } from "./wal_recovery.ts";
import { readWitness, type WitnessNote } from "./witness.ts";

/** What is certain of a damaged directory. */
export interface Salvage {
  /** Whose directory it is. */
  readonly meta: Meta;
  /** The hard state written last. */
  readonly hardState: HardState;
  /** The log's last entry, which may be missing. */
  readonly last: EntryId;
  /** What is certain of the log. */
  readonly log: KnownLog;
  /** What is certain of logs that it once was, before holes that hide what became of them. */
  readonly former: readonly KnownLog[];
  /** Every intact entry of any of them. */
  readonly entries: EntryPool;
  /** The newest intact snapshot; at index 0 when there is none. */
  readonly snapshot: SnapshotMeta;
  /** Number of the last batch that was durable. */
  readonly lastBatch: number;
  /**
   * Whether something behind the last durable batch may have been acknowledged after all: a batch that looks as if it had
   * never finished, when no witness confirms that it was not the last one.
   */
  readonly isTailSuspect: boolean;
  /** Where records are missing. */
  readonly places: readonly DamagedPlace[];
}

/** A record that was found, in the order of writing. */
interface FoundRecord {
  readonly record: StoredRecord;
  /** Whether nothing is missing between it and the one found before. */
  readonly isNext: boolean;
}

/** Reads what is left; null when that does not tell what is missing. Changes nothing. */
export async function salvage(fileSystem: FileSystem): Promise<Salvage | null> {
  try {
    return await salvageOrThrow(fileSystem);
  } catch (error) {
    if (error instanceof CborError || (error instanceof StorageError && error.code === "corrupt")) return null;
    throw error;
  }
}

async function salvageOrThrow(fileSystem: FileSystem): Promise<Salvage | null> {
  const names = await fileSystem.list();
  // Lost, or put out of the way last by a node that died before it had begun anew.
  if (!names.includes(metaName)) return null;
  const meta = await readMeta(fileSystem);
  checkNotRetired(meta, fileSystem.directory);
  const witness = await readWitness(fileSystem, names, meta.directoryId);
  const { intact } = await openSnapshots(fileSystem, names, meta.directoryId);
  for (const file of intact) file.close();
  const snapshot = intact[0]?.snapshot ?? { last: zeroEntryId, configuration: meta.initialConfiguration };
  const finder = new RecordFinder(fileSystem.directory, meta.directoryId, witness);
  for (const number of segmentNumbers(names)) {
    finder.segment(number, await readWhole(fileSystem, segmentName(number), maxSegmentBytes));
  }
  const { found, places } = finder;
  const replay = new HoledReplay(lastDurableBatch(found, witness));
  for (const { record, isNext } of found) replay.record(record, isNext);
  const end = replay.end(witness);
  if (end === null) return null;
  const { log, former, entries } = replay;
  // What a snapshot stands for was committed; whether this log went that way is for the terms to say.
  const { index, term } = snapshot.last;
  const committed = KnownLog.of(index === 0 ? [] : [{ term, first: index, last: index }], index);
  learnFromEachOther([log, ...former, committed]);
  const { lastBatch } = replay;
  const isTailSuspect = finder.endsBehind(lastBatch) && witness?.batch !== lastBatch;
  return { meta, ...end, log, former, entries, snapshot, lastBatch, isTailSuspect, places };
}

/** Number of the last batch that was certainly durable. */
function lastDurableBatch(found: readonly FoundRecord[], witness: WitnessNote | null): number {
  let batch = witness?.batch ?? 0;
  /** Records found without a hole in the batch so far. */
  let records = 0;
  let previous = -1;
  for (const { record: { type, sequence, payload }, isNext } of found) {
    if (!isNext || sequence !== previous) records = 0;
    previous = sequence;
    const isWhole = type === recordTypes.commit && readCommit(payload).records === records;
    records++;
    batch = Math.max(batch, isWhole || type === recordTypes.segmentHeader ? sequence : sequence - 1);
  }
  return batch;
}

/** Finds all intact records of a directory's segments. */
class RecordFinder {
  readonly found: FoundRecord[] = [];
  readonly places: DamagedPlace[] = [];
  readonly #directory: string;
  readonly #directoryId: string;
  readonly #witness: WitnessNote | null;
  /** Checksum of the record found last, and the segment it is in. */
  #checksum = 0;
  #number = 0;
  /** Whether nothing is missing up to the end of the last segment. */
  #isWhole = true;

  constructor(directory: string, directoryId: string, witness: WitnessNote | null) {
    this.#directory = directory;
    this.#directoryId = directoryId;
    this.#witness = witness;
  }

  /** Reads a segment; to be called in ascending order. */
  segment(number: number, bytes: Uint8Array): void {
    const file = segmentName(number);
    if (!hasPreamble(bytes, magics.log, this.#directory, file)) this.#missing(file, 0, "its preamble is not intact");
    if (number !== this.#number + 1) this.#isWhole = false;
    const fileId = this.#fileId(number, bytes);
    this.#number = number;
    if (fileId === null) return this.#missing(file, preambleBytes, "it does not begin with its header");
    let offset = preambleBytes;
    while (offset + recordHeaderBytes <= bytes.length) {
      const reading = equalsAt(bytes, offset + 8, fileId) ? readRecord(bytes, offset, offset, fileId) : null;
      if (reading === null || reading.kind === "bad") {
        if (this.#isWhole) this.#missing(file, offset, reading?.reason ?? "there is no record");
        offset += 8;
        continue;
      }
      const { record } = reading;
      const isNext = this.#isWhole && record.previousChecksum === this.#checksum;
      this.found.push({ record, isNext });
      this.#checksum = record.checksum;
      this.#isWhole = true;
      offset += record.bytes;
    }
    if (offset < bytes.length && this.#isWhole) this.#missing(file, offset, "the file ends within a record");
  }

  /** Whether there is anything behind the end of a batch. */
  endsBehind(batch: number): boolean {
    return !this.#isWhole || this.found.some(({ record }) => record.sequence > batch);
  }

  #missing(file: string, offset: number, found: string): void {
    this.#isWhole = false;
    this.places.push({ file, offset, found });
  }

  /** The id of a segment's records: from its header, from the segment before it, or from the witness. */
  #fileId(number: number, bytes: Uint8Array): Uint8Array | null {
    const first = readRecord(bytes, preambleBytes, preambleBytes, null);
    if (first.kind === "record" && first.record.type === recordTypes.segmentHeader) {
      const header = readSegmentHeader(first.record.payload);
      const expected = segmentFileId(this.#directoryId, number, first.record.previousChecksum);
      const isOwn = header.directoryId === this.#directoryId && header.number === number;
      if (isOwn && equalsAt(bytes, preambleBytes + 8, expected)) {
        // A log that begins here has nothing before it that could be missing.
        if (this.found.length === 0) [this.#checksum, this.#isWhole] = [first.record.previousChecksum, true];
        return expected;
      }
    }
    const continued = segmentFileId(this.#directoryId, number, this.#checksum);
    if (this.#isWhole) return continued;
    const noted = this.#witness?.fileId;
    return noted !== undefined && new DataView(noted.buffer, noted.byteOffset).getUint32(4) === number ? noted : null;
  }
}

/** Replays records with holes between them. */
class HoledReplay {
  readonly lastBatch: number;
  /** What is certain since the last hole. */
  log = new KnownLog();
  /** What was certain before each hole. */
  readonly former: KnownLog[] = [];
  /** All entries. */
  readonly entries = new EntryPool();
  /** Null while a hole may hide it. */
  #last: EntryId | null = null;
  #hardState: HardState | null = null;
  #committed: { readonly batch: number; readonly checksum: number } | null = null;

  /** What belongs to a later batch than `lastBatch` was never acknowledged. */
  constructor(lastBatch: number) {
    this.lastBatch = lastBatch;
  }

  record({ type, payload, sequence, checksum }: StoredRecord, isNext: boolean): void {
    if (sequence > this.lastBatch) return;
    if (!isNext) this.#hole();

    switch (type) {
      case recordTypes.segmentHeader: {
        const { base, restart } = readSegmentHeader(payload);
        if (restart) this.#hole();
        return this.#endsWith(base);
      }
      case recordTypes.hardState:
        this.#hardState = readHardState(payload);
        return;
      case recordTypes.entries:
        return this.#append(payload);
      case recordTypes.commit: {
        const commit = readCommit(payload);
        this.#endsWith(commit.last);
        if (commit.hardState !== null) this.#hardState = commit.hardState;
        this.#committed = { batch: sequence, checksum };
      }
    }
  }

  /** What the log ends with, and the hard state; null when that cannot be said, or is not what was acknowledged. */
  end(witness: WitnessNote | null): { last: EntryId; hardState: HardState } | null {
    const isNoted = witness !== null && witness.batch === this.lastBatch;
    if (this.#committed?.batch === this.lastBatch) {
      if (isNoted && witness.checksum !== this.#committed.checksum) return null;
    } else {
      this.#hole();
      if (isNoted) {
        this.#endsWith(witness.last);
        this.#hardState = witness.hardState;
      }
    }
    if (this.#last === null || this.#hardState === null) return null;
    return { last: this.#last, hardState: this.#hardState };
  }

  #hole(): void {
    this.former.push(this.log);
    this.log = new KnownLog();
    this.#last = null;
    this.#hardState = null;
  }

  #endsWith(last: EntryId): void {
    this.log.truncateFrom(last.index + 1);
    this.log.know(last);
    this.#last = last;
  }

  #append(payload: Uint8Array): void {
    const bytes = payload.slice();
    const reader = new CborReader(bytes);
    let isFirst = true;
    while (reader.offset < bytes.length) {
      const entry = readEntry(reader);
      if (isFirst) this.log.truncateFrom(entry.index);
      isFirst = false;
      this.log.know(entry);
      this.entries.take(entry);
      this.#last = { index: entry.index, term: entry.term };
    }
  }
}

/** Which entries are missing: indexes behind the snapshot, up to the last entry, as ranges from first to last. */
export function missingEntries({ snapshot, last, log, entries }: Salvage): readonly (readonly [LogIndex, LogIndex])[] {
  const { index, term } = snapshot.last;
  const missing: [LogIndex, LogIndex][] = [];
  if (last.index <= index) return missing;
  // Whether what follows the snapshot's last entry follows *that* entry must be certain.
  const from = index > 0 && log.terms.get(index) !== term ? index : index + 1;
  for (let at = from; at <= last.index; at++) {
    const known = log.terms.get(at);
    if (at > index && known !== undefined && entries.find({ index: at, term: known }) !== undefined) continue;
    const range = missing.at(-1);
    if (range !== undefined && range[1] === at - 1) range[1] = at;
    else missing.push([at, at]);
  }
  return missing;
}

/**
 * Replaces a damaged log by one that has everything; the caller holds the directory's lock, and nothing is missing any
 * more. The old segments are kept as `damaged-…`, or with `keepsOld` false left to the next opening, which deletes them.
 * Durable when it resolves.
 */
export async function writePatchedLog(fileSystem: FileSystem, salvaged: Salvage, keepsOld: boolean): Promise<void> {
  const { meta, hardState, snapshot, lastBatch, last } = salvaged;
  invariant(missingEntries(salvaged).length === 0, "a log is patched only when nothing is missing");
  const entries: Entry[] = [];
  for (let index = snapshot.last.index + 1; index <= last.index; index++) {
    const entry = salvaged.entries.find({ index, term: salvaged.log.terms.get(index) ?? 0 });
    if (entry !== undefined) entries.push(entry);
  }
  const names = await fileSystem.list();
  const old = segmentNumbers(names);
  const number = (old.at(-1) ?? 0) + 2;
  const temporary = segmentName(number).replace(/\.log$/, ".tmp");
  if (names.includes(temporary)) await fileSystem.remove(temporary);
  const log = { hardState, base: snapshot.last, entries };
  await writeLog(fileSystem, meta.directoryId, { number, batch: lastBatch + 1 }, log);
  for (const one of keepsOld ? old : []) {
    await fileSystem.rename(segmentName(one), `${damagedPrefix}${meta.generation}-${segmentName(one)}`);
  }
  await fileSystem.syncDirectory();
}

/** Ranges of entries as people write them: "entries 3, 5 to 7". */
export function describeMissing(missing: readonly (readonly [LogIndex, LogIndex])[]): string {
  const ranges = missing.map(([first, last]) => first === last ? `${first}` : `${first} to ${last}`);
  const isOne = missing.length === 1 && missing[0]?.[0] === missing[0]?.[1];
  return `${isOne ? "entry" : "entries"} ${ranges.join(", ")}`;
}
