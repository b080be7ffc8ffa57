/**
 * Opens a data directory: finds out whose it is, reads snapshots, log and witness, decides what the state is, and only
 * then changes anything.
 *
 * ```text
 * lock            the holder's process id; locked while the directory is open
 * meta            whose directory it is                      meta.ts
 * wal-N.log       hard state and entries                     wal_format.ts
 * witness         the batch that was made durable last       witness.ts
 * snapshot-I-T.snap   the newest two snapshots               snapshot_file.ts, snapshot_store.ts
 * damaged-…       a snapshot that was found damaged, and that the log could replace, or all files of a directory that
 *                 could not be used any more (set_aside.ts); kept for whoever wants to look
 * *.tmp           unfinished; deleted on opening
 * ```
 *
 * How log and snapshot make the state: the newest intact snapshot counts. If the log has the snapshot's last entry, with
 * its term, the entries behind it follow. If the log ends before it or has another term there, the snapshot came from a
 * leader and the crash was before the log could begin anew: it begins anew now. If the log begins behind it, entries are
 * missing, and the directory is refused.
 *
 * @module
 */
import {
  type Configuration,
  type DirectoryStamp,
  type Entry,
  type NodeId,
  type SnapshotMeta,
  zeroEntryId,
} from "../core/types.ts";
import { isNodeId } from "../encoding/entry_codec.ts";
import { DirectoryCard } from "./directory_card.ts";
import type { FileSystem } from "./file_system.ts";
import type { SizedEntry } from "./log_image.ts";
import { checkNotRetired, checkOwner, type Meta, metaName, readMeta, writeMeta } from "./meta.ts";
import { isSetAside } from "./set_aside.ts";
import { snapshotName } from "./snapshot_file.ts";
import { type FoundSnapshots, openSnapshots, snapshotNames, SnapshotStore } from "./snapshot_store.ts";
import type { StoredState } from "./storage.ts";
import type { StorageClock } from "./storage_clock.ts";
import { corruptError, StorageError } from "./storage_error.ts";
import { Wal, type WalLimits } from "./wal.ts";
import { maxSegmentBytes, segmentName } from "./wal_format.ts";
import { readWhole, type RecoveredLog, recoverLog, segmentNumbers, settleTail, type TornTail } from "./wal_recovery.ts";
import { scanSegment } from "./wal_scan.ts";
import { readWitness, Witness } from "./witness.ts";

/** What a directory is opened with. */
export interface OpenOptions {
  /** The files. */
  readonly fileSystem: FileSystem;
  /** The cluster the directory must belong to. */
  readonly clusterId: string;
  /** The name of the node it must belong to. */
  readonly nodeId: NodeId;
  /** Incarnation of a directory that is created, 0 unless given; ignored for an existing one. */
  readonly incarnation?: number;
  /** The configuration of a directory that is created; ignored for an existing one, whose own counts. */
  readonly initialConfiguration: Configuration;
  /** Time. */
  readonly clock: StorageClock;
  /**
   * Refuse a directory, with the code "suspect", whose last write seems to have been cut short when nothing proves that it
   * was not acknowledged. There are others who may know; alone, a node has to drop it.
   */
  readonly refusesSuspectTail?: boolean;
  /** When the log's segments end; the defaults suit all but tests. */
  readonly walLimits?: Partial<WalLimits>;
}

/** What opening had to put right; all of it is worth a line in the log. */
export interface Recovery {
  /** A write that a crash had cut short, dropped; null when there was none. */
  readonly torn: TornTail | null;
  /** Snapshots found damaged, whose state the log still had. */
  readonly damagedSnapshots: readonly string[];
  /**
   * Whether the witness confirmed the last batch. When it did not, nothing proves that a dropped torn tail was never
   * acknowledged; see `witness.ts`.
   */
  readonly witnessed: boolean;
}

/** An opened directory. */
export interface OpenedDirectory {
  /** The state found. */
  readonly initial: StoredState;
  /** The entries of `initial`, with sizes. */
  readonly sized: readonly SizedEntry[];
  /** The log, ready for the next batch. */
  readonly wal: Wal;
  /** The witness, which knows the log's last batch. */
  readonly witness: Witness;
  /** The kept snapshots. */
  readonly snapshots: SnapshotStore;
  /** Whose directory it is. */
  readonly card: DirectoryCard;
  /** What had to be put right. */
  readonly recovery: Recovery;
}

/** Opens the directory, which the caller has prepared and locked; creates its files if it is new. */
export async function openDirectory(
  options: OpenOptions,
  onWitnessFailure: (error: unknown) => void,
): Promise<OpenedDirectory> {
  const { fileSystem, clusterId, nodeId } = options;
  if (!(await fileSystem.list()).includes(metaName)) await createDirectory(options);
  const meta = await readMeta(fileSystem);
  checkOwner(meta, fileSystem.directory, clusterId, nodeId);
  checkNotRetired(meta, fileSystem.directory);
  const { names, found, log, state } = await readDirectory(fileSystem, meta);
  const opened: { close(): void }[] = [...found.intact];
  try {
    if (options.refusesSuspectTail === true) checkTail(fileSystem.directory, log);
    await settle(fileSystem, names, found, log);
    const wal = await Wal.open(fileSystem, meta.directoryId, log, options.walLimits);
    opened.push(wal);
    if (state.replaced) {
      await wal.write({ hardState: null, logStart: state.snapshot, entries: [] }, () => {});
    }
    const witness = await Witness.open(
      fileSystem,
      names,
      meta.directoryId,
      wal.note(),
      options.clock,
      onWitnessFailure,
    );
    const snapshots = new SnapshotStore(fileSystem, meta.directoryId, found.intact);
    const card = await beginGeneration(options, meta);
    const entries: readonly Entry[] = state.suffix.map(({ entry }) => entry);
    return {
      initial: { hardState: log.hardState, snapshot: state.snapshot, entries },
      sized: state.suffix,
      wal,
      witness,
      snapshots,
      card,
      recovery: {
        torn: log.torn,
        damagedSnapshots: found.damaged.map(({ name }) => name),
        witnessed: log.unproven === null,
      },
    };
  } catch (error) {
    for (const file of opened) file.close();
    throw error;
  }
}

/** Throws for a torn tail that may have been acknowledged. */
function checkTail(directory: string, { torn, unproven }: RecoveredLog): void {
  if (torn === null || unproven === null) return;
  const { file, offset, bytes, reason } = torn;
  const found =
    `${bytes} bytes are no complete write (${reason}), and nothing proves that they were never acknowledged`;
  throw new StorageError(
    "suspect",
    `Cannot trust the end of data directory ${directory}: in ${file}, from offset ${offset}, ${found}`,
    undefined,
    { file, offset, found },
  );
}

/** Everything that the files of a directory tell. */
export interface ReadDirectory {
  /** Names of all files. */
  readonly names: readonly string[];
  /** The snapshots; those that are intact are open. */
  readonly found: FoundSnapshots;
  /** The log. */
  readonly log: RecoveredLog;
  /** What they make together. */
  readonly state: ConnectedState;
}

/** Reads and checks snapshots, log and witness against each other. Changes nothing. Throws for what cannot be used. */
export async function readDirectory(fileSystem: FileSystem, meta: Meta): Promise<ReadDirectory> {
  const names = await fileSystem.list();
  const note = await readWitness(fileSystem, names, meta.directoryId);
  const found = await openSnapshots(fileSystem, names, meta.directoryId);
  try {
    const log = await recoverLog(fileSystem, names, meta.directoryId, note);
    return { names, found, log, state: connect(fileSystem.directory, meta, found, log) };
  } catch (error) {
    for (const file of found.intact) file.close();
    throw error;
  }
}

/** Counts this opening, durably, before anybody hears of it. */
async function beginGeneration({ fileSystem, clock }: OpenOptions, meta: Meta): Promise<DirectoryCard> {
  const generation = meta.generation + 1;
  const opened = { ...meta, generation, opening: `${clock.wallMs()}/${clock.monotonicMs()}` };
  await writeMeta(fileSystem, opened);
  return new DirectoryCard(fileSystem, opened);
}

/** Creates the files of a new directory; see `meta.ts` for the order and what a crash leaves. */
async function createDirectory(options: OpenOptions): Promise<void> {
  const { fileSystem, clusterId, nodeId, incarnation = 0, initialConfiguration, clock } = options;
  checkConfiguration(fileSystem.directory, nodeId, initialConfiguration);
  const names = await fileSystem.list();
  if (incarnation === 0) checkNothingSetAside(fileSystem.directory, names);
  await checkNothingLost(fileSystem, names);
  for (const name of names) {
    if (name.endsWith(".tmp") || segmentNumbers([name]).length > 0) await fileSystem.remove(name);
  }
  await fileSystem.syncDirectory();
  const directoryId = `${clusterId}/${nodeId}/${clock.wallMs()}/${clock.monotonicMs()}`;
  await Wal.create(fileSystem, directoryId);
  const unopened = { generation: 0, opening: "", retired: "", peers: new Map<NodeId, DirectoryStamp>() };
  await writeMeta(fileSystem, { clusterId, nodeId, directoryId, initialConfiguration, incarnation, ...unopened });
}

/** A directory whose files were put out of the way has served before: nobody may take it for a node's first. */
function checkNothingSetAside(directory: string, names: readonly string[]): void {
  const found = names.find((name) => isSetAside(name) && name.endsWith(`-${metaName}`));
  if (found !== undefined) throw corruptError(directory, metaName, 0, `the file is gone, and there is ${found}`);
}

/** A directory without `meta` must be empty, or one whose creation was interrupted. */
async function checkNothingLost(fileSystem: FileSystem, names: readonly string[]): Promise<void> {
  const numbers = segmentNumbers(names);
  const first = numbers[0];
  let unfinished = snapshotNames(names).length === 0 && (first === undefined || (numbers.length === 1 && first === 1));
  if (unfinished && first !== undefined) {
    const name = segmentName(first);
    const scanned = scanSegment(await readWhole(fileSystem, name, maxSegmentBytes), fileSystem.directory, name);
    unfinished = scanned.batches.length === 1 && scanned.tornReason === null;
  }
  if (!unfinished) {
    throw corruptError(
      fileSystem.directory,
      metaName,
      0,
      "the file is gone, and there are a log or snapshots beside it",
    );
  }
}

function checkConfiguration(directory: string, nodeId: NodeId, configuration: Configuration): void {
  const members = [...configuration.voters, ...configuration.outgoing, ...configuration.learners];
  const wrong = members.find((member) => !isNodeId(member));
  const found = configuration.voters.length === 0
    ? "its configuration has no voters"
    : wrong !== undefined
    ? `"${wrong}" in its configuration is no node name (1 to 64 characters)`
    : !isNodeId(nodeId)
    ? `"${nodeId}" is no node name (1 to 64 characters)`
    : null;
  if (found !== null) {
    throw new StorageError("configuration", `Cannot create data directory ${directory}: ${found}.`);
  }
}

/** The state that snapshots and log make. */
export interface ConnectedState {
  /** The newest snapshot; at index 0 when there is none. */
  readonly snapshot: SnapshotMeta;
  /** The entries behind it. */
  readonly suffix: readonly SizedEntry[];
  /** Whether the log must begin anew behind the snapshot. */
  readonly replaced: boolean;
}

function connect(directory: string, meta: Meta, found: FoundSnapshots, log: RecoveredLog): ConnectedState {
  const newest = found.intact[0];
  const snapshot = newest?.snapshot ?? { last: zeroEntryId, configuration: meta.initialConfiguration };
  const connection = log.image.connect(snapshot);
  // A damaged snapshot is forgiven only when an older one and the log still tell all of what it held.
  const damaged = found.damaged[0];
  if (damaged !== undefined && connection.kind !== "connected") throw damaged.error;
  switch (connection.kind) {
    case "connected":
      return { snapshot, suffix: connection.suffix, replaced: false };
    case "replaced":
      return { snapshot, suffix: [], replaced: true };
    case "gap": {
      const have = newest === undefined ? "there is no snapshot" : `the newest snapshot ends at ${snapshot.last.index}`;
      const file = newest === undefined ? "snapshot" : snapshotName(snapshot.last);
      throw corruptError(directory, file, 0, `the log begins behind entry ${log.image.baseIndex}, and ${have}`);
    }
  }
}

/** Puts right what a crash left. Every step may be repeated after another crash. */
async function settle(
  fileSystem: FileSystem,
  names: readonly string[],
  found: FoundSnapshots,
  log: RecoveredLog,
): Promise<void> {
  await settleTail(fileSystem, log);
  for (const { name } of found.damaged) await fileSystem.rename(name, `damaged-${name}`);
  const inUse = new Set([...found.intact, ...found.damaged].map(({ name }) => name));
  const stale = snapshotNames(names).filter((name) => !inUse.has(name));
  const unfinished = names.filter((name) => name.endsWith(".tmp"));
  for (const name of [...unfinished, ...log.leftovers, ...stale]) await fileSystem.remove(name);
  // Also for renames whose process died before this very call.
  await fileSystem.syncDirectory();
}
