/**
 * A file system in memory, for tests that open thousands of damaged or half-written copies of a directory. It knows what
 * an fsync has made durable, so that it can lose power.
 *
 * @module
 */
import type { DirectoryLock, FileSystem, StorageFile } from "../../../raft/storage/file_system.ts";

/** A file, shared by all who have it open, also after its name is gone. */
interface Content {
  bytes: Uint8Array;
  /** The bytes as of the last fsync. */
  durable: Uint8Array;
  /** What was done since, in order. */
  unsynced: Change[];
}

type Change =
  | { readonly kind: "write"; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly size: number };

/** A change of the directory since it was last made durable. */
type NameChange =
  | { readonly kind: "create"; readonly name: string; readonly content: Content }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "remove"; readonly name: string };

/** What a test may make fail. */
export type FileOperation = "write" | "sync" | "syncDirectory" | "rename" | "remove" | "open" | "truncate";

/** Decides whether one unsynced piece (a sector, a truncation, a change of the directory) survives a loss of power. */
export type Survives = (kind: "sector" | "truncate" | "name") => boolean;

const sectorBytes = 512;

function resized(bytes: Uint8Array, size: number): Uint8Array {
  const result = new Uint8Array(size);
  result.set(bytes.subarray(0, size));
  return result;
}

function written(bytes: Uint8Array, offset: number, part: Uint8Array): Uint8Array {
  const result = resized(bytes, Math.max(bytes.length, offset + part.length));
  result.set(part, offset);
  return result;
}

class MemoryFile implements StorageFile {
  readonly #content: Content;
  readonly #name: string;
  readonly #hook: (operation: FileOperation, name: string) => void;
  #open = true;

  constructor(content: Content, name: string, hook: (operation: FileOperation, name: string) => void) {
    this.#content = content;
    this.#name = name;
    this.#hook = hook;
  }

  size(): Promise<number> {
    return this.#run(() => this.#content.bytes.length);
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#run(() => this.#content.bytes.slice(offset, offset + length));
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#run(() => {
      this.#hook("write", this.#name);
      this.#content.bytes = written(this.#content.bytes, offset, bytes);
      this.#content.unsynced.push({ kind: "write", offset, bytes: bytes.slice() });
    });
  }

  truncate(size: number): Promise<void> {
    return this.#run(() => {
      this.#hook("truncate", this.#name);
      this.#content.bytes = resized(this.#content.bytes, size);
      this.#content.unsynced.push({ kind: "truncate", size });
    });
  }

  sync(): Promise<void> {
    return this.#run(() => {
      this.#hook("sync", this.#name);
      this.#content.durable = this.#content.bytes.slice();
      this.#content.unsynced = [];
    });
  }

  close(): void {
    if (!this.#open) throw new Error("closed twice");
    this.#open = false;
  }

  async #run<T>(run: () => T): Promise<T> {
    await Promise.resolve();
    if (!this.#open) throw new Error("the file is closed");
    return run();
  }
}

/** Files in memory. */
export class MemoryFileSystem implements FileSystem {
  readonly directory = "memory";
  /** Called before each operation; throws to make it fail. */
  before: (operation: FileOperation, name: string) => void = () => {};
  #files = new Map<string, Content>();
  #durableFiles = new Map<string, Content>();
  #unsynced: NameChange[] = [];
  #locked = false;

  /** Names and bytes of all files, as a crash of the process alone leaves them: copies. */
  snapshot(): Map<string, Uint8Array> {
    return new Map([...this.#files].map(([name, { bytes }]) => [name, bytes.slice()]));
  }

  /** Names and bytes of all files as a loss of power leaves them: what was synced, and of the rest what survives. */
  afterPowerLoss(survives: Survives): Map<string, Uint8Array> {
    const names = new Map(this.#durableFiles);
    for (const change of this.#unsynced) {
      if (!survives("name")) continue;
      if (change.kind === "create") names.set(change.name, change.content);
      if (change.kind === "remove") names.delete(change.name);
      if (change.kind === "rename") {
        const content = names.get(change.from);
        if (content !== undefined) names.set(change.to, content);
        names.delete(change.from);
      }
    }
    return new Map([...names].map(([name, content]) => [name, survivingBytes(content, survives)]));
  }

  /** A file system with these files, durable copies. */
  static of(files: ReadonlyMap<string, Uint8Array>): MemoryFileSystem {
    const fileSystem = new MemoryFileSystem();
    for (const [name, bytes] of files) {
      fileSystem.#files.set(name, { bytes: bytes.slice(), durable: bytes.slice(), unsynced: [] });
    }
    fileSystem.#durableFiles = new Map(fileSystem.#files);
    return fileSystem;
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  lock(): Promise<DirectoryLock> {
    if (this.#locked) return Promise.reject(new Error("Cannot open data directory memory: held by process 1"));
    this.#locked = true;
    return Promise.resolve({ [Symbol.dispose]: () => void (this.#locked = false) });
  }

  list(): Promise<string[]> {
    return Promise.resolve([...this.#files.keys()].sort());
  }

  async open(name: string, options: { readonly create?: boolean } = {}): Promise<StorageFile> {
    await Promise.resolve();
    this.before("open", name);
    const found = this.#files.get(name);
    if ((found !== undefined) === (options.create === true)) {
      throw new Error(`${name}: ${found === undefined ? "no such file" : "file exists"}`);
    }
    const content = found ?? { bytes: new Uint8Array(0), durable: new Uint8Array(0), unsynced: [] };
    if (found === undefined) {
      this.#files.set(name, content);
      this.#unsynced.push({ kind: "create", name, content });
    }
    return new MemoryFile(content, name, (operation, file) => this.before(operation, file));
  }

  async rename(from: string, to: string): Promise<void> {
    await Promise.resolve();
    this.before("rename", from);
    const content = this.#files.get(from);
    if (content === undefined) throw new Error(`${from}: no such file`);
    this.#files.delete(from);
    this.#files.set(to, content);
    this.#unsynced.push({ kind: "rename", from, to });
  }

  async remove(name: string): Promise<void> {
    await Promise.resolve();
    this.before("remove", name);
    if (!this.#files.delete(name)) throw new Error(`${name}: no such file`);
    this.#unsynced.push({ kind: "remove", name });
  }

  async syncDirectory(): Promise<void> {
    await Promise.resolve();
    this.before("syncDirectory", this.directory);
    this.#durableFiles = new Map(this.#files);
    this.#unsynced = [];
  }
}

/** A file's durable bytes with those sectors of unsynced writes, and those truncations, that survive. */
function survivingBytes(content: Content, survives: Survives): Uint8Array {
  let bytes: Uint8Array = content.durable.slice();
  for (const change of content.unsynced) {
    if (change.kind === "truncate") {
      if (survives("truncate")) bytes = resized(bytes, change.size);
      continue;
    }
    for (let from = 0; from < change.bytes.length;) {
      const offset = change.offset + from;
      const to = Math.min(change.bytes.length, from + sectorBytes - (offset % sectorBytes));
      if (survives("sector")) bytes = written(bytes, offset, change.bytes.subarray(from, to));
      from = to;
    }
  }
  return bytes;
}
