/**
 * Damages data directories in every way there is, one place at a time, and judges what opening them makes of it.
 *
 * What is allowed: the same state, a refusal that names the file, and, behind everything that was acknowledged, the loss of
 * a write that never finished. What is not: any other state, and any other error.
 *
 * @module
 */
import { crc32 } from "../../../raft/encoding/crc32.ts";
import { FileStorage } from "../../../raft/storage/file_storage.ts";
import type { StoredState } from "../../../raft/storage/storage.ts";
import { StorageError } from "../../../raft/storage/storage_error.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { batch, collect, command, configuration, inChunks, pattern, snapshotAt, stillClock } from "./samples.ts";

/** Names and bytes of all files of a directory. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** Bytes of a sector: what a disk loses or writes as one. */
export const sectorBytes = 512;

/** A directory, and what may be found in it. */
export interface Shape {
  readonly files: Files;
  /** States that hold everything acknowledged, each as {@link stateOf} writes it. */
  readonly allowed: ReadonlySet<string>;
  /** When its log's segments end. */
  readonly walLimits: { readonly segmentBytes: number; readonly minimumSegmentBytes: number };
}

/** A shape whose last write was never acknowledged. */
export interface TornShape extends Shape {
  /** The file with that write. */
  readonly log: string;
  /** Where in it the write begins, in bytes. */
  readonly start: number;
}

/** One damaged copy of one or more files. */
export interface Damage {
  /** What was done, for messages. */
  readonly what: string;
  /** The files as they are now; those not named are unchanged. */
  readonly changed: Files;
}

/** What opening made of a damaged directory. */
export type Verdict =
  /** Everything is there. */
  | { readonly kind: "whole" }
  /** The directory needs repair, and says where. */
  | { readonly kind: "refused" }
  /** A write that was never acknowledged is gone, and the report says so. */
  | { readonly kind: "dropped" }
  /** It opened with something else: the worst that can happen. */
  | { readonly kind: "silent"; readonly found: string }
  /** An error that tells an operator nothing. */
  | { readonly kind: "crash"; readonly error: string };

/** How large a shape is. */
export interface ShapeSize {
  /** Commands written before the last two batches; at least 8. */
  readonly commands: number;
  /** Bytes of each command. */
  readonly commandBytes: number;
  /** Bytes of each snapshot. */
  readonly snapshotBytes: number;
  /** See {@link Shape.walLimits}. */
  readonly segmentBytes: number;
}

/** A directory of a few kilobytes, for tests. */
export const smallSize: ShapeSize = { commands: 8, commandBytes: 12, snapshotBytes: 40, segmentBytes: 600 };
/** A directory as a node has it after some time, scaled down: about 16 kB. */
export const realisticSize: ShapeSize = { commands: 64, commandBytes: 90, snapshotBytes: 2800, segmentBytes: 3500 };

function open(fileSystem: MemoryFileSystem, walLimits: Shape["walLimits"]): Promise<FileStorage> {
  return FileStorage.open({
    ...{ fileSystem, clusterId: "c", nodeId: "n1", initialConfiguration: configuration, clock: stillClock, walLimits },
  });
}

/** A state as text: hard state, snapshot and its bytes, and every entry with the checksum of its data. */
async function stateOf(storage: FileStorage): Promise<string> {
  const { hardState, snapshot, entries }: StoredState = storage.initial;
  const bytes = await collect(storage.readSnapshot());
  const log = entries.map((entry) => {
    const data = entry.kind === "command" ? crc32(entry.data) : JSON.stringify(entry);
    return `${entry.index}@${entry.term}:${entry.clusterTimeMs}:${data}`;
  });
  return `${JSON.stringify(hardState)} ${JSON.stringify(snapshot)} ${crc32(bytes)} ${log.join(" ")}`;
}

/** Two snapshots and a log in several segments that reaches back to the older one; everything is acknowledged. */
export async function buildShape(size: ShapeSize): Promise<Shape> {
  const fileSystem = new MemoryFileSystem();
  const walLimits = { segmentBytes: size.segmentBytes, minimumSegmentBytes: Math.ceil(size.segmentBytes / 4) };
  const { commands, commandBytes, snapshotBytes } = size;
  const older = Math.ceil(commands / 2);
  const newer = Math.ceil(commands * 3 / 4);
  {
    await using storage = await open(fileSystem, walLimits);
    await storage.card.remember("n2", { directoryId: "two", generation: 3, opening: "p" });
    for (let index = 1; index <= commands; index++) {
      const hardState = index === 1 ? { currentTerm: 1, votedFor: "n1" } : null;
      await storage.write(batch([command(index, 1, pattern(commandBytes, index))], { hardState }));
      for (const [at, seed] of [[older, 2], [newer, 3]] as const) {
        if (index !== at + 1) continue;
        await storage.saveSnapshot(snapshotAt(at, 1), inChunks(pattern(snapshotBytes, seed), 500));
      }
    }
    const hardState = { currentTerm: 2, votedFor: null };
    await storage.write(batch([command(commands, 2, "replaced")], { hardState }));
    await storage.write(batch([command(commands + 1, 2, "last"), command(commands + 2, 2, pattern(commandBytes))]));
  }
  const files = fileSystem.snapshot();
  const newest = [...files.keys()].filter((name) => name.endsWith(".snap")).sort().at(-1) ?? "";
  const allowed = new Set<string>();
  for (const damaged of [null, newest]) {
    const copy = MemoryFileSystem.of(files);
    if (damaged !== null) await copy.remove(damaged);
    await using storage = await open(copy, walLimits);
    allowed.add(await stateOf(storage));
  }
  return { files, allowed, walLimits };
}

/** The shape with one more batch, which may or may not be found: no note of it is in the witness. */
export async function withUnacknowledged(shape: Shape): Promise<TornShape> {
  const fileSystem = MemoryFileSystem.of(shape.files);
  const last = 1_000_000;
  await using storage = await open(fileSystem, shape.walLimits);
  const next = (storage.initial.entries.at(-1)?.index ?? last) + 1;
  await storage.write(batch([command(next, 2, "never acknowledged"), command(next + 1, 2)], {
    hardState: { currentTerm: 9, votedFor: "n3" },
  }));
  const files = fileSystem.snapshot();
  const log =
    [...files.keys()].find((name) =>
      name.startsWith("wal-") && files.get(name)?.length !== shape.files.get(name)?.length
    ) ?? "";
  files.set("witness", shape.files.get("witness") ?? new Uint8Array(0));
  await using reopened = await open(MemoryFileSystem.of(files), shape.walLimits);
  const allowed = new Set([...shape.allowed, await stateOf(reopened)]);
  return { files, allowed, walLimits: shape.walLimits, log, start: shape.files.get(log)?.length ?? 0 };
}

/** Opens a damaged copy and says what came of it. */
export async function judge(shape: Shape, damage: Damage): Promise<Verdict> {
  const copy = MemoryFileSystem.of(new Map([...shape.files, ...damage.changed]));
  let storage: FileStorage;
  try {
    storage = await open(copy, shape.walLimits);
  } catch (error) {
    if (!(error instanceof StorageError)) return crash(error);
    // A file that refers to another may say so first: a log that does not go on names the segment behind it.
    const names = [...damage.changed.keys()].map((name) => name.startsWith("wal-") ? "wal-" : name);
    const isNamed = names.some((name) => error.message.includes(name));
    return error.code === "corrupt" && isNamed ? { kind: "refused" } : crash(error);
  }
  try {
    await using opened = storage;
    const state = await stateOf(opened);
    if (!shape.allowed.has(state)) return { kind: "silent", found: state };
    const { torn } = opened.recovery;
    // What was found stays: nothing of what was dropped comes back, whatever is written next.
    const next = (opened.initial.entries.at(-1)?.index ?? 0) + 1;
    await opened.write(batch([command(next, 10, "afterwards")]));
    return { kind: torn === null ? "whole" : "dropped" };
  } catch (error) {
    return crash(error);
  }
}

function crash(error: unknown): Verdict {
  return { kind: "crash", error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
}
