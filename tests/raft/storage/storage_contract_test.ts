/**
 * The storage contract on every implementation.
 *
 * @module
 */
import { realClock } from "../../../raft/node/clock.ts";
import { DenoFileSystem } from "../../../raft/storage/deno_file_system.ts";
import { FileStorage } from "../../../raft/storage/file_storage.ts";
import { MemoryStorage } from "../../../raft/storage/memory_storage.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { configuration, stillClock } from "./samples.ts";
import { storageContract } from "./storage_contract.ts";

const identity = { clusterId: "balsa", nodeId: "n1", initialConfiguration: configuration };

storageContract("FileStorage on a real disk", async () => {
  const directory = await Deno.makeTempDir();
  return {
    durable: true,
    open: () => FileStorage.open({ ...identity, fileSystem: new DenoFileSystem(directory), clock: realClock }),
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
});

storageContract("FileStorage in memory", () => {
  const fileSystem = new MemoryFileSystem();
  return Promise.resolve({
    durable: true,
    open: () => FileStorage.open({ ...identity, fileSystem, clock: stillClock }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

storageContract("FileStorage with tiny segments", () => {
  const fileSystem = new MemoryFileSystem();
  const walLimits = { segmentBytes: 300, minimumSegmentBytes: 100 };
  return Promise.resolve({
    durable: true,
    open: () => FileStorage.open({ ...identity, fileSystem, clock: stillClock, walLimits }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

storageContract("MemoryStorage", () =>
  Promise.resolve({
    durable: false,
    open: () => Promise.resolve(MemoryStorage.create({ initialConfiguration: configuration })),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }));
