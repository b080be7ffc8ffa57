/**
 * The ways to damage a directory, each a sequence of damages: at every offset, at every bit, in every sector.
 *
 * @module
 */
import { type Damage, type Files, sectorBytes, type TornShape } from "./damage.ts";

/** A way to damage a directory. */
export interface DamageKind {
  /** For the table. */
  readonly name: string;
  /** Every damage of this kind. Lazily: there are many. */
  readonly damages: (files: Files) => Iterable<Damage>;
}

/** A sector of a file. */
interface Sector {
  readonly file: string;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** The files that can be damaged: a lock has no content. */
function damageable(files: Files): [string, Uint8Array][] {
  return [...files].filter(([name]) => name !== "lock");
}

function sectorsOf(files: Files): Sector[] {
  return damageable(files).flatMap(([file, bytes]) =>
    Array.from({ length: Math.ceil(bytes.length / sectorBytes) }, (_, at) => {
      const offset = at * sectorBytes;
      return { file, offset, bytes: bytes.slice(offset, offset + sectorBytes) };
    })
  );
}

function* cuts(files: Files): Generator<Damage> {
  for (const [file, bytes] of damageable(files)) {
    for (let length = 0; length < bytes.length; length++) {
      yield { what: `${file} cut at ${length}`, changed: new Map([[file, bytes.slice(0, length)]]) };
    }
  }
}

function flippedAt(file: string, bytes: Uint8Array, bit: number): Damage {
  const flipped = bytes.slice();
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return { what: `${file}, byte ${bit >> 3}, bit ${bit & 7} flipped`, changed: new Map([[file, flipped]]) };
}

function* flips(files: Files): Generator<Damage> {
  for (const [file, bytes] of damageable(files)) {
    for (let bit = 0; bit < bytes.length * 8; bit++) yield flippedAt(file, bytes, bit);
  }
}

function withSectors(files: Files, sectors: readonly Sector[]): Files {
  const changed = new Map<string, Uint8Array>();
  for (const { file, offset, bytes } of sectors) {
    const copy = changed.get(file) ?? (files.get(file) ?? new Uint8Array(0)).slice();
    copy.set(bytes, offset);
    changed.set(file, copy);
  }
  return changed;
}

function* filledSectors(files: Files, filler: (at: number, old: number) => number, how: string): Generator<Damage> {
  for (const { file, offset, bytes } of sectorsOf(files)) {
    const filled = bytes.map((old, at) => filler(at, old));
    // A sector that held nothing but zeros is not damaged by zeros.
    if (filled.every((byte, at) => byte === bytes[at])) continue;
    const what = `${file}, sector at ${offset} ${how}`;
    yield { what, changed: withSectors(files, [{ file, offset, bytes: filled }]) };
  }
}

function* swappedSectors(files: Files): Generator<Damage> {
  const sectors = sectorsOf(files);
  for (const [slot, one] of sectors.entries()) {
    for (const other of sectors.slice(slot + 1)) {
      const isSame = one.bytes.length !== other.bytes.length || one.bytes.every((byte, at) => byte === other.bytes[at]);
      if (isSame) continue;
      const what = `${one.file}, sector at ${one.offset}, swapped with ${other.file}, sector at ${other.offset}`;
      const swapped = [{ ...one, bytes: other.bytes }, { ...other, bytes: one.bytes }];
      yield { what, changed: withSectors(files, swapped) };
    }
  }
}

function* staleSectors(files: Files): Generator<Damage> {
  const sectors = sectorsOf(files);
  for (const one of sectors) {
    for (const other of sectors) {
      const isSame = one.bytes.length !== other.bytes.length || one.bytes.every((byte, at) => byte === other.bytes[at]);
      if (one === other || isSame) continue;
      const what = `${one.file}, sector at ${one.offset}, holds a copy of ${other.file}, sector at ${other.offset}`;
      yield { what, changed: withSectors(files, [{ ...one, bytes: other.bytes }]) };
    }
  }
}

function* lostFiles(files: Files): Generator<Damage> {
  for (const [file] of damageable(files)) {
    yield { what: `${file} has no bytes`, changed: new Map([[file, new Uint8Array(0)]]) };
  }
}

/** Every way to damage a directory in which everything is acknowledged. */
export const damageKinds: readonly DamageKind[] = [
  { name: "file cut at every offset", damages: cuts },
  { name: "every bit flipped", damages: flips },
  { name: "sector zeroed", damages: (files) => filledSectors(files, () => 0, "zeroed") },
  { name: "sector garbled", damages: (files) => filledSectors(files, (at, old) => old ^ (at * 37 + 85), "garbled") },
  { name: "sectors swapped", damages: swappedSectors },
  { name: "sector misdirected", damages: staleSectors },
  { name: "file emptied", damages: lostFiles },
];

/** What a crash, and damage afterwards, may leave of a write that was never acknowledged. */
export function* tornTails({ files, log, start }: TornShape): Generator<Damage> {
  const bytes = files.get(log) ?? new Uint8Array(0);
  for (let length = start; length <= bytes.length; length++) {
    yield { what: `${log} cut at ${length}`, changed: new Map([[log, bytes.slice(0, length)]]) };
    for (const filler of [0x00, 0xaa, 0xff]) {
      const filled = bytes.slice().fill(filler, length);
      yield { what: `${log} filled with ${filler} from ${length}`, changed: new Map([[log, filled]]) };
      // A later sector made it to the disk, an earlier one did not.
      const holed = bytes.slice().fill(filler, start, length);
      yield { what: `${log} filled with ${filler} up to ${length}`, changed: new Map([[log, holed]]) };
    }
  }
  for (let bit = start * 8; bit < bytes.length * 8; bit++) yield flippedAt(log, bytes, bit);
}

/** Every flip of what was acknowledged before a write that was not. */
export function* flipsBeforeTail({ files, log, start }: TornShape): Generator<Damage> {
  const bytes = files.get(log) ?? new Uint8Array(0);
  for (let bit = 0; bit < start * 8; bit++) yield flippedAt(log, bytes, bit);
}
