/**
 * Moves snapshots between nodes, chunk by chunk, at leisure: the core says which chunk to send or to store, and never
 * sees the bytes. Chunks are stored one after the other; per follower one chunk is read at a time.
 *
 * While chunks are being stored, the one behind is sent as well, for which the core asks next: the disk here, the network and
 * the disk there are at work at the same time. If it is lost nothing moves, the core asks once more, and gets that chunk alone.
 *
 * @module
 */
import type { InstallSnapshot, Message, RaftEvent } from "../core/message.ts";
import type { SnapshotSend } from "../core/ready.ts";
import { isSameEntry, type NodeId } from "../core/types.ts";
import { DiskFullError, type Storage } from "../storage/storage.ts";

/** Bytes of a snapshot in one InstallSnapshot. */
const chunkBytes = 1024 * 1024;

/** Chunks that may wait to be stored; more are dropped, since the leader sends again what is not acknowledged. */
const maxWaitingChunks = 8;

/** What a {@link SnapshotExchange} works with. */
export interface SnapshotExchangeOptions {
  /** This node. */
  readonly id: NodeId;
  /** Where chunks are read and stored. */
  readonly storage: Storage;
  /** Sends to another node. */
  readonly send: (message: Message) => void;
  /** Tells the core. */
  readonly enqueue: (event: RaftEvent) => void;
  /** The storage has failed. */
  readonly onFailed: (error: unknown) => void;
}

/** What a follower was sent. */
interface Stream {
  /** What the core has asked for last. */
  readonly asked: SnapshotSend | null;
  /** The chunk behind, if it was sent as well, and the one behind that; null behind the last. */
  readonly ahead: { readonly sent: SnapshotSend; readonly next: SnapshotSend | null } | null;
}

const newStream: Stream = { asked: null, ahead: null };

/** Snapshots under way from and to this node. */
export class SnapshotExchange {
  readonly #options: SnapshotExchangeOptions;
  readonly #received: InstallSnapshot[] = [];
  #storing: Promise<void> | null = null;
  #paused = false;
  /** Per follower, the send that waits behind the one under way; null when none does. */
  readonly #sends = new Map<NodeId, SnapshotSend | null>();
  /** Per follower, what was done last. */
  readonly #streams = new Map<NodeId, Stream>();
  #reading = new Set<Promise<void>>();
  #stopped = false;

  /** Makes an exchange with nothing under way. */
  constructor(options: SnapshotExchangeOptions) {
    this.#options = options;
  }

  /** Stores a chunk from a leader, after those that came before it. */
  receive(chunk: InstallSnapshot): void {
    if (this.#received.length >= maxWaitingChunks) return;
    this.#received.push(chunk);
    this.#store();
  }

  /**
   * While paused no chunk is stored. The newest stored snapshot then stays the one that is being restored; a snapshot
   * that is complete pauses by itself, until the node has looked at it.
   */
  setPaused(paused: boolean): void {
    this.#paused = paused;
    if (!paused) this.#store();
  }

  /** Sends a chunk. Of several asked for one follower at the same time only the latest counts. */
  send(request: SnapshotSend): void {
    if (this.#sends.has(request.to)) {
      this.#sends.set(request.to, request);
      return;
    }
    this.#sends.set(request.to, null);
    const reading = this.#sendChunks(request).catch((error) => this.#options.onFailed(error));
    this.#reading.add(reading);
    reading.then(() => this.#reading.delete(reading));
  }

  /** Begins nothing new; resolves when storage is not used any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#received.length = 0;
    await this.#storing;
    await Promise.all(this.#reading);
  }

  #store(): void {
    if (this.#storing !== null || this.#paused || this.#stopped) return;
    const chunk = this.#received.shift();
    if (chunk === undefined) return;
    this.#storing = this.#storeChunk(chunk).then(
      () => {
        this.#storing = null;
        this.#store();
      },
      (error) => {
        this.#storing = null;
        // As good as lost on its way: the leader sends it again, from the beginning.
        if (error instanceof DiskFullError) this.#store();
        else this.#options.onFailed(error);
      },
    );
  }

  async #storeChunk({ from, term, snapshot, offset, data, checksum, done }: InstallSnapshot): Promise<void> {
    const { storage, enqueue } = this.#options;
    const transfer = `${from} in term ${term}`;
    const outcome = await storage.receiveSnapshotChunk(snapshot, offset, data, checksum, done, transfer);
    if (this.#stopped) return;
    switch (outcome.kind) {
      case "partial":
        enqueue({ type: "snapshotChunkStored", from, snapshot: snapshot.last, nextOffset: outcome.nextOffset });
        return;
      case "complete":
        this.#paused = true;
        enqueue({ type: "snapshotReceived", from, snapshot });
        return;
    }
  }

  async #sendChunks(first: SnapshotSend): Promise<void> {
    for (let request: SnapshotSend | null = first; request !== null && !this.#stopped;) {
      const { to }: SnapshotSend = request;
      await this.#sendAndAhead(request);
      request = this.#sends.get(to) ?? null;
      if (request === null) this.#sends.delete(to);
      else this.#sends.set(to, null);
    }
  }

  async #sendAndAhead(request: SnapshotSend): Promise<void> {
    const { asked, ahead } = this.#streams.get(request.to) ?? newStream;
    const isRepeated = isSameChunk(asked, request);
    const wasSent = isSameChunk(ahead?.sent, request);
    const next = wasSent ? ahead?.next ?? null : await this.#sendChunk(request);
    // A follower that has stored nothing yet may be away, and one that is asked for the same once more slow.
    const isFlowing = request.offset > 0 && !isRepeated && next !== null && !this.#stopped;
    const sent = isFlowing ? { sent: next, next: await this.#sendChunk(next) } : null;
    this.#streams.set(request.to, { asked: request, ahead: sent });
  }

  /** Sends a chunk; resolves to the one behind it, or to null if there is none. */
  async #sendChunk(request: SnapshotSend): Promise<SnapshotSend | null> {
    const { id, storage, send, enqueue } = this.#options;
    const { to, term, snapshot, offset } = request;
    const chunk = await storage.readSnapshotChunk(snapshot.last, offset, chunkBytes);
    if (this.#stopped) return null;
    if (chunk === null) {
      enqueue({ type: "snapshotUnavailable", to, snapshot: snapshot.last });
      return null;
    }
    send({ type: "InstallSnapshot", from: id, to, term, snapshot, offset, ...chunk });
    return chunk.done ? null : { ...request, offset: offset + chunk.data.length };
  }
}

function isSameChunk(one: SnapshotSend | null | undefined, other: SnapshotSend): boolean {
  return one?.term === other.term && one.offset === other.offset && isSameEntry(one.snapshot.last, other.snapshot.last);
}
