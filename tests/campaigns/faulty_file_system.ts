/**
 * Real files, of which one operation fails: the n-th, whatever it is.
 *
 * @module
 */
import type { DirectoryLock, FileOptions, FileSystem, StorageFile } from "../../raft/storage/file_system.ts";
import { DenoFileSystem } from "../../raft/storage/deno_file_system.ts";

/** What the operating system says. */
export type Trouble = "EIO" | "ENOSPC";

/** Words of the errors, as Deno has them. */
const texts: Readonly<Record<Trouble, string>> = {
  EIO: "Input/output error (os error 5)",
  ENOSPC: "No space left on device (os error 28)",
};

/** See the module. */
export class FaultyFileSystem implements FileSystem {
  /** See {@link FileSystem.directory}. */
  readonly directory: string;
  /** The operation that failed, `write wal-….log`; empty as long as none has. */
  hit = "";
  readonly #real: DenoFileSystem;
  readonly #trouble: Trouble;
  #toPass: number;

  /** Operation number `failing` fails, counted from 1. */
  constructor(directory: string, failing: number, trouble: Trouble) {
    this.directory = directory;
    this.#real = new DenoFileSystem(directory);
    this.#toPass = failing;
    this.#trouble = trouble;
  }

  /** See {@link FileSystem.prepare}. */
  prepare(): Promise<void> {
    return this.#pass("prepare", "", () => this.#real.prepare());
  }

  /** See {@link FileSystem.lock}. */
  lock(): Promise<DirectoryLock> {
    return this.#real.lock();
  }

  /** See {@link FileSystem.list}. */
  list(): Promise<string[]> {
    return this.#pass("list", "", () => this.#real.list());
  }

  /** See {@link FileSystem.open}. */
  open(name: string, options: FileOptions = {}): Promise<StorageFile> {
    return this.#pass("open", name, async () => this.#wrap(name, await this.#real.open(name, options)));
  }

  /** See {@link FileSystem.rename}. */
  rename(from: string, to: string): Promise<void> {
    return this.#pass("rename", from, () => this.#real.rename(from, to));
  }

  /** See {@link FileSystem.remove}. */
  remove(name: string): Promise<void> {
    return this.#pass("remove", name, () => this.#real.remove(name));
  }

  /** See {@link FileSystem.syncDirectory}. */
  syncDirectory(): Promise<void> {
    return this.#pass("syncDirectory", "", () => this.#real.syncDirectory());
  }

  #wrap(name: string, file: StorageFile): StorageFile {
    return {
      size: () => this.#pass("size", name, () => file.size()),
      read: (offset, length) => this.#pass("read", name, () => file.read(offset, length)),
      write: (offset, bytes) =>
        // A part is written before the error.
        this.#pass("write", name, () =>
          file.write(offset, bytes), () =>
          file.write(offset, bytes.subarray(0, bytes.length >> 1))),
      truncate: (size) => this.#pass("truncate", name, () => file.truncate(size)),
      sync: () => this.#pass("sync", name, () => file.sync()),
      close: () => file.close(),
    };
  }

  async #pass<T>(
    operation: string,
    name: string,
    run: () => Promise<T>,
    before: () => Promise<void> = () => Promise.resolve(),
  ): Promise<T> {
    if (--this.#toPass !== 0) return await run();
    this.hit = `${operation} ${name}`;
    await before();
    throw new Error(texts[this.#trouble]);
  }
}
