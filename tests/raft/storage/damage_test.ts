/**
 * Every single-bit flip and every cut, in every file of small directories. What is allowed: the same state, a refusal with
 * a reason, and the loss of a batch that was never acknowledged. What is not: any other state.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { FileStorage, type OpenOptions } from "../../../raft/storage/file_storage.ts";
import { StorageError } from "../../../raft/storage/storage_error.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import {
  batch,
  collect,
  command,
  commands,
  configuration,
  describe,
  inChunks,
  pattern,
  snapshotAt,
  stillClock,
} from "./samples.ts";

type Files = Map<string, Uint8Array>;

/** A directory, and what may be found in it. */
interface Shape {
  readonly files: Files;
  /** States that hold everything acknowledged, each as {@link fullState} writes it. */
  readonly allowed: ReadonlySet<string>;
}

const walLimits = { segmentBytes: 400, minimumSegmentBytes: 100 };

function open(fileSystem: MemoryFileSystem): Promise<FileStorage> {
  const options: OpenOptions = {
    fileSystem,
    clusterId: "c",
    nodeId: "n1",
    initialConfiguration: configuration,
    clock: stillClock,
    walLimits,
  };
  return FileStorage.open(options);
}

/** Snapshot, its bytes, and everything behind it. */
async function fullState(storage: FileStorage): Promise<string> {
  const { index } = storage.initial.snapshot.last;
  const bytes = await collect(storage.readSnapshot());
  assertEquals(bytes, index === 0 ? new Uint8Array(0) : snapshotBytes(index), "the bytes of the snapshot");
  return describe(storage.initial);
}

function snapshotBytes(index: number): Uint8Array {
  return pattern(40, index);
}

/** Two snapshots and a log in several segments that reaches back to the older one; everything acknowledged. */
async function buildShape(): Promise<Shape> {
  const fileSystem = new MemoryFileSystem();
  {
    await using storage = await open(fileSystem);
    await storage.write(batch(commands(1, 2, 1), { hardState: { currentTerm: 1, votedFor: "n1" } }));
    await storage.saveSnapshot(snapshotAt(2, 1), inChunks(snapshotBytes(2), 16));
    await storage.write(batch(commands(3, 4, 1)));
    await storage.saveSnapshot(snapshotAt(3, 1), inChunks(snapshotBytes(3), 16));
    await storage.write(batch([command(4, 2, "replaced")], { hardState: { currentTerm: 2, votedFor: null } }));
    await storage.write(batch([command(5, 2, "last")]));
  }
  const files = fileSystem.snapshot();
  const allowed = new Set<string>();
  for (const damaged of [null, "snapshot-0000000000000003-0000000000000001.snap"]) {
    const copy = MemoryFileSystem.of(files);
    if (damaged !== null) await copy.remove(damaged);
    await using storage = await open(copy);
    allowed.add(await fullState(storage));
  }
  return { files, allowed };
}

/** How many cases ended how. */
interface Tally {
  same: number;
  refused: number;
  dropped: number;
}

/** Opens a damaged copy; anything but an allowed state or a refusal fails the test. */
async function judge(shape: Shape, name: string, bytes: Uint8Array, what: string, tally: Tally): Promise<void> {
  const damaged = new Map(shape.files);
  damaged.set(name, bytes);
  const copy = MemoryFileSystem.of(damaged);
  let storage: FileStorage;
  try {
    storage = await open(copy);
  } catch (error) {
    assert(error instanceof StorageError, `${what}: ${error instanceof Error ? error.stack : error}`);
    assert(error.code === "corrupt", `${what}: ${error.code}: ${error.message}`);
    assert(error.message.includes(name.startsWith("wal") ? "wal-" : name), `${what}: ${error.message}`);
    tally.refused++;
    return;
  }
  const state = await fullState(storage);
  assert(shape.allowed.has(state), `${what}: opened silently with ${state}`);
  if (storage.recovery.torn !== null) tally.dropped++;
  else tally.same++;
  // What was found stays: nothing of what was dropped comes back, whatever is written next.
  await storage.write(batch([command(6, 3, "afterwards")]));
  await storage[Symbol.asyncDispose]();
}

async function flipEveryBit(shape: Shape, names: readonly string[]): Promise<Tally> {
  const tally = { same: 0, refused: 0, dropped: 0 };
  for (const name of names) {
    const bytes = shape.files.get(name) ?? new Uint8Array(0);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await judge(shape, name, flipped, `${name}, byte ${bit >> 3}, bit ${bit & 7} flipped`, tally);
    }
  }
  return tally;
}

async function cutEverywhere(shape: Shape, names: readonly string[]): Promise<Tally> {
  const tally = { same: 0, refused: 0, dropped: 0 };
  for (const name of names) {
    const bytes = shape.files.get(name) ?? new Uint8Array(0);
    for (let length = 0; length < bytes.length; length++) {
      await judge(shape, name, bytes.slice(0, length), `${name} cut at ${length}`, tally);
    }
  }
  return tally;
}

function report(what: string, tally: Tally): void {
  console.log(`${what}: ${tally.same} same state, ${tally.refused} refused, ${tally.dropped} unacknowledged dropped`);
}

Deno.test("no flipped bit in an acknowledged directory goes unnoticed", async () => {
  const shape = await buildShape();
  const names = [...shape.files.keys()];
  assert(names.filter((name) => name.startsWith("wal-")).length >= 2, "the log has several segments");
  assert(names.filter((name) => name.endsWith(".snap")).length === 2, "two snapshots are kept");
  const tally = await flipEveryBit(shape, names);
  report("flips", tally);
  assertEquals(tally.dropped, 0);
  assert(tally.refused > 5_000, "the log and meta must have been refused");
});

Deno.test("no cut of an acknowledged directory goes unnoticed, not even between two batches", async () => {
  const shape = await buildShape();
  const tally = await cutEverywhere(shape, [...shape.files.keys()]);
  report("cuts", tally);
  assertEquals(tally.dropped, 0);
});

Deno.test("no file of an acknowledged directory can vanish unnoticed", async () => {
  const shape = await buildShape();
  let refused = 0;
  for (const name of shape.files.keys()) {
    const copy = MemoryFileSystem.of(shape.files);
    await copy.remove(name);
    try {
      await using storage = await open(copy);
      const state = await fullState(storage);
      assert(shape.allowed.has(state), `without ${name}: opened silently with ${state}`);
    } catch (error) {
      assert(error instanceof StorageError && error.code === "corrupt", `without ${name}: ${error}`);
      refused++;
    }
  }
  assert(refused >= 2, "meta and the newest segment cannot be done without");
});

/** The files before and after one more batch. */
async function buildUnacknowledged(): Promise<{ before: Shape; after: Files; log: string }> {
  const before = await buildShape();
  const fileSystem = MemoryFileSystem.of(before.files);
  const allowed = new Set(before.allowed);
  await using storage = await open(fileSystem);
  await storage.write(batch([command(6, 2, "never acknowledged"), command(7, 2)], {
    hardState: { currentTerm: 9, votedFor: "n3" },
  }));
  const after = fileSystem.snapshot();
  const changed = [...after.keys()].filter((name) =>
    name.startsWith("wal-") && after.get(name)?.length !== before.files.get(name)?.length
  );
  assertEquals(changed.length, 1);
  // The batch is whole, and no note of it is in the witness: either state will do.
  after.set("witness", before.files.get("witness") ?? new Uint8Array(0));
  const whole = MemoryFileSystem.of(after);
  await using reopened = await open(whole);
  allowed.add(await fullState(reopened));
  return { before: { files: before.files, allowed }, after, log: changed[0] ?? "" };
}

Deno.test("an unacknowledged batch, torn or flipped in any way, is dropped or whole, and nothing else is touched", async () => {
  const { before, after, log } = await buildUnacknowledged();
  const start = before.files.get(log)?.length ?? 0;
  const bytes = after.get(log) ?? new Uint8Array(0);
  const shape = { files: after, allowed: before.allowed };
  const tally = { same: 0, refused: 0, dropped: 0 };
  for (let length = start; length <= bytes.length; length++) {
    await judge(shape, log, bytes.slice(0, length), `${log} cut at ${length}`, tally);
    for (const filler of [0x00, 0xaa, 0xff]) {
      const filled = bytes.slice().fill(filler, length);
      await judge(shape, log, filled, `${log} filled with ${filler} from ${length}`, tally);
      // A later sector made it to the disk, an earlier one did not.
      const holed = bytes.slice().fill(filler, start, length);
      await judge(shape, log, holed, `${log} filled with ${filler} up to ${length}`, tally);
    }
  }
  for (let bit = start * 8; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await judge(shape, log, flipped, `${log}, bit ${bit} flipped`, tally);
  }
  report("unacknowledged", tally);
  assertEquals(tally.refused, 0, "a merely torn tail needs no operator");
  assert(tally.dropped > 1_000);
});

Deno.test("with a witness that lags, damage before the last batch is still refused", async () => {
  const { before, after, log } = await buildUnacknowledged();
  const end = before.files.get(log)?.length ?? 0;
  const bytes = after.get(log) ?? new Uint8Array(0);
  const withoutWitness = new Map(after);
  withoutWitness.delete("witness");
  for (const files of [after, withoutWitness]) {
    const tally = { same: 0, refused: 0, dropped: 0 };
    for (let bit = 0; bit < end * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await judge({ files, allowed: before.allowed }, log, flipped, `${log}, bit ${bit} flipped`, tally);
    }
    assertEquals(tally, { same: 0, refused: end * 8, dropped: 0 });
  }
});
