/**
 * Parts of two histories of one directory, mixed: each file intact, and still not the truth.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { CborWriter } from "../../../raft/encoding/cbor_writer.ts";
import { encodePreamble, magics, preambleBytes, recordTypes, RecordWriter } from "../../../raft/storage/record.ts";
import { StorageError } from "../../../raft/storage/storage_error.ts";
import { segmentFileId, writeCommit, writeHardState } from "../../../raft/storage/wal_format.ts";
import { scanSegment } from "../../../raft/storage/wal_scan.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { batch, command, commands, inChunks, pattern, snapshotAt } from "./samples.ts";
import { openTiny } from "./full_run.ts";

type Files = Map<string, Uint8Array>;

const firstLog = "wal-000000000001.log";
const secondLog = "wal-000000000002.log";
const noBytes = new Uint8Array(0);

/** A directory whose second batch says `what`, and whose log goes on in a second segment. */
async function history(what: string): Promise<Files> {
  const fileSystem = new MemoryFileSystem();
  await using storage = await openTiny(fileSystem);
  await storage.write(batch([command(1, 1, what)]));
  await storage.write(batch([command(2, 1, pattern(400))]));
  await storage.write(batch([command(3, 1)]));
  await storage[Symbol.asyncDispose]();
  return fileSystem.snapshot();
}

async function refusal(files: Files): Promise<StorageError> {
  const error = await assertRejects(() => openTiny(MemoryFileSystem.of(files)), StorageError);
  assert(error instanceof StorageError && error.code === "corrupt", String(error));
  return error;
}

Deno.test("a segment of another history does not continue this one, whatever the witness says", async () => {
  const one = await history("one");
  const other = await history("two");
  for (const witness of [one.get("witness"), other.get("witness"), null]) {
    const mixed = new Map([...one, [secondLog, other.get(secondLog) ?? noBytes]]);
    mixed.delete("witness");
    if (witness) mixed.set("witness", witness);
    assert((await refusal(mixed)).message.includes("does not continue the log"));
  }
});

Deno.test("a log of another history is refused by the witness, though it has the acknowledged number of batches", async () => {
  const histories: Files[] = [];
  for (const what of ["one", "two"]) {
    const fileSystem = new MemoryFileSystem();
    await using storage = await openTiny(fileSystem);
    await storage.write(batch([command(1, 1, what)]));
    await storage[Symbol.asyncDispose]();
    histories.push(fileSystem.snapshot());
  }
  const [one, other] = histories;
  const mixed = new Map([...one ?? [], ["witness", other?.get("witness") ?? noBytes]]);
  assert((await refusal(mixed)).message.includes("is not the one that was acknowledged"));
});

Deno.test("a log of another directory is refused, also without a witness", async () => {
  const own = await history("one");
  const fileSystem = new MemoryFileSystem();
  await (await openTiny(fileSystem, { nodeId: "n2" }))[Symbol.asyncDispose]();
  const files = new Map([["meta", own.get("meta") ?? noBytes], [
    firstLog,
    fileSystem.snapshot().get(firstLog) ?? noBytes,
  ]]);
  assert((await refusal(files)).message.includes("written for another directory"));
});

Deno.test("a directory without meta is created anew only if nothing was ever written to it", async () => {
  const fileSystem = new MemoryFileSystem();
  await (await openTiny(fileSystem))[Symbol.asyncDispose]();
  await fileSystem.remove("meta");
  {
    await using storage = await openTiny(fileSystem);
    await storage.write(batch(commands(1, 1, 1)));
  }
  await fileSystem.remove("meta");
  assert((await refusal(fileSystem.snapshot())).message.includes("meta"));
});

Deno.test("a log that begins behind all snapshots is refused", async () => {
  const fileSystem = new MemoryFileSystem();
  {
    await using storage = await openTiny(fileSystem);
    for (let index = 1; index <= 20; index++) await storage.write(batch(commands(index, index, 1)));
    await storage.saveSnapshot(snapshotAt(15, 1), inChunks(pattern(10), 10));
    await storage.saveSnapshot(snapshotAt(18, 1), inChunks(pattern(10), 10));
  }
  const names = (await fileSystem.list()).filter((name) => name.endsWith(".snap"));
  assertEquals(names.length, 2);
  for (const name of names) await fileSystem.remove(name);
  const error = await refusal(fileSystem.snapshot());
  assert(/the log begins behind entry \d+, and there is no snapshot/.test(error.message), error.message);
});

Deno.test("the newest segment cannot vanish, even if power was lost right after it was begun", async () => {
  const fileSystem = new MemoryFileSystem();
  await using storage = await openTiny(fileSystem);
  await storage.write(batch([command(1, 1, pattern(400))]));
  await storage.write(batch([command(2, 1)]));
  const files = fileSystem.afterPowerLoss(() => false);
  assert(files.delete(secondLog));
  assert((await refusal(files)).message.includes("may have been acknowledged"));
});

Deno.test("a snapshot whose last block comes from another version of it is damaged", async () => {
  const name = "snapshot-0000000000000001-0000000000000001.snap";
  const versions: Files[] = [];
  for (const seed of [1, 2]) {
    const fileSystem = new MemoryFileSystem();
    await using storage = await openTiny(fileSystem);
    await storage.write(batch(commands(1, 2, 1)));
    await storage.saveSnapshot(snapshotAt(1, 1), inChunks(pattern(64, seed), 64));
    await storage[Symbol.asyncDispose]();
    versions.push(fileSystem.snapshot());
  }
  const [one, other] = versions.map((files) => files.get(name) ?? noBytes);
  assert(one !== undefined && other !== undefined && one.length === other.length);
  const mixed = one.slice();
  mixed.set(other.subarray(0, other.length - 48));
  await using storage = await openTiny(MemoryFileSystem.of(new Map([...versions[0] ?? [], [name, mixed]])));
  assertEquals(storage.recovery.damagedSnapshots, [name]);
  assertEquals(storage.initial.entries, commands(1, 2, 1));
});

/** A segment of two batches, the second of which is cut into its records. */
function segment(term: number, sequence: number, commitStart = 0): { bytes: Uint8Array; commitAt: number } {
  const records = new RecordWriter(segmentFileId("d", 1, 0));
  const cbor = new CborWriter();
  const append = (type: 2 | 4, batchNumber: number): void => {
    records.append(type, batchNumber, cbor.view());
    cbor.reset();
  };
  records.start(preambleBytes, 0);
  writeHardState(cbor, { currentTerm: 0, votedFor: null });
  append(recordTypes.hardState, 1);
  writeCommit(cbor, { start: preambleBytes, records: 1, last: { index: 0, term: 0 }, hardState: null });
  append(recordTypes.commit, 1);
  const start = preambleBytes + records.length;
  writeHardState(cbor, { currentTerm: term, votedFor: null });
  append(recordTypes.hardState, sequence);
  const commitAt = preambleBytes + records.length;
  writeCommit(cbor, { start: start + commitStart, records: 1, last: { index: 0, term: 0 }, hardState: null });
  append(recordTypes.commit, sequence);
  return { bytes: new Uint8Array([...encodePreamble(magics.log), ...records.view()]), commitAt };
}

Deno.test("a commit record of another write of the same batch does not complete this one", () => {
  const one = segment(5, 2);
  const other = segment(6, 2);
  assertEquals(scanSegment(one.bytes, "d", "f").batches.length, 2);
  const mixed = one.bytes.slice();
  mixed.set(other.bytes.subarray(other.commitAt), other.commitAt);
  const scanned = scanSegment(mixed, "d", "f");
  assertEquals(scanned.batches.length, 1);
  assertEquals(scanned.tornAt, one.commitAt);
  assertEquals(scanned.tornReason, "a record does not continue the one before it");
});

Deno.test("a batch out of sequence, or a commit record that is not of its batch, is none", () => {
  assertEquals(scanSegment(segment(5, 1).bytes, "d", "f").batches.length, 1);
  assertEquals(scanSegment(segment(5, 2, 8).bytes, "d", "f").batches.length, 1);
});
