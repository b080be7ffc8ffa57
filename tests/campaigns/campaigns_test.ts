/**
 * A small share of `deno task kill-campaign`, for every change.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { runCrashCampaign } from "./crash_campaign.ts";
import { runIoCampaign } from "./io_campaign.ts";
import { UnsyncedFileSystem } from "./unsynced_file_system.ts";

Deno.test("8 kills under load: nothing acknowledged is lost, and the history is linearizable", async () => {
  const { acknowledged, problems } = await runCrashCampaign({ kills: 8, powerLosses: 0, seed: 1 });
  assertEquals(problems, []);
  assert(acknowledged > 100, `only ${acknowledged} writes`);
});

Deno.test("2 power losses of the whole cluster: nothing acknowledged is lost, and the history is linearizable", async () => {
  const { acknowledged, problems } = await runCrashCampaign({ kills: 0, powerLosses: 2, seed: 1 });
  assertEquals(problems, []);
  assert(acknowledged > 40, `only ${acknowledged} writes`);
});

Deno.test("EIO and ENOSPC at every 37th of the first 500 file operations: it stops or goes on, and nothing is lost", async () => {
  const { injected, stopped, survived, problems } = await runIoCampaign({ from: 3, to: 500, step: 37 });
  assertEquals(problems, []);
  assert(injected === 28 && stopped > 0 && survived > 0, `${injected}, ${stopped}, ${survived}`);
});

Deno.test("what was not synced is gone with the process, what was is there", async () => {
  const directory = await Deno.makeTempDir({ prefix: "balsa-unsynced-" });
  try {
    const open = async (): Promise<UnsyncedFileSystem> => {
      const fileSystem = new UnsyncedFileSystem(directory);
      await fileSystem.prepare();
      return fileSystem;
    };
    const text = async (name: string): Promise<string> => {
      const file = await (await open()).open(name);
      return new TextDecoder().decode(await file.read(0, 100));
    };
    const first = await open();
    const file = await first.open("a", { create: true });
    await file.write(0, new TextEncoder().encode("synced"));
    await file.sync();
    assertEquals(await (await open()).list(), ["lock"]);
    await first.syncDirectory();
    assertEquals(await text("a"), "synced");
    await file.write(3, new TextEncoder().encode("chronized"));
    await first.rename("a", "b");
    assertEquals([await (await open()).list(), await text("a")], [["a", "lock"], "synced"]);
    await file.sync();
    assertEquals(await text("a"), "synchronized");
    await file.truncate(4);
    await first.syncDirectory();
    assertEquals([await (await open()).list(), await text("b")], [["b", "lock"], "synchronized"]);
    await file.sync();
    assertEquals(await text("b"), "sync");
    await first.remove("b");
    assertEquals(await text("b"), "sync");
    await first.syncDirectory();
    assertEquals(await (await open()).list(), ["lock"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
