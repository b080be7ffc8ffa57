/**
 * The port to files, narrow enough that a simulated disk can lose, tear and corrupt what passes through it. Its
 * implementation on Deno stands in `deno_file_system.ts`.
 *
 * @module
 */

/** A file opened for reading and writing at given offsets. */
export interface StorageFile {
  /** Bytes in the file. */
  size(): Promise<number>;
  /** Reads up to `length` bytes at `offset`; fewer only at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Writes all of `bytes` at `offset`; not durable before {@link sync}. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Cuts or extends (with zeros) the file; not durable before {@link sync}. */
  truncate(size: number): Promise<void>;
  /** Makes everything written to this file durable (fdatasync). Never to be retried after a failure. */
  sync(): Promise<void>;
  /** Releases the file. */
  close(): void;
}

/** How a file is opened. */
export interface FileOptions {
  /** Make an empty file (mode 0600), and fail if the name exists. */
  readonly create?: boolean;
  /** Clients wait for each write to this file: better stop everything else for a moment than write in the background. */
  readonly isUrgent?: boolean;
}

/** A directory's lock, held until disposed or until the process ends. */
export interface DirectoryLock {
  /** Releases the lock. */
  [Symbol.dispose](): void;
}

/** The files below one data directory. Names are plain file names; there are no subdirectories. */
export interface FileSystem {
  /** The directory, for error messages. */
  readonly directory: string;
  /** Creates the directory (mode 0700) if it is missing, and proves that it can be written. */
  prepare(): Promise<void>;
  /** Takes the directory for this process, or throws an error that names the process that holds it. */
  lock(): Promise<DirectoryLock>;
  /** Names of the files in the directory, sorted. */
  list(): Promise<string[]>;
  /** Opens a file. */
  open(name: string, options?: FileOptions): Promise<StorageFile>;
  /** Renames a file over whatever had the new name; durable after {@link syncDirectory}. */
  rename(from: string, to: string): Promise<void>;
  /** Deletes a file; durable after {@link syncDirectory}. */
  remove(name: string): Promise<void>;
  /** Makes creations, renames and removals durable. */
  syncDirectory(): Promise<void>;
}
