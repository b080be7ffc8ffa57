/**
 * Reads a data directory for people: what is in each file, and what is wrong with it, where, and what can be done. Nothing
 * is changed, and nothing stops at the first damage.
 *
 * @module
 */
import type { Configuration, EntryId, HardState, LogIndex, SnapshotMeta } from "../core/types.ts";
import { CborError } from "../encoding/cbor_value.ts";
import { CborReader } from "../encoding/cbor_reader.ts";
import { readEntry } from "../encoding/entry_codec.ts";
import type { FileSystem } from "./file_system.ts";
import { type Meta, metaName, readMeta } from "./meta.ts";
import { readDirectory } from "./open_directory.ts";
import { recordTypes, type StoredRecord } from "./record.ts";
import { describeMissing, missingEntries, salvage } from "./salvage.ts";
import { isSetAside } from "./set_aside.ts";
import { parseSnapshotName, SnapshotFile } from "./snapshot_file.ts";
import { snapshotNames } from "./snapshot_store.ts";
import { messageOf, StorageError } from "./storage_error.ts";
import { maxSegmentBytes, readHardState, readSegmentHeader, segmentName } from "./wal_format.ts";
import { readWhole, segmentNumbers, type TornTail } from "./wal_recovery.ts";
import { scanSegment } from "./wal_scan.ts";
import { readWitness, witnessName } from "./witness.ts";

/** Something wrong. */
export interface DirectoryProblem {
  /** The file. */
  readonly file: string;
  /** Where in it what is wrong begins, in bytes. */
  readonly offset: number;
  /** What is wrong. */
  readonly found: string;
  /** What can be done. */
  readonly remedy: string;
}

/** One record of the log. */
export interface RecordReport {
  /** Where it begins, in bytes. */
  readonly offset: number;
  /** Its bytes, header and padding included. */
  readonly bytes: number;
  /** What kind of record it is. */
  readonly type: string;
  /** Number of the batch it belongs to. */
  readonly batch: number;
  /** What it says, for people. */
  readonly content: string;
}

/** One segment of the log. */
export interface SegmentReport {
  /** Its file. */
  readonly name: string;
  /** Bytes in the file. */
  readonly bytes: number;
  /** Complete batches. */
  readonly batches: number;
  /** Their records. */
  readonly records: readonly RecordReport[];
}

/** One snapshot. */
export interface SnapshotReport {
  /** Its file. */
  readonly name: string;
  /** What it stands for; null when its header cannot be read. */
  readonly snapshot: SnapshotMeta | null;
  /** Bytes of state in it. */
  readonly bytes: number;
  /** Whether every byte of it is as it was written. */
  readonly isIntact: boolean;
}

/** What the next start has to get from other members, or has already. */
export interface RepairReport {
  /** The entries that are missing, as ranges from first to last; empty when everything can be read. */
  readonly missing: readonly (readonly [LogIndex, LogIndex])[];
  /** The log's last entry, which may be missing. */
  readonly last: EntryId;
  /** The term and vote that are certain. */
  readonly hardState: HardState;
}

/** A directory, examined. */
export interface DirectoryReport {
  /** The directory. */
  readonly directory: string;
  /** Whose it is; null when that cannot be read. */
  readonly meta: Meta | null;
  /** The log's segments, oldest first. */
  readonly segments: readonly SegmentReport[];
  /** The snapshots, newest first. */
  readonly snapshots: readonly SnapshotReport[];
  /** What the witness says of the batch that was durable last; null when it says nothing. */
  readonly witness: { readonly batch: number; readonly last: EntryId } | null;
  /** What a node would start from; null when it could not start from this directory. */
  readonly state: {
    readonly hardState: HardState;
    readonly snapshot: EntryId;
    readonly last: EntryId;
    readonly configuration: Configuration;
  } | null;
  /** A write that a crash cut short, to be dropped at the next start. No damage. */
  readonly torn: TornTail | null;
  /** Whether the witness proves that nothing acknowledged was in what is torn. */
  readonly witnessed: boolean;
  /** Of a damaged directory: what is missing; null for a sound one, and where that cannot be said. */
  readonly repair: RepairReport | null;
  /** Files that were put out of the way, and files that Balsa does not know. */
  readonly otherFiles: readonly string[];
  /** Everything that is wrong; empty for a sound directory. */
  readonly problems: readonly DirectoryProblem[];
}

/** Examines a directory that no node has open. Throws a {@link StorageError} only when it cannot be read at all. */
export async function examineDirectory(fileSystem: FileSystem): Promise<DirectoryReport> {
  const names = await listDirectory(fileSystem);
  // A directory without a lock file was never opened, or is a copy; it shall stay as it is.
  using _lock = names.includes("lock") ? await lock(fileSystem) : null;
  return await new Examination(fileSystem, names).run();
}

async function listDirectory(fileSystem: FileSystem): Promise<string[]> {
  try {
    return await fileSystem.list();
  } catch (error) {
    throw new StorageError("io", `Cannot read directory ${fileSystem.directory}: ${messageOf(error)}`, error);
  }
}

async function lock(fileSystem: FileSystem): Promise<Disposable> {
  try {
    return await fileSystem.lock();
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw new StorageError("locked", `${messageOf(error)}; stop the node first`, error);
  }
}

class Examination {
  readonly #fileSystem: FileSystem;
  readonly #names: readonly string[];
  /** Damage is without its remedy until all is known. */
  readonly #problems: (Omit<DirectoryProblem, "remedy"> & Partial<DirectoryProblem>)[] = [];
  #meta: Meta | null = null;

  constructor(fileSystem: FileSystem, names: readonly string[]) {
    this.#fileSystem = fileSystem;
    this.#names = names;
  }

  async run(): Promise<DirectoryReport> {
    const names = this.#names;
    this.#meta = await this.#attempt(metaName, () => this.#readMeta());
    const segments: SegmentReport[] = [];
    for (const number of segmentNumbers(names)) {
      const segment = await this.#attempt(segmentName(number), () => this.#segment(segmentName(number)));
      if (segment !== null) segments.push(segment);
    }
    const snapshots: SnapshotReport[] = [];
    for (const name of snapshotNames(names)) snapshots.push(await this.#snapshot(name));
    const note = await this.#witness();
    const whole = this.#meta === null ? null : await this.#whole(this.#meta);
    const salvaged = whole === null && this.#meta !== null && this.#meta.retired === ""
      ? await salvage(this.#fileSystem)
      : null;
    const repair = salvaged === null
      ? null
      : { missing: missingEntries(salvaged), last: salvaged.last, hardState: salvaged.hardState };
    const known = new Set([
      metaName,
      witnessName,
      "lock",
      ...segments.map(({ name }) => name),
      ...snapshotNames(names),
    ]);
    return {
      directory: this.#fileSystem.directory,
      meta: this.#meta,
      segments,
      snapshots,
      witness: note,
      state: whole?.state ?? null,
      torn: whole?.torn ?? null,
      witnessed: whole?.witnessed ?? false,
      repair,
      otherFiles: names.filter((name) => !known.has(name) && (isSetAside(name) || segmentNumbers([name]).length === 0)),
      problems: this.#problems.map((problem) => ({ remedy: this.#remedy(repair), ...problem })),
    };
  }

  /** What can be done about damage. */
  #remedy(repair: RepairReport | null): string {
    const isAlone = this.#meta?.initialConfiguration.voters.length === 1;
    if (repair !== null && repair.missing.length === 0) {
      return "Everything can still be read: the next start writes the log anew, and keeps these files as damaged-…";
    }
    if (isAlone) {
      return "There is no other member to repair it from: restore the directory as it was when the node stopped last";
    }
    const anew =
      "it keeps these files as damaged-…, takes a new identity and catches up. If a majority is damaged, start " +
      "none anew: restore the directories as they were";
    if (repair === null) return `Start the node while a majority of the others is up: ${anew}`;
    return `Start the node: it takes ${
      describeMissing(repair.missing)
    } of ${repair.last.index} from any member that has ` +
      `an intact copy, keeps its identity, and keeps these files as damaged-…. If nobody has, and a majority is up, ${anew}`;
  }

  async #readMeta(): Promise<Meta | null> {
    if (this.#names.includes(metaName)) return await readMeta(this.#fileSystem);
    const found = this.#names.length === 0 ? "the directory is empty" : "the file is gone";
    this.#add({ file: metaName, offset: 0, found });
    return null;
  }

  async #segment(name: string): Promise<SegmentReport> {
    const bytes = await readWhole(this.#fileSystem, name, maxSegmentBytes);
    const { batches } = scanSegment(bytes, this.#fileSystem.directory, name);
    const records: RecordReport[] = [];
    for (const batch of batches) {
      let offset = batch.start;
      for (const record of batch.records) {
        const { type, content } = describeRecord(record);
        records.push({ offset, bytes: record.bytes, type, batch: batch.number, content });
        offset += record.bytes;
      }
      const content = `the log ends with ${describeId(batch.commit.last)}`;
      records.push({ offset, bytes: batch.end - offset, type: "commit", batch: batch.number, content });
    }
    return { name, bytes: bytes.length, batches: batches.length, records };
  }

  async #snapshot(name: string): Promise<SnapshotReport> {
    const last = parseSnapshotName(name);
    const opened = last === null || this.#meta === null
      ? null
      : await this.#attempt(name, () => SnapshotFile.open(this.#fileSystem, name, this.#meta?.directoryId ?? "", last));
    if (opened === null) return { name, snapshot: null, bytes: 0, isIntact: false };
    try {
      const isIntact = await this.#attempt(name, async () => {
        await opened.verify();
        return true;
      });
      return { name, snapshot: opened.snapshot, bytes: opened.bytes, isIntact: isIntact === true };
    } finally {
      opened.close();
    }
  }

  async #witness(): Promise<DirectoryReport["witness"]> {
    const { directoryId } = this.#meta ?? { directoryId: "" };
    const note = await this.#attempt(witnessName, () => readWitness(this.#fileSystem, this.#names, directoryId));
    if (note !== null) return { batch: note.batch, last: note.last };
    if (this.#meta !== null) {
      const found = this.#names.includes(witnessName) ? "it holds no intact note" : "the file is gone";
      const remedy = "The next start writes it anew; what it would have told of the end of the log is lost";
      this.#problems.push({ file: witnessName, offset: 0, found, remedy });
    }
    return null;
  }

  /** What the parts make together: the checks of a start. */
  #whole(meta: Meta): Promise<Pick<DirectoryReport, "state" | "torn" | "witnessed"> | null> {
    return this.#attempt("the log", async () => {
      const { found, log, state } = await readDirectory(this.#fileSystem, meta);
      for (const file of found.intact) file.close();
      if (meta.retired !== "") {
        this.#add({ file: metaName, offset: 0, found: `it was given up, because ${meta.retired}` });
      }
      const last = state.suffix.at(-1)?.entry ?? state.snapshot.last;
      const configuration = state.suffix.map(({ entry }) => entry)
        .findLast((entry) => entry.kind === "configuration")?.configuration ?? state.snapshot.configuration;
      return {
        state: {
          hardState: log.hardState,
          snapshot: state.snapshot.last,
          last: { index: last.index, term: last.term },
          configuration,
        },
        torn: log.torn,
        witnessed: log.unproven === null,
      };
    });
  }

  /** Runs one check; what it throws about the files is a problem, and the next check runs all the same. */
  async #attempt<T>(file: string, check: () => Promise<T>): Promise<T | null> {
    try {
      return await check();
    } catch (error) {
      if (!(error instanceof StorageError) && !(error instanceof CborError)) throw error;
      const place = error instanceof StorageError ? error.place : null;
      this.#add(place ?? { file, offset: 0, found: error.message });
      return null;
    }
  }

  #add(place: { readonly file: string; readonly offset: number; readonly found: string }): void {
    const { file, offset, found } = place;
    if (this.#problems.some((known) => known.file === file && known.offset === offset && known.found === found)) return;
    this.#problems.push({ file, offset, found });
  }
}

function describeId({ index, term }: EntryId): string {
  return `entry ${index} of term ${term}`;
}

function describeRecord(record: StoredRecord): { type: string; content: string } {
  switch (record.type) {
    case recordTypes.segmentHeader: {
      const { number, base, restart } = readSegmentHeader(record.payload);
      const behind = base.index === 0 ? "from the beginning" : `behind ${describeId(base)}`;
      return { type: "header", content: `segment ${number}, ${behind}${restart ? ", the log begins anew" : ""}` };
    }
    case recordTypes.hardState: {
      const { currentTerm, votedFor } = readHardState(record.payload);
      return { type: "hardState", content: `term ${currentTerm}, vote for ${votedFor ?? "nobody"}` };
    }
    case recordTypes.entries:
      return { type: "entries", content: describeEntries(record.payload) };
    default:
      return { type: `type ${record.type}`, content: "unknown" };
  }
}

function describeEntries(payload: Uint8Array): string {
  const reader = new CborReader(payload);
  const counts = new Map<string, number>();
  let first: EntryId | null = null;
  let last: EntryId | null = null;
  while (reader.offset < payload.length) {
    const entry = readEntry(reader);
    first ??= entry;
    last = entry;
    counts.set(entry.kind, (counts.get(entry.kind) ?? 0) + 1);
  }
  if (first === null || last === null) return "none";
  const range = first.index === last.index
    ? describeId(first)
    : `entries ${first.index} to ${last.index}, term ${last.term}`;
  return `${range} (${[...counts].map(([kind, count]) => `${count} ${kind}`).join(", ")})`;
}
