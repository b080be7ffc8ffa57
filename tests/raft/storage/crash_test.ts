/**
 * A crash before every single file operation: of the process alone, and of the machine, which loses what was not synced.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { checkState, runCrashStates } from "./crash_run.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { openTiny, runWorkload } from "./full_run.ts";

type Files = Map<string, Uint8Array>;

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
    await checkState(copy, right, at);
    await checkState(copy, right, `${at}, opened twice`);
    // And again for a crash while that crash was being dealt with.
    const second: Files[] = [];
    const recovering = MemoryFileSystem.of(files);
    recovering.before = () => second.push(recovering.snapshot());
    await (await openTiny(recovering))[Symbol.asyncDispose]();
    for (const again of second) {
      await checkState(MemoryFileSystem.of(again), right, `${at}, then in recovery`);
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
    await checkState(fileSystem, right, `failure at operation ${failing}`);
    if (operations <= failing) break;
    failures++;
  }
  assert(failures > 120, `${failures} failures`);
});

Deno.test("after a loss of power before any file operation, everything acknowledged is found, without an operator", async () => {
  const { points, states, violations } = await runCrashStates({ index: 0, count: 1 }, 3);
  console.log(`${states} crash states from ${points} crash points`);
  assertEquals(violations, []);
  assert(points > 120 && states > 10_000, `${states} states from ${points} points`);
});
