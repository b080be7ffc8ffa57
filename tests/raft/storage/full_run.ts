/**
 * One run of everything storage does, with a model that says after each step what must be found.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Entry } from "../../../raft/core/types.ts";
import { FileStorage, type OpenOptions } from "../../../raft/storage/file_storage.ts";
import { DiskFullError } from "../../../raft/storage/storage.ts";
import { StorageError } from "../../../raft/storage/storage_error.ts";
import type { FileOperation, MemoryFileSystem } from "./memory_file_system.ts";
import {
  batch,
  collect,
  command,
  commands,
  configuration,
  inChunks,
  pattern,
  sendChunk,
  snapshotAt,
  stillClock,
} from "./samples.ts";

/** What must be found. */
interface Model {
  term: number;
  entries: Entry[];
  /** Index up to which a snapshot stands for the entries. */
  snapshot: number;
}

/** One step, and what it makes of the model. */
interface Step {
  readonly change: (model: Model) => void;
  readonly run: (storage: FileStorage) => Promise<unknown>;
  /** How many steps before it must be taken again, too, when there was no room; 0 unless given. */
  readonly stepsBack?: number;
}

/** Opens storage whose segments are tiny, so that a short run begins and deletes several. */
export function openTiny(fileSystem: MemoryFileSystem, options: Partial<OpenOptions> = {}): Promise<FileStorage> {
  return FileStorage.open({
    fileSystem,
    clusterId: "c",
    nodeId: "n1",
    initialConfiguration: configuration,
    clock: stillClock,
    walLimits: { segmentBytes: 400, minimumSegmentBytes: 100 },
    ...options,
  });
}

/** Entries of one term; `bytes` makes each so large that its batch spans several sectors. */
function append(from: number, to: number, term: number, bytes = 20): Step {
  const entries = commands(from, to, term).map(({ index }) => command(index, term, pattern(bytes, index * term)));
  return {
    change: (model) => {
      model.term = term;
      model.entries = [...model.entries.filter(({ index }) => index < from), ...entries];
    },
    run: (storage) => storage.write(batch(entries, { hardState: { currentTerm: term, votedFor: null } })),
  };
}

function save(index: number, term: number): Step {
  return {
    change: (model) => (model.snapshot = index),
    run: (storage) => storage.saveSnapshot(snapshotAt(index, term), inChunks(snapshotBytes(index), 25)),
  };
}

/** Receives a snapshot ahead of the log and begins the log anew behind it. */
export function install(index: number, term: number): Step[] {
  const bytes = snapshotBytes(index);
  const snapshot = snapshotAt(index, term);
  return [
    { change: () => {}, run: (storage) => sendChunk(storage, snapshot, 0, bytes.slice(0, 30), false) },
    {
      change: (model) => {
        model.snapshot = index;
        model.entries = [];
      },
      run: (storage) => sendChunk(storage, snapshot, 30, bytes.slice(30), true),
      stepsBack: 1,
    },
    { change: () => {}, run: (storage) => storage.write(batch([], { logStart: snapshot })) },
  ];
}

const workload: readonly Step[] = [
  append(1, 3, 1),
  append(4, 6, 1, 700),
  append(5, 5, 2),
  save(3, 1),
  append(6, 9, 2),
  save(7, 2),
  append(10, 12, 3),
  append(12, 14, 4, 300),
  save(11, 3),
  append(15, 15, 4),
  ...install(40, 5),
  append(41, 43, 5),
  save(42, 5),
  append(44, 44, 6),
];

function snapshotBytes(index: number): Uint8Array {
  return pattern(60, index);
}

function name(entry: Entry): string {
  return `${entry.index}@${entry.term}${entry.kind === "command" ? `#${entry.data.length}` : ""}`;
}

/** What a model says, as {@link found} writes it. */
function expected({ term, entries, snapshot }: Model): string {
  return `term ${term}, snapshot ${snapshot}, ${entries.filter(({ index }) => index > snapshot).map(name).join(" ")}`;
}

/** The state of storage just opened, its bytes checked. */
export async function found(storage: FileStorage): Promise<string> {
  const { hardState, snapshot, entries } = storage.initial;
  const { index } = snapshot.last;
  assertEquals(await collect(storage.readSnapshot()), index === 0 ? new Uint8Array(0) : snapshotBytes(index));
  for (const entry of entries) {
    assert(entry.kind === "command");
    assertEquals(entry.data, pattern(entry.data.length, entry.index * entry.term));
  }
  return `term ${hardState.currentTerm}, snapshot ${index}, ${entries.map(name).join(" ")}`;
}

/**
 * Runs the workload, and tells before each file operation which states would be right after a crash there: everything
 * acknowledged, with or without the step under way. Where there was no room it tries again; ends at the first other
 * refusal, having checked that it is final.
 */
export async function runWorkload(
  fileSystem: MemoryFileSystem,
  before: (right: readonly string[], operation: FileOperation, file: string) => void,
): Promise<readonly string[]> {
  const model: Model = { term: 0, entries: [], snapshot: 0 };
  let right = [expected(model)];
  fileSystem.before = (operation, file) => before(right, operation, file);
  await using storage = await openTiny(fileSystem);
  for (let next = 0; next < workload.length; next++) {
    const step = workload[next];
    assert(step !== undefined);
    const acknowledged = expected(model);
    step.change(model);
    right = [acknowledged, expected(model)];
    try {
      await step.run(storage);
    } catch (error) {
      if (error instanceof DiskFullError) {
        next -= 1 + (step.stepsBack ?? 0);
        continue;
      }
      assert(error instanceof StorageError && error.code === "io", String(error));
      await assertRejects(() => storage.write(batch([command(1, 99)])), StorageError, "cannot be retried");
      await assertRejects(() => storage.saveSnapshot(snapshotAt(99, 99), inChunks(pattern(1), 1)), StorageError);
      await assertRejects(() => collect(storage.readSnapshot()), StorageError);
      return right;
    }
    right = [expected(model)];
  }
  return right;
}
