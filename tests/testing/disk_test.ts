/**
 * What a simulated disk keeps and loses when processes and machines die, and how it fails on demand.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { FileSystem } from "../../raft/storage/file_system.ts";
import { type CrashPolicy, instantDiskProfile, type SimulatedProcess, Simulation } from "../../raft/testing/mod.ts";

const directory = "/data";

function bytesOf(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}

/** A fresh disk, and a function that runs on it. */
function world(seed: number | string, latent = false): {
  simulation: Simulation;
  process: SimulatedProcess;
  files(): FileSystem;
} {
  const simulation = new Simulation({ seed, ...(latent ? {} : { disk: instantDiskProfile }) });
  const process = simulation.process("n1");
  return { simulation, process, files: () => process.start().fileSystem(directory) };
}

/** Writes `synced` and syncs it, then writes `unsynced` behind it, and lets the power fail. */
async function crashAfterWrite(seed: number, disk: CrashPolicy): Promise<Uint8Array> {
  const { simulation, process, files } = world(seed);
  await simulation.run(async () => {
    const fileSystem = files();
    await fileSystem.prepare();
    const file = await fileSystem.open("log", { create: true });
    await fileSystem.syncDirectory();
    await file.write(0, bytesOf(700, 1));
    await file.sync();
    await file.write(700, bytesOf(2_000, 2));
    await file.write(100, bytesOf(10, 3));
  });
  process.kill({ kind: "power", disk });
  return process.disk.bytes(directory, "log");
}

Deno.test("a killed process loses nothing of what it wrote, synced or not", async () => {
  const { simulation, process, files } = world(1);
  await simulation.run(async () => {
    const fileSystem = files();
    await fileSystem.prepare();
    await (await fileSystem.open("log", { create: true })).write(0, bytesOf(10, 1));
  });
  process.kill({ kind: "process" });
  assertEquals(process.disk.bytes(directory, "log"), bytesOf(10, 1));
});

Deno.test("reads take as long as everything that the page cache serves, or as long as is said of them", async () => {
  const { simulation, process, files } = world(1);
  const { disk } = process;
  const instant = { minMs: 0, maxMs: 0 };
  await simulation.run(async () => {
    const fileSystem = files();
    await fileSystem.prepare();
    const file = await fileSystem.open("log", { create: true });
    const timed = async (operation: Promise<unknown>): Promise<number> => {
      const startedMs = simulation.nowMs;
      await operation;
      return simulation.nowMs - startedMs;
    };
    disk.profile = { ...instantDiskProfile, cached: { minMs: 3, maxMs: 3 } };
    assertEquals(await timed(file.write(0, bytesOf(10, 1))), 3);
    assertEquals(await timed(file.read(0, 10)), 3);
    disk.profile = { ...instantDiskProfile, cached: instant, read: { minMs: 70, maxMs: 70 } };
    assertEquals(await timed(file.write(0, bytesOf(10, 1))), 0);
    assertEquals(await timed(file.read(0, 10)), 70);
    assertEquals(await timed(file.sync()), 0);
  });
});

Deno.test("at a power failure what was synced survives, and what was not survives as the policy says", async () => {
  const synced = bytesOf(700, 1);
  assertEquals(await crashAfterWrite(1, "none"), synced);
  const all = new Uint8Array([...synced, ...bytesOf(2_000, 2)]);
  all.fill(3, 100, 110);
  assertEquals(await crashAfterWrite(1, "all"), all);
  const outcomes = { whole: 0, nothing: 0, torn: 0, overwritten: 0 };
  for (const policy of ["prefix", "random"] as const) {
    for (let seed = 0; seed < 100; seed++) {
      const left = await crashAfterWrite(seed, policy);
      // The overwrite of synced bytes may have happened; nothing else of them may have changed.
      const restored = left.slice(0, 700);
      for (let at = 100; at < 110; at++) if (restored[at] === 3) restored[at] = 1;
      assertEquals(restored, synced, `seed ${seed}, ${policy}`);
      if (left[100] === 3) outcomes.overwritten++;
      const rest = left.slice(700);
      if (rest.length === 0) outcomes.nothing++;
      else if (rest.length === 2_000 && rest.every((byte) => byte === 2)) outcomes.whole++;
      else outcomes.torn++;
    }
  }
  for (const [outcome, count] of Object.entries(outcomes)) {
    assert(count >= 10, `${outcome} came up ${count} times only`);
  }
});

Deno.test("names created, renamed and removed are in doubt until the directory is synced", async () => {
  const seen = new Map<string, number>();
  for (let seed = 0; seed < 60; seed++) {
    const { simulation, process, files } = world(seed);
    await simulation.run(async () => {
      const fileSystem = files();
      await fileSystem.prepare();
      for (const [name, value] of [["old", 1], ["doomed", 2], ["fresh", 3]] as const) {
        const file = await fileSystem.open(name, { create: true });
        await file.write(0, bytesOf(4, value));
        await file.sync();
      }
      await fileSystem.syncDirectory();
      await fileSystem.rename("fresh", "old");
      await fileSystem.remove("doomed");
    });
    process.kill({ kind: "power", disk: "random" });
    const names = process.disk.list(directory).join();
    const content = process.disk.bytes(directory, "old")[0];
    assert(content === 1 || content === 3);
    assertEquals(names.includes("fresh"), content === 1, "a rename is atomic");
    seen.set(`${names}:${content}`, (seen.get(`${names}:${content}`) ?? 0) + 1);
  }
  assertEquals([...seen.keys()].sort(), ["doomed,fresh,old:1", "doomed,old:3", "fresh,old:1", "old:3"]);
});

Deno.test("a file whose name was not synced is lost with its synced contents", async () => {
  const { simulation, process, files } = world(1);
  await simulation.run(async () => {
    const fileSystem = files();
    await fileSystem.prepare();
    const file = await fileSystem.open("log", { create: true });
    await file.write(0, bytesOf(10, 1));
    await file.sync();
  });
  process.kill({ kind: "power", disk: "none" });
  assertEquals(process.disk.list(directory), []);
});

Deno.test("directory syncs that overlap cover what each of them saw", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const { simulation, process, files } = world(seed, true);
    await simulation.run(async () => {
      const fileSystem = files();
      await fileSystem.prepare();
      const syncs: Promise<void>[] = [];
      for (let index = 0; index < 5; index++) {
        await fileSystem.open(`f${index}`, { create: true });
        syncs.push(fileSystem.syncDirectory());
      }
      await Promise.all(syncs);
    });
    process.kill({ kind: "power", disk: "none" });
    assertEquals(process.disk.list(directory).length, 5);
  }
});

Deno.test("a name that was made while the directory was being synced is in doubt, not gone", async () => {
  const { simulation, process, files } = world(1, true);
  await simulation.run(async () => {
    const fileSystem = files();
    await fileSystem.prepare();
    await fileSystem.open("a", { create: true });
    const syncing = fileSystem.syncDirectory();
    await fileSystem.open("b", { create: true });
    await syncing;
  });
  process.kill({ kind: "power", disk: "all" });
  assertEquals(process.disk.list(directory), ["a", "b"]);
});

Deno.test("names that were synced are in doubt no more", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const { simulation, process, files } = world(seed);
    await simulation.run(async () => {
      const fileSystem = files();
      await fileSystem.prepare();
      for (const name of ["a", "b", "c"]) await fileSystem.open(name, { create: true });
      await fileSystem.rename("a", "d");
      await fileSystem.remove("b");
      await fileSystem.syncDirectory();
    });
    process.kill({ kind: "power", disk: "random" });
    assertEquals(process.disk.list(directory), ["c", "d"]);
  }
});

Deno.test("a sync makes durable what was written before it, not what was written while it ran", async () => {
  const { simulation, process, files } = world(1, true);
  await simulation.run(async () => {
    const fileSystem = files();
    await fileSystem.prepare();
    const file = await fileSystem.open("log", { create: true });
    await fileSystem.syncDirectory();
    await file.write(0, bytesOf(10, 1));
    const syncing = file.sync();
    await file.write(10, bytesOf(10, 2));
    await syncing;
  });
  process.kill({ kind: "power", disk: "none" });
  assertEquals(process.disk.bytes(directory, "log"), bytesOf(10, 1));
});

Deno.test("a sync that was under way when the power failed promises nothing afterwards", async () => {
  const { simulation, process, files } = world(1, true);
  await simulation.run(async () => {
    const fileSystem = files();
    await fileSystem.prepare();
    const file = await fileSystem.open("log", { create: true });
    await fileSystem.syncDirectory();
    await file.write(0, bytesOf(10, 1));
    file.sync();
  });
  process.kill({ kind: "power", disk: "none" });
  const fileSystem = process.start().fileSystem(directory);
  await simulation.run(async () => {
    const file = await fileSystem.open("log");
    await file.write(0, bytesOf(5, 2));
    await simulation.sleep(10);
  });
  process.kill({ kind: "power", disk: "none" });
  assertEquals(process.disk.bytes(directory, "log"), new Uint8Array(0));
});

Deno.test("after a failed sync, what it should have written is gone at the next power failure, retried or not", async () => {
  const { simulation, process, files } = world(1);
  await simulation.run(async () => {
    const fileSystem = files();
    await fileSystem.prepare();
    const file = await fileSystem.open("log", { create: true });
    await fileSystem.syncDirectory();
    await file.write(0, bytesOf(10, 1));
    process.disk.inject({ operation: "sync", effect: "error", name: /^log$/ });
    await assertRejects(() => file.sync(), Error, "os error 5");
    assertEquals(await file.read(0, 20), bytesOf(10, 1), "the page cache still has it");
    await file.sync();
  });
  process.kill({ kind: "power", disk: "all" });
  assertEquals(process.disk.bytes(directory, "log"), new Uint8Array(0));
});

Deno.test("what is written and synced after a failed sync is durable, and what it overwrote is lost no more", async () => {
  const { simulation, process, files } = world(1);
  await simulation.run(async () => {
    const fileSystem = files();
    await fileSystem.prepare();
    const file = await fileSystem.open("log", { create: true });
    await fileSystem.syncDirectory();
    await file.write(0, bytesOf(2, 9));
    await file.sync();
    await file.write(1, bytesOf(10, 1));
    process.disk.inject({ operation: "sync", effect: "error", name: /^log$/ });
    await assertRejects(() => file.sync(), Error, "os error 5");
    await file.write(4, bytesOf(3, 2));
    await file.write(11, bytesOf(2, 3));
    await file.sync();
  });
  process.kill({ kind: "power", disk: "none" });
  assertEquals(process.disk.bytes(directory, "log"), new Uint8Array([9, 9, 0, 0, 2, 2, 2, 0, 0, 0, 0, 3, 3]));
});

Deno.test("a full disk takes what fits and refuses the rest; space that is freed can be used again", async () => {
  const simulation = new Simulation({ seed: 1, disk: { ...instantDiskProfile, capacityBytes: 100 } });
  const process = simulation.process("n1");
  await simulation.run(async () => {
    const fileSystem = process.start().fileSystem(directory);
    await fileSystem.prepare();
    const file = await fileSystem.open("a", { create: true });
    await file.write(0, bytesOf(90, 1));
    await assertRejects(() => file.write(85, bytesOf(20, 2)), Error, "os error 28");
    assertEquals((await file.read(0, 200)).length, 90);
    await file.write(50, bytesOf(40, 3));
    await fileSystem.remove("a");
    const other = await fileSystem.open("b", { create: true });
    await other.write(0, bytesOf(100, 4));
  });
});

Deno.test("faults strike the operation they are meant for: short, lost, misdirected, flipped", async () => {
  const { simulation, process, files } = world(1);
  await simulation.run(async () => {
    const fileSystem = files();
    await fileSystem.prepare();
    const file = await fileSystem.open("log", { create: true });
    await file.write(0, bytesOf(1_000, 1));
    process.disk.inject({ operation: "write", effect: "short", skip: 1 });
    await file.write(0, bytesOf(1_000, 2));
    await assertRejects(() => file.write(0, bytesOf(1_000, 3)), Error, "os error 5");
    const partly = await file.read(0, 1_000);
    assert(partly.includes(2) && !partly.includes(1));
    process.disk.inject({ operation: "write", effect: "lost" });
    await file.write(0, bytesOf(1_000, 4));
    assertEquals(await file.read(0, 1_000), partly);
    process.disk.inject({ operation: "write", effect: "misdirected" });
    await file.write(0, bytesOf(1, 5));
    const at = (await file.read(0, 1_001)).indexOf(5);
    assert(at > 0, `misdirected to ${at}`);
    process.disk.inject({ operation: "read", effect: "flip" });
    const [damaged, whole] = [await file.read(0, 100), await file.read(0, 100)];
    assertEquals(damaged.filter((byte, index) => byte !== whole[index]).length, 1);
    process.disk.flipBit(directory, "log", 7, 3);
    assertEquals((await file.read(7, 1))[0], (whole[7] ?? 0) ^ 8);
    assertEquals(process.disk.faults.hits, 4);
  });
});

Deno.test("a process killed by an observer before or after an operation never hears of its end", async () => {
  for (const operation of ["write", "sync"] as const) {
    for (const phase of ["before", "after"] as const) {
      const { simulation, process, files } = world(1, true);
      let heard = false;
      const fileSystem = files();
      process.disk.observer = (event) => {
        if (event.operation === operation && event.phase === phase) process.kill({ kind: "process" });
      };
      await simulation.run(async () => {
        await fileSystem.prepare();
        const file = await fileSystem.open("log", { create: true });
        const written = file.write(0, bytesOf(10, 1));
        if (operation === "sync") await written;
        const end = operation === "sync" ? file.sync() : written;
        end.finally(() => heard = true);
        await simulation.sleep(100);
      });
      assert(!heard && !process.isAlive);
      const isWritten = operation === "sync" || phase === "after";
      assertEquals(process.disk.bytes(directory, "log").length, isWritten ? 10 : 0);
    }
  }
});

Deno.test("a paused process hears of the end of its operations when it is resumed", async () => {
  const { simulation, process, files } = world(1, true);
  let heardMs = 0;
  const fileSystem = files();
  await simulation.run(async () => {
    await fileSystem.prepare();
    fileSystem.syncDirectory().then(() => heardMs = simulation.nowMs);
    process.pause();
    await simulation.sleep(100);
    process.resume();
    await simulation.sleep(1);
  });
  assertEquals(heardMs, 100);
});

Deno.test("the lock names its holder, and ends with it", async () => {
  const { simulation, process, files } = world(1);
  const fileSystem = files();
  await simulation.run(async () => {
    await fileSystem.prepare();
    await fileSystem.lock();
    await assertRejects(() => fileSystem.lock(), Error, "held by process 1001 (n1#1)");
  });
  process.kill();
  await simulation.run(async () => {
    await process.start().fileSystem(directory).lock();
  });
});

Deno.test("a disk can be rolled back to an older image", async () => {
  const { simulation, process, files } = world(1);
  await simulation.run(async () => {
    const fileSystem = files();
    await fileSystem.prepare();
    const file = await fileSystem.open("log", { create: true });
    await file.write(0, bytesOf(10, 1));
    const backup = process.disk.image(directory);
    await file.write(0, bytesOf(10, 2));
    process.kill();
    process.disk.restore(directory, backup);
  }, { timeoutMs: 10 });
  assertEquals(process.disk.bytes(directory, "log"), bytesOf(10, 1));
});
