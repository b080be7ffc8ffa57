/**
 * Who an open directory is, and which directories it has met: the file `meta` while the storage is open.
 *
 * Each directory remembers by directory id, generation and opening ({@link DirectoryStamp}) from which directory each of
 * its peers spoke last. That is the witness outside a directory which no directory can be for itself: to whoever comes
 * back under a known identity from another directory, or from an older copy of the same one, it says so.
 *
 * @module
 */
import { type DirectoryStamp, identityOf, type NodeId } from "../core/types.ts";
import type { FileSystem } from "./file_system.ts";
import { type Meta, writeMeta } from "./meta.ts";

/** Reads and changes the `meta` of an open directory. */
export class DirectoryCard {
  readonly #fileSystem: FileSystem;
  #meta: Meta;
  /** Ends when the change last asked for is durable, or has failed. */
  #queue: Promise<void> = Promise.resolve();

  /** Of a directory whose `meta` says this, durably. */
  constructor(fileSystem: FileSystem, meta: Meta) {
    this.#fileSystem = fileSystem;
    this.#meta = meta;
  }

  /** The identity under which this directory's node speaks. */
  get identity(): NodeId {
    return identityOf(this.#meta.nodeId, this.#meta.incarnation);
  }

  /** See {@link Meta.incarnation}. */
  get incarnation(): number {
    return this.#meta.incarnation;
  }

  /** This very opening. */
  get stamp(): DirectoryStamp {
    const { directoryId, generation, opening } = this.#meta;
    return { directoryId, generation, opening };
  }

  /** Where each peer spoke from last, by identity; durable. */
  get peers(): ReadonlyMap<NodeId, DirectoryStamp> {
    return this.#meta.peers;
  }

  /** Remembers where a peer speaks from; durable when it resolves. */
  remember(identity: NodeId, stamp: DirectoryStamp): Promise<void> {
    return this.#change((meta) => ({ ...meta, peers: new Map([...meta.peers, [identity, stamp]]) }));
  }

  /** Takes another identity, in a directory from which nothing was ever promised; durable when it resolves. */
  reincarnate(incarnation: number): Promise<void> {
    return this.#change((meta) => ({ ...meta, incarnation }));
  }

  /** Gives the identity up for ever; durable when it resolves. */
  retire(reason: string): Promise<void> {
    return this.#change((meta) => ({ ...meta, retired: reason }));
  }

  /** Waits for changes under way. */
  async close(): Promise<void> {
    await this.#queue;
  }

  #change(edit: (meta: Meta) => Meta): Promise<void> {
    const changed = this.#queue.then(async () => {
      const meta = edit(this.#meta);
      await writeMeta(this.#fileSystem, meta);
      this.#meta = meta;
    });
    this.#queue = changed.catch(() => {});
    return changed;
  }
}
