/**
 * What is read from a damaged log is true, and what is missing is named; the patched log takes its place at once or not at
 * all.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Entry, HardState } from "../../../raft/core/types.ts";
import { agreement, KnownLog, learnFromEachOther } from "../../../raft/storage/known_log.ts";
import { missingEntries, type Salvage, salvage, writePatchedLog } from "../../../raft/storage/salvage.ts";
import { setAside } from "../../../raft/storage/set_aside.ts";
import { StorageError } from "../../../raft/storage/storage_error.ts";
import { buildShape, type Damage, smallSize, withUnacknowledged } from "./damage.ts";
import { damageKinds } from "./damage_kinds.ts";
import { openTiny } from "./full_run.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { batch, command, commands, pattern } from "./samples.ts";

type Files = ReadonlyMap<string, Uint8Array>;

/** What is true: every entry that ever was, where the log ends, and the hard state. */
interface Truth {
  readonly entries: readonly Entry[];
  readonly hardState: HardState;
}

/** A log in which a leader of term 3 has replaced what one of term 1 had written, in several segments. */
async function replacedLog(): Promise<{ files: Files; truth: Truth }> {
  const fileSystem = new MemoryFileSystem();
  await using storage = await openTiny(fileSystem);
  const write = (entries: readonly Entry[], currentTerm: number, votedFor: string | null) =>
    storage.write(batch(entries, { hardState: { currentTerm, votedFor } }));
  await write(commands(1, 3, 1), 1, "n1");
  await write(commands(4, 5, 1), 1, "n1");
  await storage.write(batch([command(6, 1, pattern(300))]));
  await write([command(5, 3, "replaced"), command(6, 3)], 3, "n2");
  await storage.write(batch(commands(7, 7, 3)));
  await write([], 4, "n3");
  await write(commands(8, 9, 4), 4, "n3");
  await storage.write(batch([command(10, 4, pattern(200))]));
  await storage[Symbol.asyncDispose]();
  const reopened = await openTiny(MemoryFileSystem.of(fileSystem.snapshot()));
  const { entries, hardState } = reopened.initial;
  return { files: fileSystem.snapshot(), truth: { entries, hardState } };
}

/** Fails if anything that was salvaged is not so. */
function checkTrue({ log, entries, last, hardState }: Salvage, truth: Truth, what: string): void {
  for (const [index, term] of log.terms) {
    assertEquals(truth.entries[index - 1]?.term, term, `${what}: entry ${index}`);
    const found = entries.find({ index, term });
    if (found !== undefined) assertEquals(found, truth.entries[index - 1], what);
  }
  const { index, term } = truth.entries.at(-1) ?? { index: 0, term: 0 };
  assertEquals([last, hardState], [{ index, term }, truth.hardState], what);
}

Deno.test("whatever is damaged in a log, what is salvaged is true, and the rest is named", async () => {
  const { files, truth } = await replacedLog();
  const logs = new Map([...files].filter(([name]) => name.startsWith("wal-")));
  let salvaged = 0;
  let hopeless = 0;
  let whole = 0;
  for (const { name, damages } of damageKinds) {
    for (const { what, changed } of damages(logs) as Iterable<Damage>) {
      const found = await salvage(MemoryFileSystem.of(new Map([...files, ...changed])));
      if (found === null) hopeless++;
      else {
        checkTrue(found, truth, `${name}: ${what}`);
        salvaged++;
        if (missingEntries(found).length === 0) whole++;
      }
    }
  }
  console.log(`${salvaged} salvaged, ${whole} of them whole, ${hopeless} without an end`);
  assert(salvaged > 15_000 && whole > 2_000, `${salvaged} ${whole}`);
  assert(hopeless < salvaged / 20, `${hopeless} of ${salvaged} are hopeless`);
});

Deno.test("a directory whose files were all put out of the way tells nothing", async () => {
  const { files } = await replacedLog();
  const fileSystem = MemoryFileSystem.of(files);
  await setAside(fileSystem, "1");
  assertEquals(await salvage(fileSystem), null);
});

Deno.test("what was never acknowledged is no hole, and is suspect only without a witness", async () => {
  const torn = await withUnacknowledged(await buildShape(smallSize));
  const bytes = torn.files.get(torn.log) ?? new Uint8Array(0);
  for (const keepsWitness of [true, false]) {
    for (let length = torn.start + 1; length < bytes.length; length++) {
      const files = new Map([...torn.files, [torn.log, bytes.slice(0, length)]]);
      if (!keepsWitness) files.delete("witness");
      const found = await salvage(MemoryFileSystem.of(files));
      assert(found !== null, `cut at ${length}`);
      assertEquals([missingEntries(found), found.isTailSuspect], [[], !keepsWitness], `cut at ${length}`);
    }
  }
});

/** The damaged directory with what is missing filled in from the truth. */
async function filled(fileSystem: MemoryFileSystem, truth: Truth): Promise<Salvage> {
  const found = await salvage(fileSystem);
  assert(found !== null);
  for (const entry of truth.entries) {
    found.log.know(entry);
    found.entries.take(entry);
  }
  return found;
}

Deno.test("a crash before any operation of the patch leaves the damaged log or the patched one", async () => {
  const { files, truth } = await replacedLog();
  const [log = ""] = [...files.keys()].filter((name) => name.startsWith("wal-"));
  const bytes = (files.get(log) ?? new Uint8Array(0)).slice();
  bytes[300] = (bytes[300] ?? 0) ^ 1;
  const damaged = new Map([...files, [log, bytes]]);
  const outcomes = { damaged: 0, patched: 0 };
  const check = async (left: Map<string, Uint8Array>, what: string): Promise<void> => {
    try {
      await using storage = await openTiny(MemoryFileSystem.of(left));
      assertEquals([storage.initial.entries, storage.initial.hardState], [truth.entries, truth.hardState], what);
      outcomes.patched++;
    } catch (error) {
      assert(error instanceof StorageError && error.code === "corrupt", `${what}: ${error}`);
      await filled(MemoryFileSystem.of(left), truth);
      outcomes.damaged++;
    }
  };
  for (const keepsOld of [true, false]) {
    const fileSystem = MemoryFileSystem.of(damaged);
    const found = await filled(fileSystem, truth);
    const states: [string, Map<string, Uint8Array>][] = [];
    fileSystem.before = (operation, file) => {
      for (const share of [0, 0.5, 1]) {
        let at = 0;
        const survives = () => share === 1 || (share === 0.5 && at++ % 2 === 0);
        states.push([`before ${operation} of ${file}, ${share} survives`, fileSystem.afterPowerLoss(survives)]);
      }
    };
    await writePatchedLog(fileSystem, found, keepsOld);
    states.push(["afterwards", fileSystem.snapshot()]);
    for (const [what, left] of states) await check(left, what);
    const kept = [...fileSystem.snapshot().keys()].filter((name) => name.startsWith("damaged-"));
    assertEquals(kept.length > 0, keepsOld);
  }
  assert(outcomes.damaged > 6 && outcomes.patched > 6, JSON.stringify(outcomes));
});

Deno.test("logs agree as far as one term's entries reach in both, and no further", () => {
  const one = [{ term: 1, first: 1, last: 4 }, { term: 3, first: 5, last: 9 }];
  assertEquals(agreement(one, [{ term: 1, first: 1, last: 6 }]), 4);
  assertEquals(agreement(one, [{ term: 3, first: 7, last: 7 }]), 7);
  assertEquals(agreement(one, [{ term: 2, first: 5, last: 9 }]), 0);
  // An uncommitted entry that conflicts is not taken over, whoever has it.
  const own = KnownLog.of([{ term: 1, first: 1, last: 2 }, { term: 3, first: 5, last: 5 }], 5);
  const other = KnownLog.of([{ term: 1, first: 1, last: 3 }, { term: 2, first: 4, last: 5 }], 5);
  learnFromEachOther([own, other]);
  assertEquals([...own.terms.keys()].sort(), [1, 2, 5]);
  // A third log bridges what neither of two can tell.
  const bridge = KnownLog.of([{ term: 1, first: 1, last: 4 }, { term: 3, first: 5, last: 6 }], 5);
  learnFromEachOther([own, bridge]);
  assertEquals([...own.terms].sort(([a], [b]) => a - b), [[1, 1], [2, 1], [3, 1], [4, 1], [5, 3]]);
  // Whoever contradicts what is certain teaches nothing.
  const liar = KnownLog.of([{ term: 2, first: 1, last: 4 }, { term: 3, first: 5, last: 5 }], 5);
  assertEquals(own.learn(liar), false);
});
