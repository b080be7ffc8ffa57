/**
 * What only a real directory shows: modes, permissions, other processes.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { realClock } from "../../../raft/node/clock.ts";
import { DenoFileSystem } from "../../../raft/storage/deno_file_system.ts";
import { FileStorage } from "../../../raft/storage/file_storage.ts";
import { StorageError } from "../../../raft/storage/storage_error.ts";
import { batch, commands, configuration, inChunks, pattern, snapshotAt } from "./samples.ts";

const identity = { clusterId: "balsa", nodeId: "n1", initialConfiguration: configuration, clock: realClock };

function open(directory: string): Promise<FileStorage> {
  return FileStorage.open({ ...identity, fileSystem: new DenoFileSystem(directory) });
}

async function withDirectory(run: (parent: string) => Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir();
  try {
    await run(parent);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

Deno.test({
  name: "the directory is for its owner only, and so is every file",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withDirectory(async (parent) => {
      await using storage = await open(`${parent}/data/n1`);
      await storage.write(batch(commands(1, 3, 1)));
      await storage.saveSnapshot(snapshotAt(2, 1), inChunks(pattern(10), 10));
      assertEquals(((await Deno.stat(`${parent}/data/n1`)).mode ?? 0) & 0o777, 0o700);
      for await (const { name } of Deno.readDir(`${parent}/data/n1`)) {
        assertEquals(((await Deno.stat(`${parent}/data/n1/${name}`)).mode ?? 0) & 0o777, 0o600, name);
      }
    }),
});

Deno.test("a directory that is open in this process is refused, and free again after closing", () =>
  withDirectory(async (parent) => {
    const first = await open(parent);
    const error = await assertRejects(
      () => open(parent),
      StorageError,
      `Cannot open data directory ${parent}: held by process ${Deno.pid}`,
    );
    assert(error instanceof StorageError && error.code === "locked");
    await first[Symbol.asyncDispose]();
    await (await open(parent))[Symbol.asyncDispose]();
  }));

Deno.test("a directory that another process holds is refused by its name, and free once that was killed", () =>
  withDirectory(async (parent) => {
    const script = `${parent}/hold.ts`;
    const source = import.meta.resolve("../../../raft/storage/deno_file_system.ts");
    await Deno.writeTextFile(
      script,
      `import { DenoFileSystem } from ${JSON.stringify(source)};
       const fileSystem = new DenoFileSystem(${JSON.stringify(`${parent}/n1`)});
       await fileSystem.prepare();
       await fileSystem.lock();
       console.log("held");
       setInterval(() => {}, 1000);`,
    );
    const holder = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", "-A", script],
      stdout: "piped",
    }).spawn();
    try {
      const reader = holder.stdout.getReader();
      assertEquals(new TextDecoder().decode((await reader.read()).value), "held\n");
      await reader.cancel();
      await assertRejects(() => open(`${parent}/n1`), StorageError, `held by process ${holder.pid}`);
    } finally {
      holder.kill("SIGKILL");
      await holder.status;
    }
    await (await open(`${parent}/n1`))[Symbol.asyncDispose]();
  }));

Deno.test("a directory that cannot be written says so", () =>
  withDirectory(async (parent) => {
    await Deno.writeTextFile(`${parent}/file`, "not a directory");
    const error = await assertRejects(
      () => open(`${parent}/file/n1`),
      StorageError,
      `Cannot write to data directory ${parent}/file/n1`,
    );
    assert(error instanceof StorageError && error.code === "io");
  }));
