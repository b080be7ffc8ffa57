/**
 * The {@link Network} of the machine, on `Deno.listen` and `Deno.connect`.
 *
 * Two things make small messages cheap. A socket reads into one buffer that it uses again and again. And what is written
 * during one turn of the event loop, or while a write is under way, is gathered and leaves in one system call.
 *
 * This file is the real implementation behind the port, which is why it may use timers of its own.
 *
 * @module
 */
import { formatAddress, isLoopback, parseAddress } from "./address.ts";
import type { Listener, Network, Socket, SocketHandler } from "./network.ts";

/** Buffers for reading and for gathering writes grow from the one to the other. */
const minBufferBytes = 4 * 1024;
const maxBufferBytes = 64 * 1024;

/** How long `close` with `flush` may take to write what is queued, and then for the other side to close as well. */
const flushTimeoutMs = 5_000;
const lingerTimeoutMs = 1_000;

/** Pause after `accept` failed, for instance for want of file descriptors. */
const acceptRetryMs = 100;

/** TCP sockets of this machine. */
export class DenoNetwork implements Network {
  /** See {@link Network.listen}. */
  // deno-lint-ignore require-await
  async listen(address: string, accept: (socket: Socket) => void): Promise<Listener> {
    return this.listenNow(address, accept);
  }

  /** {@link listen}, in this turn already: who asks for port 0 knows at once which port it is. */
  listenNow(address: string, accept: (socket: Socket) => void): Listener {
    const { hostname, port } = parseAddress(address);
    try {
      return new DenoListener(Deno.listen({ hostname, port }), accept);
    } catch (error) {
      throw new Error(`Cannot listen on ${address}: ${describeListenError(error, hostname)}`, { cause: error });
    }
  }

  /** See {@link Network.connect}. */
  async connect(address: string, options: { readonly signal?: AbortSignal } = {}): Promise<Socket> {
    const { hostname, port } = parseAddress(address);
    const { signal } = options;
    signal?.throwIfAborted();
    // The signal given to Deno.connect would go on to govern the connection; the caller's is to govern the attempt only.
    const attempt = new AbortController();
    const onAbort = (): void => attempt.abort(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      const connection = await Deno.connect({ hostname, port, signal: attempt.signal });
      if (!signal?.aborted) return new DenoSocket(connection);
      connection.close();
    } catch (error) {
      if (!signal?.aborted) {
        throw new Error(`Cannot connect to ${address}: ${describeError(error)}`, { cause: error });
      }
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
    throw signal?.reason;
  }
}

class DenoListener implements Listener {
  readonly address: string;
  readonly #listener: Deno.TcpListener;
  #isOpen = true;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(listener: Deno.TcpListener, accept: (socket: Socket) => void) {
    this.#listener = listener;
    this.address = formatAddress(listener.addr);
    this.#acceptNext(accept);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    clearTimeout(this.#retryTimer);
    this.#listener.close();
  }

  #acceptNext(accept: (socket: Socket) => void): void {
    this.#listener.accept().then((connection) => {
      // Before the callback, so that nothing it does can end the loop.
      if (this.#isOpen) this.#acceptNext(accept);
      accept(new DenoSocket(connection));
    }, () => {
      if (this.#isOpen) this.#retryTimer = setTimeout(() => this.#acceptNext(accept), acceptRetryMs);
    });
  }
}

/**
 * What a {@link DenoSocket} is doing: "ending" means that it writes what is queued and then waits for the other side to
 * close, discarding what still arrives.
 */
type SocketState = "open" | "ending" | "closed";

class DenoSocket implements Socket {
  readonly remoteAddress: string;
  readonly #connection: Deno.TcpConn;
  #state: SocketState = "open";
  #handler: SocketHandler | null = null;
  /** Pieces not yet taken by the operating system; the first #queueHead of them are done with. */
  #queue: Uint8Array[] = [];
  #queueHead = 0;
  #queuedBytes = 0;
  /** Whether {@link #writeQueued} runs or is about to. */
  #isWriting = false;
  #gatherBuffer = new Uint8Array(0);
  #isPaused = false;
  #resume: (() => void) | null = null;
  #closeReason = "";
  #endTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.remoteAddress = formatAddress(connection.remoteAddr);
    try {
      connection.setNoDelay(true);
    } catch {
      // The other side has gone already; reading will tell.
    }
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  start(handler: SocketHandler): void {
    this.#handler = handler;
    this.#read(handler);
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== "open" || bytes.length === 0) return;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#isWriting) return;
    this.#isWriting = true;
    queueMicrotask(() => this.#writeQueued());
  }

  setPaused(paused: boolean): void {
    this.#isPaused = paused;
    if (!paused) this.#wakeReader();
  }

  close(reason: string, options: { readonly flush?: boolean } = {}): void {
    if (this.#state === "closed" || (this.#state === "ending" && options.flush)) return;
    if (this.#state === "open") this.#closeReason = reason;
    if (!options.flush) return this.#finish();
    this.#state = "ending";
    this.#wakeReader();
    this.#endTimer = setTimeout(() => this.#finish(), flushTimeoutMs);
    if (!this.#isWriting) this.#linger();
  }

  async #read(handler: SocketHandler): Promise<void> {
    let buffer = new Uint8Array(minBufferBytes);
    try {
      while (this.#state !== "closed") {
        const count = await this.#connection.read(buffer);
        // A read may have been under way when the owner paused.
        while (this.#isPaused && this.#state === "open") await new Promise<void>((wake) => this.#resume = wake);
        if (count === null) return this.#end("closed by the other side");
        if (this.#state === "open") this.#deliver(handler, buffer.subarray(0, count));
        if (count === buffer.length && count < maxBufferBytes) buffer = new Uint8Array(2 * count);
      }
    } catch (error) {
      if (error instanceof HandlerError) throw error.cause;
      this.#end(describeError(error));
    }
  }

  /** An error of the handler is a bug of ours, and must not pass for one of the network. */
  #deliver(handler: SocketHandler, bytes: Uint8Array): void {
    try {
      handler.data(bytes);
    } catch (error) {
      this.#end("failed to handle what arrived");
      throw new HandlerError("", { cause: error });
    }
  }

  async #writeQueued(): Promise<void> {
    try {
      while (this.#queueHead < this.#queue.length && this.#state !== "closed") {
        const chunk = this.#gather();
        let written = await this.#connection.write(chunk);
        while (written < chunk.length) written += await this.#connection.write(chunk.subarray(written));
        this.#queuedBytes -= chunk.length;
      }
    } catch (error) {
      return this.#end(describeError(error));
    }
    this.#isWriting = false;
    if (this.#state === "ending") this.#linger();
  }

  /** Takes as many pieces as fit into one buffer, or a single one as it is. */
  #gather(): Uint8Array {
    const queue = this.#queue;
    let end = this.#queueHead;
    let length = 0;
    for (; end < queue.length; end++) {
      const next = length + (queue[end]?.length ?? 0);
      if (next > maxBufferBytes && end > this.#queueHead) break;
      length = next;
    }
    let chunk = queue[this.#queueHead] ?? new Uint8Array(0);
    if (end > this.#queueHead + 1) {
      if (this.#gatherBuffer.length < length) {
        this.#gatherBuffer = new Uint8Array(Math.min(Math.max(2 * length, minBufferBytes), maxBufferBytes));
      }
      let at = 0;
      for (let piece = this.#queueHead; piece < end; piece++) {
        const bytes = queue[piece];
        if (bytes === undefined) continue;
        this.#gatherBuffer.set(bytes, at);
        at += bytes.length;
      }
      chunk = this.#gatherBuffer.subarray(0, length);
    }
    this.#forget(end);
    return chunk;
  }

  /** Drops the pieces before `end`, now or, to spare shifting a long queue each time, a little later. */
  #forget(end: number): void {
    if (end === this.#queue.length) {
      this.#queue = [];
      this.#queueHead = 0;
    } else if (end > 1024) {
      this.#queue.splice(0, end);
      this.#queueHead = 0;
    } else {
      this.#queue.fill(emptyPiece, this.#queueHead, end);
      this.#queueHead = end;
    }
  }

  /**
   * Closing with unread input would make the kernel send a reset, which can destroy what was written last before the
   * other side reads it. So say that nothing more comes, and discard input until the other side closes too.
   */
  #linger(): void {
    clearTimeout(this.#endTimer);
    this.#endTimer = setTimeout(() => this.#finish(), lingerTimeoutMs);
    this.#connection.closeWrite().catch(() => this.#finish());
  }

  #wakeReader(): void {
    const resume = this.#resume;
    this.#resume = null;
    resume?.();
  }

  /** The connection broke or the other side ended it. */
  #end(reason: string): void {
    if (this.#state === "open") this.#closeReason = reason;
    this.#finish();
  }

  #finish(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#endTimer);
    this.#queue = [];
    this.#queueHead = 0;
    this.#queuedBytes = 0;
    this.#wakeReader();
    try {
      this.#connection.close();
    } catch {
      // Closed already by an error.
    }
    queueMicrotask(() => this.#handler?.closed(this.#closeReason));
  }
}

const emptyPiece = new Uint8Array(0);

/** Carries an error out of the read loop past its own error handling. */
class HandlerError extends Error {}

function describeError(error: unknown): string {
  if (error instanceof Deno.errors.ConnectionRefused) return "connection refused: nobody listens there";
  if (error instanceof Deno.errors.ConnectionReset) return "connection reset by the other side";
  return error instanceof Error ? error.message : String(error);
}

function describeListenError(error: unknown, hostname: string): string {
  if (error instanceof Deno.errors.AddrInUse) return "the port is in use; choose another, or stop who holds it";
  if (error instanceof Deno.errors.AddrNotAvailable) return `this machine has no address ${hostname}`;
  if (error instanceof Deno.errors.PermissionDenied && !isLoopback(hostname)) {
    return `${describeError(error)}; ports below 1024 need privileges`;
  }
  return describeError(error);
}
