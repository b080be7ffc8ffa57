/**
 * The file system contract on the implementations that storage and its tests bring along.
 *
 * @module
 */
import { DenoFileSystem } from "../../../raft/storage/deno_file_system.ts";
import { fileSystemContract } from "./file_system_contract.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

fileSystemContract("DenoFileSystem", async () => {
  const parent = await Deno.makeTempDir();
  const directory = `${parent}/data/n1`;
  return {
    fileSystem: new DenoFileSystem(directory),
    second: new DenoFileSystem(directory),
    [Symbol.asyncDispose]: () => Deno.remove(parent, { recursive: true }),
  };
});

fileSystemContract("MemoryFileSystem", () => {
  const fileSystem = new MemoryFileSystem();
  return Promise.resolve({ fileSystem, second: fileSystem, [Symbol.asyncDispose]: () => Promise.resolve() });
});
