/**
 * Snapshots are sequences of frames: a length (4 bytes, big-endian, at most `maxSnapshotFrameBytes`) and so many bytes of
 * one CBOR item (the subset of `raft/encoding/cbor.ts`).
 *
 * @module
 */
import { type CborValue, decodeCbor } from "../raft/encoding/cbor.ts";
import type { CborWriter } from "../raft/encoding/cbor_writer.ts";
import { maxSnapshotFrameBytes } from "./limits.ts";
import { ShapeError } from "./shape.ts";

/** A frame around what `write` writes. */
export function frameOf(writer: CborWriter, write: () => void): Uint8Array {
  writer.reset();
  writer.raw(new Uint8Array(4)); // Room for the length.
  write();
  const bytes = writer.finish();
  new DataView(bytes.buffer).setUint32(0, bytes.length - 4);
  return bytes;
}

/** Takes bytes in any cut, and gives frames. */
export class FrameReader {
  readonly #onFrame: (item: CborValue) => void;
  /** Bytes of the frame that has not come whole yet, its length included. */
  #rest = new Uint8Array(0);

  /** `onFrame` gets the item of each frame; its byte strings are valid only during the call. */
  constructor(onFrame: (item: CborValue) => void) {
    this.#onFrame = onFrame;
  }

  /** Whether all that came was whole. */
  get isEmpty(): boolean {
    return this.#rest.length === 0;
  }

  /** Takes some bytes; throws {@link ShapeError} or a CborError on what is no frame, and what `onFrame` throws. */
  push(chunk: Uint8Array): void {
    let bytes = chunk;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + chunk.length);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.length);
    }
    let at = 0;
    while (bytes.length - at >= 4) {
      const length = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0);
      if (length > maxSnapshotFrameBytes) throw new ShapeError(`a snapshot frame declares ${length} bytes`);
      if (bytes.length - at - 4 < length) break;
      this.#onFrame(decodeCbor(bytes.subarray(at + 4, at + 4 + length)));
      at += 4 + length;
    }
    // A copy, since the chunk may be a view that is only valid now.
    this.#rest = bytes.slice(at);
  }
}
