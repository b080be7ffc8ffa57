/**
 * What `balsa disk verify` finds is what a start would find: whatever a start refuses, with file and offset, and it changes
 * nothing.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { examineDirectory } from "../../../raft/storage/examine.ts";
import { FileStorage } from "../../../raft/storage/file_storage.ts";
import { StorageError } from "../../../raft/storage/storage_error.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { batch, command, commands, configuration, inChunks, pattern, snapshotAt, stillClock } from "./samples.ts";

type Files = Map<string, Uint8Array>;

function open(fileSystem: MemoryFileSystem): Promise<FileStorage> {
  return FileStorage.open({
    ...{ fileSystem, clusterId: "c", nodeId: "n1", initialConfiguration: configuration, clock: stillClock },
    walLimits: { segmentBytes: 400, minimumSegmentBytes: 100 },
  });
}

async function build(): Promise<Files> {
  const fileSystem = new MemoryFileSystem();
  {
    await using storage = await open(fileSystem);
    await storage.write(batch(commands(1, 2, 1), { hardState: { currentTerm: 1, votedFor: "n1" } }));
    await storage.saveSnapshot(snapshotAt(2, 1), inChunks(pattern(40), 16));
    await storage.write(batch(commands(3, 6, 1)));
    await storage.saveSnapshot(snapshotAt(4, 1), inChunks(pattern(40, 2), 16));
    await storage.write(batch([command(7, 2)], { hardState: { currentTerm: 2, votedFor: null } }));
    await storage.card.remember("n2", { directoryId: "d", generation: 3, opening: "o" });
  }
  return fileSystem.snapshot();
}

Deno.test("a sound directory is described, and stays as it is", async () => {
  const files = await build();
  const fileSystem = MemoryFileSystem.of(files);
  const report = await examineDirectory(fileSystem);
  assertEquals(report.problems, []);
  assertEquals([report.meta?.nodeId, report.meta?.generation], ["n1", 1]);
  assertEquals(report.meta?.peers.get("n2")?.generation, 3);
  assertEquals(report.state?.hardState, { currentTerm: 2, votedFor: null });
  assertEquals([report.state?.last, report.state?.snapshot], [{ index: 7, term: 2 }, { index: 4, term: 1 }]);
  assertEquals(report.witness?.last, { index: 7, term: 2 });
  assertEquals(report.snapshots.map(({ isIntact }) => isIntact), [true, true]);
  const contents = report.segments.flatMap(({ records }) => records).map(({ type, content }) => `${type}: ${content}`);
  assert(contents.includes("entries: entry 7 of term 2 (1 command)"), contents.join("\n"));
  assert(contents.includes("hardState: term 2, vote for nobody"), contents.join("\n"));
  assertEquals(fileSystem.snapshot(), files);
});

Deno.test("every flipped bit that a start refuses is named with its file, and nothing is changed", async () => {
  const files = await build();
  let refused = 0;
  for (const [name, bytes] of files) {
    if (name === "lock") continue;
    for (let at = 0; at < bytes.length; at += 1) {
      const flipped = bytes.slice();
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at & 7));
      const damaged = new Map([...files, [name, flipped]]);
      const fileSystem = MemoryFileSystem.of(damaged);
      const report = await examineDirectory(fileSystem);
      assertEquals(fileSystem.snapshot(), damaged, "nothing is changed");
      try {
        await using _storage = await open(MemoryFileSystem.of(damaged));
      } catch (error) {
        assert(error instanceof StorageError, `${name} at ${at}: ${error}`);
        refused++;
        const named = report.problems.find(({ file }) => file === name);
        assert(named !== undefined, `${name} at ${at}: ${error.message} ${JSON.stringify(report.problems)}`);
        assertEquals(named.offset <= at, true, `${name} at ${at}: ${JSON.stringify(report.problems)}`);
        assertMatch(named.remedy, /keeps these files as damaged-/);
      }
    }
  }
  assert(refused > 500, `only ${refused} refused`);
});

Deno.test("a write that a crash cut short is no damage", async () => {
  const files = await build();
  const log = [...files.keys()].filter((name) => name.startsWith("wal-")).sort().at(-1) ?? "";
  const bytes = files.get(log) ?? new Uint8Array(0);
  const torn = new Uint8Array([...bytes, ...pattern(50)]);
  const report = await examineDirectory(MemoryFileSystem.of(new Map([...files, [log, torn]])));
  assertEquals(report.problems, []);
  assertEquals([report.torn?.file, report.torn?.offset, report.witnessed], [log, bytes.length, true]);
});

Deno.test("a missing file, an empty directory and a directory of one member have their own words", async () => {
  const files = await build();
  for (const gone of ["meta", "witness"]) {
    const rest = new Map([...files].filter(([name]) => name !== gone));
    const { problems } = await examineDirectory(MemoryFileSystem.of(rest));
    assert(problems.some(({ file, found }) => file === gone && found === "the file is gone"), JSON.stringify(problems));
  }
  const { problems } = await examineDirectory(new MemoryFileSystem());
  assertEquals(problems.map(({ found }) => found), ["the directory is empty"]);
});
