/**
 * Torn tails, damaged snapshots, and files that do not belong where they are: what opening makes of them.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { crc32 } from "../../../raft/encoding/crc32.ts";
import { StorageError } from "../../../raft/storage/storage_error.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { batch, command, commands, configuration, describe, inChunks, pattern, snapshotAt } from "./samples.ts";
import { install, openTiny } from "./full_run.ts";

Deno.test("a torn tail is dropped, reported, and never comes back", async () => {
  const fileSystem = new MemoryFileSystem();
  {
    await using storage = await openTiny(fileSystem);
    await storage.write(batch(commands(1, 2, 1)));
  }
  const before = fileSystem.snapshot();
  {
    await using storage = await openTiny(fileSystem);
    await storage.write(batch([command(3, 1, pattern(2_000)), command(4, 1)]));
  }
  const torn = fileSystem.snapshot();
  const log = "wal-000000000001.log";
  const bytes = torn.get(log) ?? new Uint8Array(0);
  const start = before.get(log)?.length ?? 0;
  // The first sector is lost; the rest, with an intact commit record, is there.
  torn.set(log, bytes.fill(0, start, start + 512));
  torn.set("witness", before.get("witness") ?? new Uint8Array(0));

  const copy = MemoryFileSystem.of(torn);
  {
    await using storage = await openTiny(copy);
    assertEquals(storage.initial.entries, commands(1, 2, 1));
    assertEquals(storage.recovery.torn?.offset, start);
    assertEquals(storage.recovery.torn?.bytes, bytes.length - start);
    assertEquals(storage.recovery.witnessed, true);
    await storage.write(batch([command(3, 2, "short")]));
  }
  await using storage = await openTiny(copy);
  assertEquals(storage.recovery.torn, null);
  assertEquals(storage.initial.entries, [...commands(1, 2, 1), command(3, 2, "short")]);
});

Deno.test("a last batch that no witness confirms is written once more before it is trusted", async () => {
  const fileSystem = new MemoryFileSystem();
  {
    await using storage = await openTiny(fileSystem);
    await storage.write(batch(commands(1, 2, 1)));
  }
  await fileSystem.remove("witness");
  const operations: string[] = [];
  fileSystem.before = (operation, file) => void operations.push(`${operation} ${file}`);
  await using storage = await openTiny(fileSystem);
  const written = operations.indexOf("write wal-000000000001.log");
  assert(written >= 0 && operations.indexOf("sync wal-000000000001.log") > written, operations.join(", "));
  assertEquals(storage.recovery.witnessed, false);
  assertEquals(storage.initial.entries, commands(1, 2, 1));
});

Deno.test("a batch costs one write and one fsync, and a note that nobody syncs", async () => {
  const fileSystem = new MemoryFileSystem();
  await using storage = await openTiny(fileSystem);
  await storage.write(batch(commands(1, 1, 1)));
  const operations: string[] = [];
  fileSystem.before = (operation, file) => void operations.push(`${operation} ${file}`);
  await storage.write(batch(commands(2, 3, 1), { hardState: { currentTerm: 1, votedFor: "n1" } }));
  assertEquals(operations.slice(0, 2), ["write wal-000000000001.log", "sync wal-000000000001.log"]);
  assert(operations.slice(2).every((operation) => operation === "write witness"), operations.join(", "));
});

Deno.test("segments are deleted once the older of the two snapshots covers them", async () => {
  const fileSystem = new MemoryFileSystem();
  await using storage = await openTiny(fileSystem);
  const segments = async (): Promise<number> =>
    (await fileSystem.list()).filter((file) => file.startsWith("wal-")).length;
  for (let index = 1; index <= 40; index++) await storage.write(batch(commands(index, index, 1)));
  const all = await segments();
  assert(all > 8, `${all} segments`);
  await storage.saveSnapshot(snapshotAt(39, 1), inChunks(pattern(10), 10));
  assertEquals(await segments(), all, "damage to the only snapshot must not cost the state");
  await storage.write(batch(commands(41, 41, 1)));
  await storage.saveSnapshot(snapshotAt(41, 1), inChunks(pattern(10), 10));
  assert(await segments() <= 3, `${await segments()} segments are left`);
});

Deno.test("a damaged newest snapshot is set aside while the log reaches back to the older one", async () => {
  const fileSystem = new MemoryFileSystem();
  {
    await using storage = await openTiny(fileSystem);
    await storage.write(batch(commands(1, 9, 1)));
    await storage.saveSnapshot(snapshotAt(3, 1), inChunks(pattern(60, 3), 60));
    await storage.saveSnapshot(snapshotAt(7, 1), inChunks(pattern(60, 7), 60));
  }
  const newest = "snapshot-0000000000000007-0000000000000001.snap";
  const file = await fileSystem.open(newest);
  await file.write(250, new Uint8Array([1, 2, 3]));
  file.close();
  await using storage = await openTiny(fileSystem);
  assertEquals(storage.recovery.damagedSnapshots, [newest]);
  assertEquals(storage.initial.snapshot, snapshotAt(3, 1));
  assertEquals(storage.initial.entries, commands(4, 9, 1));
  assert((await fileSystem.list()).includes(`damaged-${newest}`));
});

Deno.test("a damaged snapshot that the log cannot replace is refused, and nothing is changed", async () => {
  const fileSystem = new MemoryFileSystem();
  {
    await using storage = await openTiny(fileSystem);
    await storage.write(batch(commands(1, 9, 1)));
    for (const step of install(40, 5)) await step.run(storage);
  }
  const file = await fileSystem.open("snapshot-0000000000000040-0000000000000005.snap");
  await file.write(250, new Uint8Array([1, 2, 3]));
  file.close();
  const before = fileSystem.snapshot();
  const error = await assertRejects(() => openTiny(fileSystem), StorageError, "snapshot-0000000000000040");
  assert(error instanceof StorageError && error.code === "corrupt" && /offset \d+/.test(error.message), String(error));
  assertEquals(fileSystem.snapshot(), before);
});

Deno.test("a directory of another cluster or node is refused, naming both", async () => {
  const fileSystem = new MemoryFileSystem();
  await (await openTiny(fileSystem))[Symbol.asyncDispose]();
  for (const other of [{ clusterId: "d" }, { nodeId: "n2" }]) {
    const error = await assertRejects(
      () => openTiny(fileSystem, other),
      StorageError,
      "belongs to node n1 of cluster c",
    );
    assert(error instanceof StorageError && error.code === "foreign");
    assert(error.message.includes(`for node ${other.nodeId ?? "n1"} of cluster ${other.clusterId ?? "c"}`));
  }
});

Deno.test("the stored configuration wins over the one that is given", async () => {
  const fileSystem = new MemoryFileSystem();
  await (await openTiny(fileSystem))[Symbol.asyncDispose]();
  const other = { voters: ["n1", "n9"], outgoing: [], learners: [] };
  await using storage = await openTiny(fileSystem, { initialConfiguration: other });
  assertEquals(storage.initial.snapshot.configuration, configuration);
});

Deno.test("a new directory needs a configuration with voters and names", async () => {
  for (const voters of [[], [""], ["x".repeat(65)]]) {
    const initialConfiguration = { voters, outgoing: [], learners: [] };
    const error = await assertRejects(() => openTiny(new MemoryFileSystem(), { initialConfiguration }), StorageError);
    assert(error instanceof StorageError && error.code === "configuration");
  }
});

/** A directory with files of every kind. */
async function everyKind(nodeId: string): Promise<Map<string, Uint8Array>> {
  const fileSystem = new MemoryFileSystem();
  await using storage = await openTiny(fileSystem, { nodeId });
  await storage.write(batch(commands(1, 9, 1)));
  await storage.saveSnapshot(snapshotAt(3, 1), inChunks(pattern(60, 3), 60));
  await storage.write(batch(commands(10, 10, 1)));
  await storage[Symbol.asyncDispose]();
  return fileSystem.snapshot();
}

Deno.test("a file from the future is refused as such", async () => {
  const files = await everyKind("n1");
  for (const [file, bytes] of files) {
    const future = bytes.slice();
    const view = new DataView(future.buffer);
    view.setUint32(8, 2);
    view.setUint32(12, crc32(future.subarray(0, 12)));
    const fileSystem = MemoryFileSystem.of(new Map([...files, [file, future]]));
    const error = await assertRejects(() => openTiny(fileSystem), StorageError, `${file} has format version 2`);
    assert(error instanceof StorageError && error.code === "version");
  }
});

Deno.test("a file of another node's directory under the same name is never taken for one's own", async () => {
  const files = await everyKind("n1");
  const foreign = await everyKind("n2");
  const right = describe((await openTiny(MemoryFileSystem.of(files))).initial);
  for (const [file, bytes] of foreign) {
    const mixed = MemoryFileSystem.of(new Map([...files, [file, bytes]]));
    try {
      const { initial, recovery } = await openTiny(mixed);
      // The witness says less than the log, and the log still has all that the only snapshot holds.
      assert(file === "witness" || recovery.damagedSnapshots.includes(file), `${file} of n2 was taken`);
      if (file === "witness") assertEquals(describe(initial), right);
      else assertEquals(initial.entries, commands(1, 10, 1));
    } catch (error) {
      assert(error instanceof StorageError && ["corrupt", "foreign"].includes(error.code), String(error));
    }
  }
});

Deno.test("an older copy of the log is refused", async () => {
  const fileSystem = new MemoryFileSystem();
  {
    await using storage = await openTiny(fileSystem);
    await storage.write(batch(commands(1, 1, 1)));
  }
  const older = fileSystem.snapshot();
  {
    await using storage = await openTiny(fileSystem);
    await storage.write(batch(commands(2, 2, 1)));
  }
  const files = fileSystem.snapshot();
  const log = "wal-000000000001.log";
  files.set(log, older.get(log) ?? new Uint8Array(0));
  await assertRejects(() => openTiny(MemoryFileSystem.of(files)), StorageError, "may have been acknowledged");
});
