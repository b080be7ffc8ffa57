/**
 * The port to sockets: byte streams with callbacks, narrow enough to be simulated.
 *
 * Callbacks rather than web streams, because a promise and a chunk object per read is what dominates the cost of a small
 * message; whoever wants a stream can build one on top.
 *
 * @module
 */

/** What the owner of a {@link Socket} is told. Never called before the turn in which the socket was handed over ends. */
export interface SocketHandler {
  /** Bytes arrived. The view is only valid during the call. */
  data(bytes: Uint8Array): void;
  /** The connection is over: by the other side, by an error or by {@link Socket.close}. Called exactly once. */
  closed(reason: string): void;
}

/** One end of a byte stream. */
export interface Socket {
  /** The address of the other side, for messages to people. */
  readonly remoteAddress: string;
  /** Bytes accepted by {@link write} and not yet taken by the operating system. */
  readonly queuedBytes: number;
  /** Must be called once, in the same turn in which the socket was handed over. */
  start(handler: SocketHandler): void;
  /**
   * Queues bytes, without copying them: the caller must not touch them again. What is written in one turn of the event
   * loop leaves in one write. Ignored after the connection is over.
   */
  write(bytes: Uint8Array): void;
  /** Stops or resumes reading, so that a receiver can push back. */
  setPaused(paused: boolean): void;
  /** Ends the connection; with `flush` what is queued is written first, otherwise it is dropped. */
  close(reason: string, options?: { readonly flush?: boolean }): void;
}

/** An open port. */
export interface Listener {
  /** Where it listens, `HOST:PORT`, with the port the system chose if 0 was asked for. */
  readonly address: string;
  /** Stops listening; accepted connections stay. */
  close(): void;
}

/** Makes and accepts connections. */
export interface Network {
  /** Listens on `HOST:PORT`; rejects with a clear message when the port is in use or not allowed. */
  listen(address: string, accept: (socket: Socket) => void): Promise<Listener>;
  /** Connects to `HOST:PORT`; rejects when that fails or `signal` is aborted. */
  connect(address: string, options?: { readonly signal?: AbortSignal }): Promise<Socket>;
}
