/**
 * No room on the disk: at every file operation there is, and with a part of a batch written.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { FileStorage } from "../../../raft/storage/file_storage.ts";
import { DiskFullError } from "../../../raft/storage/storage.ts";
import { StorageError } from "../../../raft/storage/storage_error.ts";
import { SyncLatency } from "../../../raft/storage/sync_latency.ts";
import { type CrashPolicy, Simulation } from "../../../raft/testing/mod.ts";
import { checkState } from "./crash_run.ts";
import { runWorkload } from "./full_run.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { batch, command, commands, configuration, inChunks, pattern, snapshotAt } from "./samples.ts";

const noRoom = "No space left on device (os error 28)";

Deno.test("no room for any one file operation: a write is repeated, anything else is final, nothing acknowledged is lost", async () => {
  const survived = new Set<string>();
  const final = new Set<string>();
  const outside = new Set<string>();
  for (let failing = 0;; failing++) {
    const fileSystem = new MemoryFileSystem();
    let operations = 0;
    let hit = "";
    let right: readonly string[] = [];
    let set = survived;
    try {
      right = await runWorkload(fileSystem, (states, operation, file) => {
        right = states;
        if (operations++ !== failing) return;
        hit = `${operation} ${file.replace(/\d+/g, "N")}`;
        throw new Error(noRoom);
      });
      if (right.length > 1) set = final;
    } catch (error) {
      // Opening, or closing.
      assert(error instanceof Error && error.message.includes(noRoom), String(error));
      set = outside;
    }
    if (hit === "") break;
    set.add(hit);
    fileSystem.before = () => {};
    await checkState(fileSystem, right, `no room at operation ${failing}, ${hit}`);
  }
  const always = [...survived].filter((hit) => !final.has(hit));
  assertEquals(always.sort(), [
    "open wal-N.tmp",
    "write snapshot-receiving.tmp",
    "write snapshot-saving.tmp",
    "write wal-N.log",
    "write wal-N.tmp",
  ]);
  for (const hit of survived) assert(!hit.startsWith("sync"), `${hit} was repeated`);
});

/** Storage on a simulated disk, in `run`, and again after the process or the power was gone. */
async function withStorage(
  kill: { kind: "process" } | { kind: "power"; disk: CrashPolicy },
  run: (storage: FileStorage, simulation: Simulation) => Promise<void>,
  check: (storage: FileStorage) => void,
): Promise<void> {
  using simulation = new Simulation({ seed: 3 });
  const process = simulation.process("n1");
  const open = () => {
    const { fileSystem, clock } = process.start();
    return FileStorage.open({
      ...{ fileSystem: fileSystem("data"), clusterId: "c", nodeId: "n1", initialConfiguration: configuration, clock },
      walLimits: { segmentBytes: 100_000, minimumSegmentBytes: 100 },
    });
  };
  await simulation.run(async () => {
    await run(await open(), simulation);
    process.kill(kill);
    const again = await open();
    check(again);
    await again[Symbol.asyncDispose]();
  });
}

for (
  const kill of [
    { kind: "process" },
    { kind: "power", disk: "all" },
    { kind: "power", disk: "none" },
    { kind: "power", disk: "random" },
  ] as const
) {
  Deno.test(`a batch cut short, then a new segment, then ${JSON.stringify(kill)}: the old segment ends where it did`, async () => {
    await withStorage(kill, async (storage, simulation) => {
      const { disk } = simulation.process("n1");
      await storage.write(batch(commands(1, 20, 1), { hardState: { currentTerm: 1, votedFor: null } }));
      const long = batch([command(21, 1, pattern(3000))]);
      disk.inject({ operation: "write", effect: "short", code: "ENOSPC", name: /^wal-/ });
      await assertRejects(() => storage.write(long), DiskFullError, "Free some space");
      await storage.saveSnapshot(snapshotAt(10, 1), inChunks(pattern(60), 25));
      await storage.write(long);
    }, (storage) => {
      assertEquals(storage.recovery.torn, null);
      assertEquals(storage.initial.entries.at(-1)?.index, 21);
    });
  });
}

Deno.test("an fsync that finds no room is final", async () => {
  await withStorage({ kind: "process" }, async (storage, simulation) => {
    simulation.process("n1").disk.inject({ operation: "sync", effect: "error", code: "ENOSPC", name: /^wal-/ });
    const one = batch([command(1, 1)], { hardState: { currentTerm: 1, votedFor: null } });
    await assertRejects(() => storage.write(one), StorageError, "cannot be retried");
    await assertRejects(() => storage.write(one), StorageError, "cannot be retried");
  }, () => {});
});

Deno.test("times of writes: percentiles to within a tenth, of the last minute, and one that is under way", () => {
  const latency = new SyncLatency();
  assertEquals(latency.figures(0), { count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 });
  for (let at = 1; at <= 1000; at++) latency.record(100_000 + at, at / 100);
  latency.record(101_100, 250);
  const { count, p50Ms, p99Ms, maxMs } = latency.figures(110_000);
  assertEquals([count, maxMs], [1001, 250]);
  assert(Math.abs(p50Ms / 5 - 1) < 0.1 && Math.abs(p99Ms / 9.9 - 1) < 0.1, `${p50Ms}, ${p99Ms}`);
  assertEquals(latency.figures(110_000, 3000).maxMs, 3000);
  latency.record(150_000, 1);
  assertEquals(latency.figures(170_000).count, 1);
  assertEquals(latency.figures(300_000).count, 0);
});
