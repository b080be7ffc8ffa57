/**
 * Frames: how items are told apart on a byte stream. This page and those it names describe the whole protocol, byte by
 * byte: `hello.ts` the handshake, `message_codec.ts` what peers say to each other, `rpc_codec.ts` requests and replies,
 * `encoding/cbor.ts` the encoding, `encoding/entry_codec.ts` the log entries.
 *
 * ```text
 * stream = frame frame frame …                        in both directions of a TCP connection
 * frame  = length item
 *          length: 4 bytes, unsigned, big-endian: how many bytes the item has, at least 1
 *          item:   one CBOR item of the strict subset, with nothing behind it
 * ping   = the frame 00 00 00 01 80                   its item is the empty array
 * ```
 *
 * A connection begins with the handshake: one frame each way, of at most 4 KiB (lengths here are those of the item).
 * Afterwards frames are at most 4 MiB long between peers, 1.5 MiB from a client and 8 MiB to a client.
 *
 * Once the handshake is over either side sends a ping when it has sent nothing for a while, and closes a connection on
 * which nothing has arrived for twice as long: 20 s with clients, 1.5 s between peers. Nobody answers a ping.
 *
 * There are no error frames after the handshake. Whoever sends a frame that is too long, too slow (30 s), not of the
 * strict subset or not of a form that its role allows is disconnected.
 *
 * The length is compared with the limit before anything else happens, and memory grows with the bytes that arrive, never
 * with the length that was declared.
 *
 * @module
 */
import type { CborWriter } from "../encoding/cbor_writer.ts";
import { Pool } from "../encoding/pool.ts";

/** Bytes of the length before every item. */
export const frameHeaderBytes = 4;

/** The first buffer for an item that is cut across chunks. */
const firstPartBytes = 4096;

/** For frames that wait to be sent. */
const framePool = new Pool();

/** A frame that says no more than that its sender is alive. */
export const pingFrame: Uint8Array = Uint8Array.of(0, 0, 0, 1, 0x80);

/** Whether an item is that of {@link pingFrame}. */
export function isPing(item: Uint8Array): boolean {
  return item.length === 1 && item[0] === 0x80;
}

const emptyHeader = new Uint8Array(frameHeaderBytes);

/** Makes `writer` ready for the item of one frame, to be completed by {@link finishFrame}. */
export function startFrame(writer: CborWriter): void {
  writer.reset();
  writer.raw(emptyHeader);
}

/** The frame around the item written since {@link startFrame}, as a copy. */
export function finishFrame(writer: CborWriter): Uint8Array {
  const frame = writer.finishIn(framePool);
  putLength(frame, frame.length - frameHeaderBytes);
  return frame;
}

/** The frame around an encoded item. */
export function encodeFrame(item: Uint8Array): Uint8Array {
  const frame = new Uint8Array(frameHeaderBytes + item.length);
  putLength(frame, item.length);
  frame.set(item, frameHeaderBytes);
  return frame;
}

function putLength(frame: Uint8Array, length: number): void {
  frame[0] = length >>> 24;
  frame[1] = length >>> 16;
  frame[2] = length >>> 8;
  frame[3] = length;
}

/** Why a byte stream cannot be a sequence of frames. */
export type FrameProblem =
  /** A length of 0. */
  | { readonly kind: "emptyFrame" }
  /** A length beyond the limit. */
  | { readonly kind: "frameTooLong"; readonly lengthBytes: number; readonly limitBytes: number };

/** The problem in words. */
export function describeFrameProblem(problem: FrameProblem): string {
  switch (problem.kind) {
    case "emptyFrame":
      return "a frame of length 0";
    case "frameTooLong":
      return `a frame of ${problem.lengthBytes} bytes: ${problem.limitBytes} is the limit`;
  }
}

/**
 * Receives an item. When `isOwn` is set the bytes belong to the receiver; otherwise they are part of the chunk and only
 * valid during the call.
 */
export type FrameReceiver = (item: Uint8Array, isOwn: boolean) => void;

/** Cuts a byte stream into frames. An item that lies within one chunk is handed on without being copied. */
export class FrameAssembler {
  /** Longest item from now on; may change between frames, as the handshake does. */
  maxFrameBytes: number;
  readonly #receive: FrameReceiver;
  /** Length of the item under way; meaningful when #headerBytes === frameHeaderBytes. */
  #length = 0;
  /** Bytes of the header seen: 0 <= #headerBytes <= frameHeaderBytes. */
  #headerBytes = 0;
  /** The item's bytes so far, if it is cut across chunks: #partBytes <= #part.length <= max(#length, firstPartBytes). */
  #part: Uint8Array | null = null;
  #partBytes = 0;
  #frames = 0;
  #stopped = false;

  /** Hands every item of at most `maxFrameBytes` to `receive`. */
  constructor(maxFrameBytes: number, receive: FrameReceiver) {
    this.maxFrameBytes = maxFrameBytes;
    this.#receive = receive;
  }

  /** Whether a frame has begun and not ended. */
  get isInFrame(): boolean {
    return this.#headerBytes > 0;
  }

  /** Frames completed so far. */
  get frames(): number {
    return this.#frames;
  }

  /** Drops what is buffered; nothing is received any more. May be called by the receiver. */
  stop(): void {
    this.#stopped = true;
    this.#part = null;
  }

  /** Takes the next bytes of the stream. After a problem the assembler has stopped. */
  push(chunk: Uint8Array): FrameProblem | null {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      if (this.#headerBytes < frameHeaderBytes) {
        at = this.#takeHeader(chunk, at);
        if (this.#headerBytes < frameHeaderBytes) return null;
        const problem = this.#problem();
        if (problem !== null) {
          this.stop();
          return problem;
        }
      }
      at = this.#takeItem(chunk, at);
    }
    return null;
  }

  #takeHeader(chunk: Uint8Array, start: number): number {
    let at = start;
    while (this.#headerBytes < frameHeaderBytes && at < chunk.length) {
      this.#length = (this.#headerBytes === 0 ? 0 : this.#length * 0x100) + (chunk[at++] ?? 0);
      this.#headerBytes++;
    }
    return at;
  }

  #problem(): FrameProblem | null {
    if (this.#length === 0) return { kind: "emptyFrame" };
    if (this.#length <= this.maxFrameBytes) return null;
    return { kind: "frameTooLong", lengthBytes: this.#length, limitBytes: this.maxFrameBytes };
  }

  #takeItem(chunk: Uint8Array, start: number): number {
    const missing = this.#length - this.#partBytes;
    const end = Math.min(start + missing, chunk.length);
    const isWhole = end - start === missing;
    if (isWhole && this.#part === null) {
      this.#endFrame(chunk.subarray(start, end), false);
    } else {
      const part = this.#grow(end - start);
      part.set(chunk.subarray(start, end), this.#partBytes);
      this.#partBytes += end - start;
      if (isWhole) this.#endFrame(part.subarray(0, this.#length), true);
    }
    return end;
  }

  /** The buffer with room for `more` bytes; it doubles, so that a frame of n bytes costs at most 2 n of copying. */
  #grow(more: number): Uint8Array {
    const part = this.#part;
    const needed = this.#partBytes + more;
    if (part !== null && needed <= part.length) return part;
    const larger = new Uint8Array(Math.min(Math.max(needed, 2 * this.#partBytes, firstPartBytes), this.#length));
    if (part !== null) larger.set(part.subarray(0, this.#partBytes));
    this.#part = larger;
    return larger;
  }

  #endFrame(item: Uint8Array, isOwn: boolean): void {
    this.#headerBytes = 0;
    this.#part = null;
    this.#partBytes = 0;
    this.#frames++;
    this.#receive(item, isOwn);
  }
}
