/**
 * Files in memory: what is written is there until the program ends or lets go of it. Nothing is ever lost or slow, so this
 * is no substitute for a simulated disk where crashes are to be tested.
 *
 * @module
 */
import type { DirectoryLock, FileOptions, FileSystem, StorageFile } from "../storage/file_system.ts";

/** Files are kept in pieces of this size: so appending costs no copy of what is there, and gaps cost nothing. */
const blockBytes = 64 * 1024;

/** What all who have a file open share, also after its name is gone. */
class Content {
  #size = 0;
  /** By number; those never written to are missing, and read as zeros. */
  readonly #blocks = new Map<number, Uint8Array>();

  get size(): number {
    return this.#size;
  }

  read(offset: number, length: number): Uint8Array {
    const result = new Uint8Array(Math.max(0, Math.min(length, this.#size - offset)));
    this.#eachPart(offset, result.length, (number, from, to, at) => {
      const block = this.#blocks.get(number);
      if (block !== undefined) result.set(block.subarray(from, to), at);
    });
    return result;
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#eachPart(offset, bytes.length, (number, from, to, at) => {
      let block = this.#blocks.get(number);
      if (block === undefined) this.#blocks.set(number, block = new Uint8Array(blockBytes));
      block.set(bytes.subarray(at, at + to - from), from);
    });
    this.#size = Math.max(this.#size, offset + bytes.length);
  }

  truncate(size: number): void {
    // What is cut off must read as zeros should the file grow again.
    for (const [number, block] of this.#blocks) {
      const kept = size - number * blockBytes;
      if (kept <= 0) this.#blocks.delete(number);
      else if (kept < blockBytes) block.fill(0, kept);
    }
    this.#size = size;
  }

  /** Calls back for each block of a range: its number, the range within it, and where that begins in the whole. */
  #eachPart(offset: number, length: number, act: (number: number, from: number, to: number, at: number) => void): void {
    for (let at = 0; at < length;) {
      const number = Math.floor((offset + at) / blockBytes);
      const from = (offset + at) % blockBytes;
      const to = Math.min(blockBytes, from + length - at);
      act(number, from, to, at);
      at += to - from;
    }
  }
}

class MemoryFile implements StorageFile {
  readonly #content: Content;
  #isOpen = true;

  constructor(content: Content) {
    this.#content = content;
  }

  async size(): Promise<number> {
    return (await this.#opened()).size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    return (await this.#opened()).read(offset, length);
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    (await this.#opened()).write(offset, bytes);
  }

  async truncate(size: number): Promise<void> {
    (await this.#opened()).truncate(size);
  }

  async sync(): Promise<void> {
    await this.#opened();
  }

  close(): void {
    this.#isOpen = false;
  }

  #opened(): Promise<Content> {
    return this.#isOpen
      ? Promise.resolve(this.#content)
      : Promise.reject(new Error("Cannot use the file: it was closed"));
  }
}

/** See the module. One object is one directory. */
export class MemoryFileSystem implements FileSystem {
  /** See {@link FileSystem.directory}. */
  readonly directory: string;
  readonly #files = new Map<string, Content>();
  #isLocked = false;

  /** An empty directory of that name. */
  constructor(directory: string) {
    this.directory = directory;
  }

  /** See {@link FileSystem.prepare}. */
  prepare(): Promise<void> {
    return Promise.resolve();
  }

  /** See {@link FileSystem.lock}. */
  lock(): Promise<DirectoryLock> {
    if (this.#isLocked) {
      const text = `Cannot open data directory ${this.directory}: held by process ${Deno.pid}, which is this one`;
      return Promise.reject(new Error(`${text}; stop the node that holds it or use another directory`));
    }
    this.#isLocked = true;
    let isHeld = true;
    return Promise.resolve({
      [Symbol.dispose]: () => {
        if (isHeld) this.#isLocked = false;
        isHeld = false;
      },
    });
  }

  /** See {@link FileSystem.list}. */
  list(): Promise<string[]> {
    return Promise.resolve([...this.#files.keys()].sort());
  }

  /** See {@link FileSystem.open}. */
  async open(name: string, options: FileOptions = {}): Promise<StorageFile> {
    if (options.create !== true) return new MemoryFile(await this.#find(name));
    if (this.#files.has(name)) throw new Deno.errors.AlreadyExists(`File exists: ${this.directory}/${name}`);
    const content = new Content();
    this.#files.set(name, content);
    return new MemoryFile(content);
  }

  /** See {@link FileSystem.rename}. */
  async rename(from: string, to: string): Promise<void> {
    const content = await this.#find(from);
    this.#files.delete(from);
    this.#files.set(to, content);
  }

  /** See {@link FileSystem.remove}. */
  async remove(name: string): Promise<void> {
    await this.#find(name);
    this.#files.delete(name);
  }

  /** See {@link FileSystem.syncDirectory}. */
  syncDirectory(): Promise<void> {
    return Promise.resolve();
  }

  #find(name: string): Promise<Content> {
    const content = this.#files.get(name);
    return content === undefined
      ? Promise.reject(new Deno.errors.NotFound(`No such file: ${this.directory}/${name}`))
      : Promise.resolve(content);
  }
}
