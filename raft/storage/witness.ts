/**
 * The witness: a second place, apart from the log, that knows which batch was made durable last.
 *
 * A log that lost its last batch looks exactly like one whose last write never finished. The witness tells them apart: it
 * is noted after each batch's fsync, in a file of its own, without an fsync of its own in the way of the batch. It is
 * flushed {@link flushDelayMs} after the first unflushed note, when a segment is begun, and on closing.
 *
 * ```text
 * witness = preamble, then a slot at 512, 1024 and 1536, each a record:
 *           sequence: number of the batch
 *           payload:  file id of the segment (8 bytes), checksum of the commit record (u32), zero (u32),
 *                     last index (u64), last term (u64), currentTerm (u64), votedFor in UTF-8 (empty for nobody);
 *                     without the last two in witnesses of early versions
 * ```
 *
 * The valid slot with the highest batch counts. The slots are used in turn: one holds the note flushed last and is left
 * alone, one takes notes, and the third takes them while that one is being flushed.
 *
 * What a crash leaves: when only the process died, the last note or the one before, exactly. When power was lost, at
 * least the note flushed last. So *a log that ends before the witness lost something acknowledged*, always; a log that
 * ends at or behind the witness with a torn tail lost at most what was acknowledged since the last flush, and normally
 * nothing. That remainder is the documented ambiguity: an acknowledged batch that is damaged within {@link flushDelayMs}
 * of a loss of power looks like one that never finished.
 *
 * A witness that is missing or damaged is written anew: it says less than the log.
 *
 * @module
 */
import type { EntryId, HardState } from "../core/types.ts";
import type { FileSystem, StorageFile } from "./file_system.ts";
import {
  checksumOfText,
  encodePreamble,
  hasPreamble,
  magics,
  makeFileId,
  readRecord,
  recordTypes,
  RecordWriter,
} from "./record.ts";
import type { StorageClock } from "./storage_clock.ts";

/** Name of the witness file. */
export const witnessName = "witness";
/** A note is flushed at most this long after it was made, in milliseconds. */
export const flushDelayMs = 200;
const slotOffsets = [512, 1024, 1536] as const;
const witnessBytes = 2048;
const shortPayloadBytes = 32;
const payloadBytes = 40;

/** What the witness says of the batch that was made durable last. */
export interface WitnessNote {
  /** Number of the batch. */
  readonly batch: number;
  /** File id of the segment it is in. */
  readonly fileId: Uint8Array;
  /** Checksum of its commit record. */
  readonly checksum: number;
  /** The last entry of the log with it. */
  readonly last: EntryId;
  /** The hard state with it; null in witnesses of early versions. */
  readonly hardState: HardState | null;
}

/** The id that the witness's records carry. */
function witnessFileId(directoryId: string): Uint8Array {
  return makeFileId(checksumOfText(`${directoryId} ${witnessName}`), 0);
}

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder();

/** Builds the records of notes; their names, as good as always the same one, are encoded once. */
class NoteWriter {
  readonly #records: RecordWriter;
  #votedFor = "";
  #payload = new Uint8Array(payloadBytes);
  #view = new DataView(this.#payload.buffer);

  constructor(directoryId: string) {
    this.#records = new RecordWriter(witnessFileId(directoryId), 256);
  }

  /** The record that stands at `offset`; valid until the next call. */
  record(offset: number, { batch, fileId, checksum, last, hardState }: WitnessNote): Uint8Array {
    this.#nameVotedFor(hardState?.votedFor ?? "");
    const view = this.#view;
    this.#payload.set(fileId);
    view.setUint32(8, checksum);
    setUint64(view, 16, last.index);
    setUint64(view, 24, last.term);
    if (hardState !== null) setUint64(view, shortPayloadBytes, hardState.currentTerm);
    const payload = hardState === null ? this.#payload.subarray(0, shortPayloadBytes) : this.#payload;
    this.#records.start(offset, 0);
    this.#records.append(recordTypes.witness, batch, payload);
    return this.#records.view();
  }

  #nameVotedFor(votedFor: string): void {
    if (votedFor === this.#votedFor) return;
    const name = textEncoder.encode(votedFor);
    this.#payload = new Uint8Array(payloadBytes + name.length);
    this.#payload.set(name, payloadBytes);
    this.#view = new DataView(this.#payload.buffer);
    this.#votedFor = votedFor;
  }
}

function decodeNote(batch: number, payload: Uint8Array): WitnessNote {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const last = { index: getUint64(view, 16), term: getUint64(view, 24) };
  const votedFor = textDecoder.decode(payload.subarray(payloadBytes));
  const hardState = payload.length < payloadBytes
    ? null
    : { currentTerm: getUint64(view, shortPayloadBytes), votedFor: votedFor === "" ? null : votedFor };
  return { batch, fileId: payload.slice(0, 8), checksum: view.getUint32(8), last, hardState };
}

function setUint64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, Math.floor(value / 2 ** 32));
  view.setUint32(offset + 4, value >>> 0);
}

function getUint64(view: DataView, offset: number): number {
  return view.getUint32(offset) * 2 ** 32 + view.getUint32(offset + 4);
}

/** The newest intact note in the bytes of a witness file, and which slot has it; null when there is none. */
function newestNote(
  bytes: Uint8Array,
  directory: string,
  directoryId: string,
): { readonly note: WitnessNote; readonly slot: number } | null {
  if (!hasPreamble(bytes, magics.witness, directory, witnessName)) return null;
  const fileId = witnessFileId(directoryId);
  let newest: { readonly note: WitnessNote; readonly slot: number } | null = null;
  for (const [slot, offset] of slotOffsets.entries()) {
    const reading = readRecord(bytes, offset, offset, fileId);
    if (reading.kind === "bad") continue;
    const { type, sequence, payload } = reading.record;
    if (type !== recordTypes.witness || payload.length < shortPayloadBytes) continue;
    if (newest === null || sequence > newest.note.batch) newest = { note: decodeNote(sequence, payload), slot };
  }
  return newest;
}

/** Reads the newest note of a directory, or null when there is none. Changes nothing. */
export async function readWitness(
  fileSystem: FileSystem,
  names: readonly string[],
  directoryId: string,
): Promise<WitnessNote | null> {
  if (!names.includes(witnessName)) return null;
  const file = await fileSystem.open(witnessName);
  try {
    return newestNote(await file.read(0, witnessBytes), fileSystem.directory, directoryId)?.note ?? null;
  } finally {
    file.close();
  }
}

/** Writes a new witness that holds `note` alone; durable except for the directory's own entry. */
async function createWitness(fileSystem: FileSystem, directoryId: string, note: WitnessNote): Promise<StorageFile> {
  const file = await fileSystem.open(witnessName, { create: true });
  const bytes = new Uint8Array(witnessBytes);
  bytes.set(encodePreamble(magics.witness));
  bytes.set(new NoteWriter(directoryId).record(slotOffsets[0], note), slotOffsets[0]);
  await file.write(0, bytes);
  await file.sync();
  return file;
}

/** Takes the notes of an open storage. */
export class Witness {
  readonly #file: StorageFile;
  /** One for all notes, since there is a note for each batch; to be used only while #writing is null. */
  readonly #notes: NoteWriter;
  readonly #clock: StorageClock;
  readonly #onFailure: (error: unknown) => void;
  /** Slot that takes notes. Never the one that holds the note flushed last. */
  #slot: number;
  /** Made, and not yet handed to the file because another write is under way. */
  #waiting: WitnessNote | null = null;
  #writing: Promise<void> | null = null;
  #flushing: Promise<void> | null = null;
  #timer: { cancel(): void } | null = null;
  #dirty = false;
  #closed = false;

  private constructor(
    file: StorageFile,
    slot: number,
    directoryId: string,
    clock: StorageClock,
    onFailure: (error: unknown) => void,
  ) {
    this.#file = file;
    this.#slot = slot;
    this.#notes = new NoteWriter(directoryId);
    this.#clock = clock;
    this.#onFailure = onFailure;
  }

  /** Opens the witness, or writes it anew with `note`, which names the log's last batch. Flushed when it resolves. */
  static async open(
    fileSystem: FileSystem,
    names: readonly string[],
    directoryId: string,
    note: WitnessNote,
    clock: StorageClock,
    onFailure: (error: unknown) => void,
  ): Promise<Witness> {
    if (names.includes(witnessName)) {
      const file = await fileSystem.open(witnessName);
      const found = newestNote(await file.read(0, witnessBytes), fileSystem.directory, directoryId);
      if (found !== null) {
        const witness = new Witness(file, (found.slot + 1) % slotOffsets.length, directoryId, clock, onFailure);
        witness.note(note);
        await witness.flush();
        return witness;
      }
      file.close();
      await fileSystem.remove(witnessName);
    }
    const file = await createWitness(fileSystem, directoryId, note);
    await fileSystem.syncDirectory();
    return new Witness(file, 1, directoryId, clock, onFailure);
  }

  /** Notes a batch whose fsync has returned. Never waits: what fails is told to `onFailure`. */
  note(note: WitnessNote): void {
    this.#waiting = note;
    this.#dirty = true;
    if (this.#writing === null) this.#writeWaiting();
    this.#timer ??= this.#clock.after(flushDelayMs, () => {
      this.#timer = null;
      this.flush().catch(this.#onFailure);
    });
  }

  #writeWaiting(): void {
    const note = this.#waiting;
    if (note === null) return;
    this.#waiting = null;
    const offset = slotOffsets[this.#slot] ?? slotOffsets[0];
    this.#writing = this.#file.write(offset, this.#notes.record(offset, note)).then(() => {
      this.#writing = null;
      this.#writeWaiting();
    });
    this.#writing.catch(this.#onFailure);
  }

  /** Makes the last note durable. */
  async flush(): Promise<void> {
    while (this.#flushing !== null) await this.#flushing;
    while (this.#writing !== null) await this.#writing;
    if (!this.#dirty || this.#closed) return;
    this.#dirty = false;
    this.#slot = (this.#slot + 1) % slotOffsets.length;
    this.#flushing = this.#file.sync();
    await this.#flushing;
    this.#flushing = null;
  }

  /** Flushes, unless the storage has failed, and closes the file. */
  async close(flush: boolean): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    try {
      if (flush) await this.flush();
    } finally {
      this.#closed = true;
      this.#file.close();
    }
  }
}
