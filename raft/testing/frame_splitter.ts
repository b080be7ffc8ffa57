/**
 * Cuts what is written to a simulated connection into whole frames, so that faults can hit single messages.
 *
 * @module
 */

const headerBytes = 4;

/** A length beyond this is no frame of ours; such a stream is passed on as it is, from there on. */
const maxPlausibleLength = 64 * 1024 * 1024;

const noBytes: Uint8Array = new Uint8Array(0);

/** Receives a whole frame (header included), or bytes that are no frame. */
export type UnitReceiver = (unit: Uint8Array, isFrame: boolean) => void;

/** Collects bytes until a frame is whole. A write that holds whole frames only is cut without copying. */
export class FrameSplitter {
  #partial: Uint8Array = noBytes;
  #isRaw: boolean;

  /** With `framing` off every write is a unit of its own and none is a frame. */
  constructor(framing: boolean) {
    this.#isRaw = !framing;
  }

  /** Bytes of a frame that is not whole yet. */
  get pendingBytes(): number {
    return this.#partial.length;
  }

  /** Takes written bytes and hands on every unit that is whole. */
  push(written: Uint8Array, receive: UnitReceiver): void {
    if (this.#isRaw) return receive(written, false);
    let bytes = written;
    if (this.#partial.length > 0) {
      bytes = new Uint8Array(this.#partial.length + written.length);
      bytes.set(this.#partial);
      bytes.set(written, this.#partial.length);
      this.#partial = noBytes;
    }
    let start = 0;
    while (bytes.length - start >= headerBytes) {
      const length = readLength(bytes, start);
      if (length > maxPlausibleLength) {
        this.#isRaw = true;
        return receive(bytes.subarray(start), false);
      }
      const end = start + headerBytes + length;
      if (end > bytes.length) break;
      receive(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), true);
      start = end;
    }
    if (start < bytes.length) this.#partial = bytes.subarray(start);
  }

  /** Takes out what is not a whole frame. */
  takePartial(): Uint8Array {
    const partial = this.#partial;
    this.#partial = noBytes;
    return partial;
  }
}

function readLength(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) * 0x1000000 + ((bytes[at + 1] ?? 0) << 16) + ((bytes[at + 2] ?? 0) << 8) +
    (bytes[at + 3] ?? 0);
}
