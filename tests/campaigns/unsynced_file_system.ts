/**
 * The files of a real directory, but for what was not synced: that is in this process's memory only, and gone with it. A
 * SIGKILL then does what a power failure does that loses everything a disk was not told to keep: contents that were not
 * synced, and names (creations, renames, removals) whose directory was not.
 *
 * What is synced is written to the directory, and not synced there: the operating system lives on.
 *
 * @module
 */
import type { DirectoryLock, FileOptions, FileSystem, StorageFile } from "../../raft/storage/file_system.ts";
import { DenoFileSystem } from "../../raft/storage/deno_file_system.ts";

/** A file as the process sees it. */
class Content {
  /** What the process sees. */
  bytes: Uint8Array<ArrayBuffer>;
  /** What was synced, as long as the directory does not know the file. */
  synced: Uint8Array<ArrayBuffer> = new Uint8Array();
  /** The name under which the directory knows it; null for none. */
  durableName: string | null;
  /** From where on the contents differ from what was synced; Infinity for nowhere. */
  dirtyFrom = Infinity;

  constructor(bytes: Uint8Array<ArrayBuffer>, durableName: string | null) {
    this.bytes = bytes;
    this.durableName = durableName;
  }
}

type NameChange =
  | { readonly kind: "create"; readonly name: string; readonly content: Content }
  | { readonly kind: "rename"; readonly from: string; readonly to: string; readonly content: Content }
  | { readonly kind: "remove"; readonly name: string };

/** See the module. */
export class UnsyncedFileSystem implements FileSystem {
  /** See {@link FileSystem.directory}. */
  readonly directory: string;
  readonly #real: DenoFileSystem;
  readonly #names = new Map<string, Content>();
  #changes: NameChange[] = [];

  /** The files below `directory`, which must not change by other hands. */
  constructor(directory: string) {
    this.directory = directory;
    this.#real = new DenoFileSystem(directory);
  }

  /** See {@link FileSystem.prepare}. */
  async prepare(): Promise<void> {
    await this.#real.prepare();
    for (const name of await this.#real.list()) {
      if (name !== "lock") this.#names.set(name, new Content(Deno.readFileSync(this.#path(name)), name));
    }
  }

  /** See {@link FileSystem.lock}. */
  lock(): Promise<DirectoryLock> {
    return this.#real.lock();
  }

  /** See {@link FileSystem.list}. */
  list(): Promise<string[]> {
    return Promise.resolve([...this.#names.keys(), "lock"].sort());
  }

  /** See {@link FileSystem.open}. */
  // deno-lint-ignore require-await
  async open(name: string, options: FileOptions = {}): Promise<StorageFile> {
    const existing = this.#names.get(name);
    if (options.create !== true) {
      if (existing === undefined) throw new Deno.errors.NotFound(`No such file: ${name}`);
      return new UnsyncedFile(this.directory, existing);
    }
    if (existing !== undefined) throw new Deno.errors.AlreadyExists(`File exists: ${name}`);
    const content = new Content(new Uint8Array(), null);
    this.#names.set(name, content);
    this.#changes.push({ kind: "create", name, content });
    return new UnsyncedFile(this.directory, content);
  }

  /** See {@link FileSystem.rename}. */
  // deno-lint-ignore require-await
  async rename(from: string, to: string): Promise<void> {
    const content = this.#names.get(from);
    if (content === undefined) throw new Deno.errors.NotFound(`No such file: ${from}`);
    this.#names.delete(from);
    this.#names.set(to, content);
    this.#changes.push({ kind: "rename", from, to, content });
  }

  /** See {@link FileSystem.remove}. */
  // deno-lint-ignore require-await
  async remove(name: string): Promise<void> {
    if (!this.#names.delete(name)) throw new Deno.errors.NotFound(`No such file: ${name}`);
    this.#changes.push({ kind: "remove", name });
  }

  /** See {@link FileSystem.syncDirectory}. */
  // deno-lint-ignore require-await
  async syncDirectory(): Promise<void> {
    const changes = this.#changes;
    this.#changes = [];
    for (const change of changes) {
      switch (change.kind) {
        case "create":
          Deno.writeFileSync(this.#path(change.name), change.content.synced, { mode: 0o600 });
          change.content.durableName = change.name;
          break;
        case "rename":
          Deno.renameSync(this.#path(change.from), this.#path(change.to));
          change.content.durableName = change.to;
          break;
        case "remove":
          Deno.removeSync(this.#path(change.name));
          break;
      }
    }
  }

  #path(name: string): string {
    return `${this.directory}/${name}`;
  }
}

/** An open file. */
class UnsyncedFile implements StorageFile {
  readonly #directory: string;
  readonly #content: Content;

  constructor(directory: string, content: Content) {
    this.#directory = directory;
    this.#content = content;
  }

  size(): Promise<number> {
    return Promise.resolve(this.#content.bytes.length);
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return Promise.resolve(this.#content.bytes.slice(offset, offset + length));
  }

  // deno-lint-ignore require-await
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    const content = this.#content;
    const end = offset + bytes.length;
    if (end > content.bytes.length) content.bytes = resized(content.bytes, end);
    content.bytes.set(bytes, offset);
    content.dirtyFrom = Math.min(content.dirtyFrom, offset);
  }

  // deno-lint-ignore require-await
  async truncate(size: number): Promise<void> {
    const content = this.#content;
    content.dirtyFrom = Math.min(content.dirtyFrom, size, content.bytes.length);
    content.bytes = resized(content.bytes, size);
  }

  // deno-lint-ignore require-await
  async sync(): Promise<void> {
    const content = this.#content;
    const { dirtyFrom, bytes, durableName } = content;
    content.dirtyFrom = Infinity;
    if (durableName === null) content.synced = bytes.slice();
    else if (dirtyFrom < Infinity) {
      using file = Deno.openSync(`${this.#directory}/${durableName}`, { read: true, write: true });
      file.seekSync(dirtyFrom, Deno.SeekMode.Start);
      const changed = bytes.subarray(dirtyFrom);
      for (let written = 0; written < changed.length;) written += file.writeSync(changed.subarray(written));
      file.truncateSync(bytes.length);
    }
  }

  close(): void {}
}

/** The bytes cut or extended with zeros. A buffer with room to spare is used again. */
function resized(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  if (size <= bytes.buffer.byteLength) {
    const same = new Uint8Array(bytes.buffer, 0, size);
    if (size > bytes.length) same.fill(0, bytes.length);
    return same;
  }
  const larger = new Uint8Array(new ArrayBuffer(2 * size), 0, size);
  larger.set(bytes);
  return larger;
}
