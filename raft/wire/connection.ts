/**
 * A connection that speaks frames: cuts them out of the stream, keeps the handshake and the frames to their time, sends
 * and expects pings. What a frame means is its {@link ConnectionHandler}'s business.
 *
 * Time is counted in checks of one slow timer, not read from the clock at every chunk: that is cheaper, and a process that
 * was stopped for a minute and goes on does not take everyone else for dead.
 *
 * @module
 */
import { CborError } from "../encoding/cbor.ts";
import type { Clock, Timer } from "../node/clock.ts";
import { describeFrameProblem, FrameAssembler, frameHeaderBytes, isPing, pingFrame } from "./frame.ts";
import type { WireLimits } from "./limits.ts";
import type { Socket } from "./network.ts";

/** The owner of a {@link Connection}. */
export interface ConnectionHandler {
  /**
   * A frame arrived; pings are not shown. When `isOwn` is set the bytes may be kept; otherwise they are only valid during
   * the call. A {@link CborError} thrown here closes the connection.
   */
  frame(item: Uint8Array, isOwn: boolean): void;
  /** The connection is over. Called exactly once. */
  closed(reason: string): void;
}

/** What holds once the handshake is over. */
export interface ConnectionTerms {
  /** Longest frame that may arrive. */
  readonly maxFrameBytes: number;
  /** Send a ping after so long without sending; close after twice as long without hearing. In milliseconds. */
  readonly keepaliveMs: number;
  /** Close after so long without a frame that is no ping. In milliseconds; Infinity for never. */
  readonly idleTimeoutMs: number;
  /** Close when one frame takes longer, in milliseconds. */
  readonly frameTimeoutMs: number;
}

/** Checks in one keepalive interval: times are kept to a quarter of it. */
const checksPerKeepalive = 4;

/** One end of a connection. Begins in the handshake, of which its first handler must make something. */
export class Connection {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #assembler: FrameAssembler;
  #handler: ConnectionHandler;
  #isOpen = true;
  /** Set once a handler was told that the connection is over. */
  #isToldClosed = false;
  #closeReason = "";
  #isPaused = false;
  #timer: Timer;
  /** Checks since something arrived, since something was sent, since the last frame that was no ping. */
  #silentChecks = 0;
  #unsentChecks = 0;
  #idleChecks = 0;
  /** Checks that saw the frame number #slowFrame begun and not ended. */
  #slowChecks = 0;
  #slowFrame = -1;

  /** Takes over a socket, in the turn in which it was handed over. */
  constructor(socket: Socket, clock: Clock, limits: WireLimits, handler: ConnectionHandler) {
    this.#socket = socket;
    this.#clock = clock;
    this.#handler = handler;
    this.#assembler = new FrameAssembler(limits.maxHelloFrameBytes, (item, isOwn) => this.#receive(item, isOwn));
    this.#timer = clock.after(limits.handshakeTimeoutMs, () => {
      this.close(`no handshake within ${limits.handshakeTimeoutMs} ms`);
    });
    socket.start({ data: (bytes) => this.#data(bytes), closed: (reason) => this.#closed(reason) });
  }

  /** The address of the other side, for messages to people. */
  get remoteAddress(): string {
    return this.#socket.remoteAddress;
  }

  /** Whether frames can still be sent. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Why the connection is over; empty while it is open. */
  get closeReason(): string {
    return this.#closeReason;
  }

  /** Bytes sent and not yet taken by the operating system. */
  get queuedBytes(): number {
    return this.#socket.queuedBytes;
  }

  /** Ends the handshake: from now on `terms` hold and frames go to `handler`. */
  open(terms: ConnectionTerms, handler: ConnectionHandler): void {
    this.#handler = handler;
    // It ended between the handshake and this call, and only the handshake's handler was told.
    if (this.#isToldClosed) queueMicrotask(() => handler.closed(this.#closeReason));
    if (!this.#isOpen) return;
    this.#assembler.maxFrameBytes = terms.maxFrameBytes;
    this.#timer.cancel();
    const checkMs = terms.keepaliveMs / checksPerKeepalive;
    const check = (): void => {
      this.#check(terms, checkMs);
      if (this.#isOpen) this.#timer = this.#clock.after(checkMs, check);
    };
    this.#timer = this.#clock.after(checkMs, check);
  }

  /** Sends a whole frame, header and all; the bytes must not be touched any more. Ignored once the connection is over. */
  send(frame: Uint8Array): void {
    if (!this.#isOpen) return;
    this.#unsentChecks = 0;
    this.#socket.write(frame);
  }

  /** Stops or resumes reading. While paused, silence is not held against the other side. */
  setPaused(paused: boolean): void {
    if (paused === this.#isPaused) return;
    this.#isPaused = paused;
    this.#silentChecks = 0;
    this.#slowChecks = 0;
    this.#socket.setPaused(paused);
  }

  /** Ends the connection; with `flush` what was sent still leaves. The handler hears of it later. */
  close(reason: string, options: { readonly flush?: boolean } = {}): void {
    if (!this.#isOpen) return;
    this.#stop(reason);
    this.#socket.close(reason, options);
  }

  #stop(reason: string): void {
    if (this.#isOpen) this.#closeReason = reason;
    this.#isOpen = false;
    this.#timer.cancel();
    this.#assembler.stop();
  }

  #closed(reason: string): void {
    this.#stop(reason);
    this.#isToldClosed = true;
    this.#handler.closed(reason);
  }

  #data(bytes: Uint8Array): void {
    this.#silentChecks = 0;
    const problem = this.#assembler.push(bytes);
    if (problem !== null) this.close(`it sent ${describeFrameProblem(problem)}`);
  }

  #receive(item: Uint8Array, isOwn: boolean): void {
    if (isPing(item)) return;
    this.#idleChecks = 0;
    try {
      this.#handler.frame(item, isOwn);
    } catch (error) {
      if (!(error instanceof CborError)) throw error;
      this.close(`it sent a frame that cannot be understood: ${error.message}`);
    }
  }

  #check(terms: ConnectionTerms, checkMs: number): void {
    if (!this.#isPaused) this.#checkReceiving(terms, checkMs);
    if (++this.#unsentChecks >= checksPerKeepalive && this.#socket.queuedBytes < frameHeaderBytes) this.send(pingFrame);
  }

  #checkReceiving(terms: ConnectionTerms, checkMs: number): void {
    const silentMs = this.#silentChecks++ * checkMs;
    if (silentMs >= 2 * terms.keepaliveMs) return this.close(`nothing heard for ${silentMs} ms`);
    const idleMs = this.#idleChecks++ * checkMs;
    if (idleMs >= terms.idleTimeoutMs) return this.close(`idle for ${idleMs} ms`);
    const isSlow = this.#assembler.isInFrame && this.#assembler.frames === this.#slowFrame;
    this.#slowFrame = this.#assembler.isInFrame ? this.#assembler.frames : -1;
    this.#slowChecks = isSlow ? this.#slowChecks + 1 : 0;
    const { frameTimeoutMs } = terms;
    if (this.#slowChecks * checkMs >= frameTimeoutMs) this.close(`a frame took more than ${frameTimeoutMs} ms`);
  }
}
