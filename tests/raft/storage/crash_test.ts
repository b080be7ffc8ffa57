/**
 * A crash before every single file operation: of the process alone, and of the machine, which loses what was not synced.
 *
 * @module
 */
import { assert } from "@std/assert";
import { MemoryFileSystem, type Survives } from "./memory_file_system.ts";
import { found, openTiny, runWorkload } from "./full_run.ts";

type Files = Map<string, Uint8Array>;

/** Opens the directory, and fails unless the state is one of the right ones. */
async function check(fileSystem: MemoryFileSystem, right: readonly string[], at: string): Promise<void> {
  try {
    await using storage = await openTiny(fileSystem);
    const state = await found(storage);
    assert(right.includes(state), `found ${state}, right would be ${right.join(" or ")}`);
  } catch (error) {
    throw new Error(`${at}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

Deno.test("after a crash of the process before any file operation, everything acknowledged is found", async () => {
  const fileSystem = new MemoryFileSystem();
  const crashes: { readonly files: Files; readonly right: readonly string[]; readonly at: string }[] = [];
  await runWorkload(fileSystem, (right, operation, file) => {
    crashes.push({
      files: fileSystem.snapshot(),
      right,
      at: `crash ${crashes.length}, before ${operation} of ${file}`,
    });
  });
  assert(crashes.length > 120, `${crashes.length} crash points`);
  for (const { files, right, at } of crashes) {
    const copy = MemoryFileSystem.of(files);
    await check(copy, right, at);
    await check(copy, right, `${at}, opened twice`);
    // And again for a crash while that crash was being dealt with.
    const second: Files[] = [];
    const recovering = MemoryFileSystem.of(files);
    recovering.before = () => second.push(recovering.snapshot());
    await (await openTiny(recovering))[Symbol.asyncDispose]();
    for (const again of second) {
      await check(MemoryFileSystem.of(again), right, `${at}, then in recovery`);
    }
  }
});

Deno.test("a failed operation stops the storage for good, and everything acknowledged is found", async () => {
  let failures = 0;
  for (let failing = 0;; failing++) {
    const fileSystem = new MemoryFileSystem();
    let operations = 0;
    let right: readonly string[] = [];
    try {
      right = await runWorkload(fileSystem, (_, operation, file) => {
        if (operations++ === failing) throw new Error(`input/output error at ${operation} of ${file}`);
      });
    } catch (error) {
      // The opening itself, or the flush of the witness on closing.
      assert(error instanceof Error && /input\/output error/.test(error.message), String(error));
      failures++;
      continue;
    }
    fileSystem.before = () => {};
    await check(fileSystem, right, `failure at operation ${failing}`);
    if (operations <= failing) break;
    failures++;
  }
  assert(failures > 120, `${failures} failures`);
});

/** Numbers in [0, 1) from a seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Ways of losing power: nothing, everything, a prefix, or any subset of what was not synced survives. */
function waysToLosePower(seed: number): { readonly name: string; readonly survives: Survives }[] {
  const ways: { readonly name: string; readonly survives: Survives }[] = [
    { name: "nothing unsynced survives", survives: () => false },
    { name: "everything survives", survives: () => true },
    { name: "names survive", survives: (kind) => kind === "name" },
    { name: "bytes survive", survives: (kind) => kind !== "name" },
  ];
  for (let way = 0; way < 6; way++) {
    const random = seeded(seed * 1000 + way);
    const share = random();
    ways.push({ name: `a subset survives, seed ${seed}/${way}`, survives: () => random() < share });
    let left = Math.floor(random() * 8);
    ways.push({ name: `a prefix survives, seed ${seed}/${way}`, survives: () => left-- > 0 });
  }
  return ways;
}

Deno.test("after a loss of power before any file operation, everything acknowledged is found, without an operator", async () => {
  const fileSystem = new MemoryFileSystem();
  const crashes: { readonly files: Files; readonly right: readonly string[]; readonly at: string }[] = [];
  let points = 0;
  await runWorkload(fileSystem, (right, operation, file) => {
    points++;
    for (const { name, survives } of waysToLosePower(points)) {
      const at = `crash ${points}, before ${operation} of ${file}, ${name}`;
      crashes.push({ files: fileSystem.afterPowerLoss(survives), right, at });
    }
  });
  let states = crashes.length;
  for (const [slot, { files, right, at }] of crashes.entries()) {
    const copy = MemoryFileSystem.of(files);
    const again: Files[] = [];
    // Power is lost once more at one point of every recovery, each time at another.
    let until = slot % 17;
    copy.before = () => {
      if (until-- === 0) again.push(...waysToLosePower(slot).map(({ survives }) => copy.afterPowerLoss(survives)));
    };
    await check(copy, right, at);
    states += again.length;
    for (const second of again) await check(MemoryFileSystem.of(second), right, `${at}, and again in recovery`);
  }
  console.log(`${states} crash states from ${points} crash points`);
  assert(points > 120);
});
