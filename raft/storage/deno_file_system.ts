/**
 * The {@link FileSystem} of a real machine.
 *
 * Two things are adaptive, because a hop to another thread costs as much as a fast disk itself (measured: a 512-byte
 * append with fdatasync takes 0.11 ms when it blocks and 0.20 ms when it is awaited):
 *
 * - `sync` blocks the event loop while fsyncs have lately been fast and little is unsynced, in this file or any other, and
 *   is awaited otherwise. A disk that turns slow therefore stalls the loop once, not again and again.
 * - Small reads and writes go straight to the page cache; large ones are awaited.
 *
 * @module
 */
import type { DirectoryLock, FileOptions, FileSystem, StorageFile } from "./file_system.ts";
import { StorageError } from "./storage_error.ts";

/** Name of the file that carries the directory's lock and the holder's process id. */
export const lockFileName = "lock";
/**
 * Reads and writes up to this many bytes do not leave the event loop. Less than a snapshot's block, so that whoever writes
 * or reads a snapshot gives way to others at every block.
 */
const blockingTransferBytes = 32 * 1024;
/** The same for urgent files: 0.1 ms of copying, where the way to another thread and back takes longer. */
const blockingUrgentBytes = 512 * 1024;
/** An fsync may block only while at most this many bytes wait for it. */
const blockingSyncBytes = 512 * 1024;
/** An fsync may block only while the smoothed time of one is below this, in milliseconds. */
const blockingSyncMs = 0.5;

/** How long fsyncs of one directory take lately. */
class SyncPace {
  /** Smoothed duration in milliseconds; the first fsync is always awaited, since nothing is known yet. */
  #smoothedMs = Infinity;

  /** Awaited fsyncs under way: >= 0. A blocking one could have to wait for them, a snapshot's for instance. */
  #awaited = 0;

  /**
   * Bytes of large writes, to any file, that were not synced: >= 0. The disk may be busy with them long before anybody asks for
   * their fsync, and then every other fsync waits: a snapshot's, for instance.
   */
  bulkBytes = 0;

  get fast(): boolean {
    return this.#smoothedMs < blockingSyncMs && this.#awaited === 0 && this.bulkBytes <= blockingSyncBytes;
  }

  async await(sync: Promise<void>): Promise<void> {
    this.#awaited++;
    try {
      await sync;
    } finally {
      this.#awaited--;
    }
  }

  record(durationMs: number): void {
    this.#smoothedMs = this.#smoothedMs === Infinity
      ? durationMs
      : this.#smoothedMs + (durationMs - this.#smoothedMs) / 8;
  }
}

/** A file of {@link DenoFileSystem}. */
class DenoFile implements StorageFile {
  readonly #file: Deno.FsFile;
  readonly #pace: SyncPace;
  /** Awaited transfers share one file position, so they run one after another; blocking ones only when none waits. */
  #queue: Promise<void> = Promise.resolve();
  #queued = 0;
  #unsyncedBytes = 0;
  /** What this file has of {@link SyncPace.bulkBytes}. */
  #bulkBytes = 0;
  #position = -1;
  /** Transfers up to this many bytes block. */
  readonly #blockingBytes: number;

  constructor(file: Deno.FsFile, pace: SyncPace, blockingBytes: number) {
    this.#file = file;
    this.#pace = pace;
    this.#blockingBytes = blockingBytes;
  }

  async size(): Promise<number> {
    return (await this.#file.stat()).size;
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    const buffer = new Uint8Array(length);
    return length <= this.#blockingBytes && this.#queued === 0
      ? this.#now(() => this.#readNow(offset, buffer))
      : this.#enqueue(() => this.#readLater(offset, buffer));
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#unsyncedBytes += bytes.length;
    if (bytes.length <= this.#blockingBytes && this.#queued === 0) {
      return this.#now(() => this.#writeNow(offset, bytes));
    }
    this.#bulkBytes += bytes.length;
    this.#pace.bulkBytes += bytes.length;
    return this.#enqueue(() => this.#writeLater(offset, bytes));
  }

  truncate(size: number): Promise<void> {
    return this.#enqueue(() => this.#file.truncate(size));
  }

  async sync(): Promise<void> {
    const started = performance.now();
    const blocking = this.#pace.fast && this.#unsyncedBytes <= blockingSyncBytes;
    const bulkBytes = this.#bulkBytes;
    this.#unsyncedBytes = 0;
    this.#bulkBytes = 0;
    if (blocking) this.#file.syncDataSync();
    else await this.#pace.await(this.#file.syncData());
    this.#pace.bulkBytes -= bulkBytes;
    this.#pace.record(performance.now() - started);
  }

  close(): void {
    this.#pace.bulkBytes -= this.#bulkBytes;
    this.#bulkBytes = 0;
    this.#file.close();
  }

  /** Runs at once; what it throws becomes a rejection, as for every other way. */
  #now<T>(run: () => T): Promise<T> {
    try {
      return Promise.resolve(run());
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #enqueue<T>(run: () => Promise<T>): Promise<T> {
    this.#queued++;
    const result = this.#queue.then(run);
    const settled = (): void => {
      this.#queued--;
    };
    this.#queue = result.then(settled, settled);
    return result;
  }

  #seekNow(offset: number): void {
    // An append goes where the last one ended: no need to ask the system for it.
    if (this.#position !== offset) this.#file.seekSync(offset, Deno.SeekMode.Start);
    this.#position = -1;
  }

  #readNow(offset: number, buffer: Uint8Array): Uint8Array {
    this.#seekNow(offset);
    let filled = 0;
    while (filled < buffer.length) {
      const count = this.#file.readSync(buffer.subarray(filled));
      if (count === null) break;
      filled += count;
    }
    this.#position = offset + filled;
    return buffer.subarray(0, filled);
  }

  async #readLater(offset: number, buffer: Uint8Array): Promise<Uint8Array> {
    this.#seekNow(offset);
    let filled = 0;
    while (filled < buffer.length) {
      const count = await this.#file.read(buffer.subarray(filled));
      if (count === null) break;
      filled += count;
    }
    this.#position = offset + filled;
    return buffer.subarray(0, filled);
  }

  #writeNow(offset: number, bytes: Uint8Array): void {
    this.#seekNow(offset);
    let written = 0;
    while (written < bytes.length) written += this.#file.writeSync(bytes.subarray(written));
    this.#position = offset + bytes.length;
  }

  async #writeLater(offset: number, bytes: Uint8Array): Promise<void> {
    this.#seekNow(offset);
    let written = 0;
    while (written < bytes.length) written += await this.#file.write(bytes.subarray(written));
    this.#position = offset + bytes.length;
  }
}

/** The files below a directory of this machine. */
export class DenoFileSystem implements FileSystem {
  /** The directory, as it was given. */
  readonly directory: string;
  readonly #pace = new SyncPace();

  /** `directory` need not exist yet. */
  constructor(directory: string) {
    this.directory = directory;
  }

  /** Creates the directory (0700), and proves by opening its lock file that it can be written. */
  async prepare(): Promise<void> {
    try {
      await this.#create();
      (await this.#openLockFile()).close();
    } catch (error) {
      throw new StorageError(
        "io",
        `Cannot write to data directory ${this.directory}: ${reasonOf(error)}. Choose another directory, or let this ` +
          `user write to it and this process have --allow-read and --allow-write for it.`,
        error,
      );
    }
  }

  /** Takes the directory's lock, which ends with the process at the latest. */
  async lock(): Promise<DirectoryLock> {
    const file = await this.#openLockFile();
    try {
      if (!(await file.tryLock(true))) {
        const holder = new TextDecoder().decode(await readAll(file)).trim();
        throw new StorageError(
          "locked",
          `Cannot open data directory ${this.directory}: held by process ${holder === "" ? "(unknown)" : holder}. ` +
            `Stop that process or use another directory.`,
        );
      }
      await file.truncate(0);
      await file.write(new TextEncoder().encode(`${Deno.pid}\n`));
    } catch (error) {
      file.close();
      throw error;
    }
    let held = true;
    return {
      [Symbol.dispose](): void {
        if (held) file.close();
        held = false;
      },
    };
  }

  /** Names of the plain files, sorted. */
  async list(): Promise<string[]> {
    const names: string[] = [];
    for await (const entry of Deno.readDir(this.directory)) {
      if (entry.isFile) names.push(entry.name);
    }
    return names.sort();
  }

  /** Opens a file for reading and writing. */
  async open(name: string, options: FileOptions = {}): Promise<StorageFile> {
    const access = options.create === true
      ? { read: true, write: true, createNew: true, mode: 0o600 }
      : { read: true, write: true };
    const blockingBytes = options.isUrgent === true ? blockingUrgentBytes : blockingTransferBytes;
    return new DenoFile(await Deno.open(this.#path(name), access), this.#pace, blockingBytes);
  }

  /** Renames a file. */
  async rename(from: string, to: string): Promise<void> {
    await Deno.rename(this.#path(from), this.#path(to));
  }

  /** Deletes a file. */
  async remove(name: string): Promise<void> {
    await Deno.remove(this.#path(name));
  }

  /** Makes creations, renames and removals durable. */
  async syncDirectory(): Promise<void> {
    await syncDirectory(this.directory);
  }

  /** Creates the directory and makes its own name durable, as far as this process may touch the directory above. */
  async #create(): Promise<void> {
    try {
      await Deno.stat(this.directory);
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    await Deno.mkdir(this.directory, { recursive: true, mode: 0o700 });
    const above = `${this.directory}/..`;
    // Asked first, so that nobody at a terminal is prompted for it.
    const permission = await Deno.permissions.query({ name: "read", path: above });
    if (permission.state === "granted") await syncDirectory(above);
  }

  #openLockFile(): Promise<Deno.FsFile> {
    return Deno.open(this.#path(lockFileName), { read: true, write: true, create: true, mode: 0o600 });
  }

  #path(name: string): string {
    return `${this.directory}/${name}`;
  }
}

/** Makes a directory durable. Windows has no such call and orders its changes by itself. */
async function syncDirectory(path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using directory = await Deno.open(path, { read: true });
  await directory.sync();
}

/** Everything in a small file. */
async function readAll(file: Deno.FsFile): Promise<Uint8Array> {
  const buffer = new Uint8Array(64);
  const count = await file.read(buffer);
  return buffer.subarray(0, count ?? 0);
}

/** The reason for a refused access, in words. */
function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) return `Deno was not given the permission (${error.message})`;
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  return error instanceof Error ? error.message : String(error);
}
