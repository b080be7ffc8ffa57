/**
 * The {@link FileSystem} of a simulated process: one directory of its machine's disk.
 *
 * @module
 */
import type { DirectoryLock, FileSystem, StorageFile } from "../storage/file_system.ts";
import { StorageError } from "../storage/storage_error.ts";
import type { DiskDirectory } from "./disk_directory.ts";
import { diskError, type DiskFault } from "./disk_faults.ts";
import type { DiskFile } from "./disk_file.ts";
import type { Incarnation } from "./incarnation.ts";
import type { SimulatedDisk } from "./simulated_disk.ts";

/** Files below a directory of a simulated disk. */
export class SimulatedFileSystem implements FileSystem {
  /** See {@link FileSystem.directory}. */
  readonly directory: string;
  readonly #disk: SimulatedDisk;
  readonly #content: DiskDirectory;
  readonly #incarnation: Incarnation;

  /** The directory as a process sees it; its locks and answers end with the process. */
  constructor(disk: SimulatedDisk, directory: string, incarnation: Incarnation) {
    this.#disk = disk;
    this.directory = directory;
    this.#content = disk.directory(directory);
    this.#incarnation = incarnation;
  }

  /** See {@link FileSystem.prepare}. */
  prepare(): Promise<void> {
    return this.#metadata("", () => {
      this.#content.exists = true;
    });
  }

  /** See {@link FileSystem.lock}. */
  lock(): Promise<DirectoryLock> {
    return this.#metadata("", () => {
      const content = this.#content;
      const { label, processId } = this.#incarnation;
      if (content.lockedBy !== null) {
        throw new StorageError(
          "locked",
          `Cannot open data directory ${this.directory}: held by process ${content.lockedBy}. ` +
            `Stop that process or use another directory.`,
        );
      }
      content.lockedBy = `${processId} (${label})`;
      let isHeld = true;
      const release = (): void => {
        if (isHeld) content.lockedBy = null;
        isHeld = false;
      };
      this.#incarnation.onKill(release);
      return { [Symbol.dispose]: release };
    });
  }

  /** See {@link FileSystem.list}. */
  list(): Promise<string[]> {
    return this.#metadata("", () => this.#content.list());
  }

  /** See {@link FileSystem.open}. */
  open(name: string, options: { readonly create?: boolean } = {}): Promise<StorageFile> {
    return this.#metadata(name, () => {
      const existing = this.#content.find(name);
      if (options.create !== true) return this.#handle(name, existing ?? this.#missing(name));
      if (existing !== undefined) throw new Deno.errors.AlreadyExists(`File exists (os error 17): ${this.#path(name)}`);
      if (!this.#content.exists) this.#missing(name);
      return this.#handle(name, this.#content.create(name));
    });
  }

  /** See {@link FileSystem.rename}. */
  rename(from: string, to: string): Promise<void> {
    return this.#metadata(from, () => this.#content.rename(from, to, this.#content.find(from) ?? this.#missing(from)));
  }

  /** See {@link FileSystem.remove}. */
  remove(name: string): Promise<void> {
    return this.#metadata(name, () => {
      if (this.#content.find(name) === undefined) this.#missing(name);
      this.#content.remove(name);
    });
  }

  /** See {@link FileSystem.syncDirectory}. */
  syncDirectory(): Promise<void> {
    return this.#disk.operate(this.#incarnation, "syncDirectory", "", (fault) => {
      if (fault?.effect === "lost") return () => {};
      failOn(fault);
      return this.#content.beginSync();
    });
  }

  #handle(name: string, file: DiskFile): StorageFile {
    return new SimulatedFile(this.#disk, this.#incarnation, this.#path(name), name, file);
  }

  #metadata<T>(name: string, act: () => T): Promise<T> {
    return this.#disk.operate(this.#incarnation, "metadata", name, (fault) => {
      failOn(fault);
      const result = act();
      return () => result;
    });
  }

  #path(name: string): string {
    return `${this.directory}/${name}`;
  }

  #missing(name: string): never {
    throw new Deno.errors.NotFound(`No such file or directory (os error 2): ${this.#path(name)}`);
  }
}

/** An open file of a simulated disk. */
class SimulatedFile implements StorageFile {
  readonly #disk: SimulatedDisk;
  readonly #incarnation: Incarnation;
  readonly #path: string;
  readonly #name: string;
  readonly #file: DiskFile;
  #isClosed = false;

  constructor(disk: SimulatedDisk, incarnation: Incarnation, path: string, name: string, file: DiskFile) {
    this.#disk = disk;
    this.#incarnation = incarnation;
    this.#path = path;
    this.#name = name;
    this.#file = file;
  }

  size(): Promise<number> {
    return this.#disk.operate(this.#incarnation, "metadata", this.#name, (fault) => {
      this.#checkOpen();
      failOn(fault);
      return () => this.#file.size;
    });
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#disk.operate(this.#incarnation, "read", this.#name, (fault) => {
      this.#checkOpen();
      failOn(fault);
      const bytes = this.#file.read(offset, length);
      if (fault?.effect === "flip") this.#flip(bytes);
      return () => bytes;
    });
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#disk.operate(this.#incarnation, "write", this.#name, (fault) => {
      this.#checkOpen();
      this.#disk.traceBytes(bytes);
      this.#writeWith(fault, offset, bytes);
      return () => {};
    });
  }

  truncate(size: number): Promise<void> {
    return this.#disk.operate(this.#incarnation, "truncate", this.#name, (fault) => {
      this.#checkOpen();
      failOn(fault);
      if (size > this.#file.size && !this.#disk.hasRoomFor(size - this.#file.size)) throw diskError("ENOSPC");
      if (fault?.effect !== "lost") this.#file.truncate(size);
      return () => {};
    });
  }

  sync(): Promise<void> {
    return this.#disk.operate(this.#incarnation, "sync", this.#name, (fault) => {
      this.#checkOpen();
      if (fault?.effect === "lost") return () => {};
      if (fault !== null) {
        this.#file.dropUnsynced();
        failOn(fault);
      }
      return this.#file.beginSync();
    });
  }

  close(): void {
    this.#isClosed = true;
  }

  #writeWith(fault: DiskFault | null, offset: number, bytes: Uint8Array): void {
    const growth = offset + bytes.length - this.#file.size;
    if (growth > 0 && !this.#disk.hasRoomFor(growth)) {
      // As much as fits is written before the error.
      const fitting = Math.max(0, this.#file.size - offset);
      if (fitting > 0) this.#file.write(offset, bytes.subarray(0, fitting));
      throw diskError("ENOSPC");
    }
    switch (fault?.effect) {
      case "lost":
        return;
      case "short":
        this.#file.write(offset, bytes.subarray(0, this.#disk.draw(bytes.length)));
        throw diskError(fault.code ?? "EIO");
      case "misdirected":
        return this.#file.write(this.#disk.draw(this.#file.size + 1), bytes);
      case "flip": {
        const damaged = bytes.slice();
        this.#flip(damaged);
        return this.#file.write(offset, damaged);
      }
      case "error":
        throw diskError(fault.code ?? "EIO");
      case undefined:
        return this.#file.write(offset, bytes);
    }
  }

  #flip(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const at = this.#disk.draw(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << this.#disk.draw(8));
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new Deno.errors.BadResource(`Cannot use ${this.#path}: the file is closed`);
  }
}

function failOn(fault: DiskFault | null): void {
  if (fault?.effect === "error") throw diskError(fault.code ?? "EIO");
}
