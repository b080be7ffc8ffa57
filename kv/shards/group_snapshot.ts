/**
 * A snapshot of a shard group as bytes. Equal states have equal bytes.
 *
 * It is a sequence of frames (`kv/snapshot_frames.ts`), each with one of these items:
 *
 * | frame | item |
 * |---|---|
 * | first, exactly one | `["balsa-shards", version, group, configuration]`, version being 1, configuration null for none |
 * | a shard that is served | `[1, shard, sequence, clusterTimeMs]`; its content follows |
 * | a shard that was lost | `[2, shard, frozenAt, to, sequence, clusterTimeMs]`; its content follows |
 * | a shard that is coming | `[3, shard, group, [address, …]]`; what has come of it follows |
 * | content, any number | `[4, bytes]`: a part of the snapshot of the shard's machine (`kv/snapshot.ts`) |
 * | a copy that another group is to drop | `[5, shard, frozenAt, group, [address, …]]` |
 * | last, exactly one | `[6, number of frames before it]` |
 *
 * Each kind comes in the order of shards, then of numbers.
 *
 * @module
 */
import type { CborValue } from "../../raft/encoding/cbor.ts";
import { CborWriter } from "../../raft/encoding/cbor_writer.ts";
import { arrayFrom, arrayOf, counterFrom, ShapeError, shown } from "../shape.ts";
import { type FrozenState, SnapshotReader, snapshotSlices } from "../snapshot.ts";
import { frameOf, FrameReader } from "../snapshot_frames.ts";
import { type KvMachineOptions, KvStateMachine } from "../state_machine.ts";
import { configurationFromCbor, configurationToCbor, groupFrom, serversFrom } from "./configuration_codec.ts";
import { type CopyName, copyNameFrom, shardFrom } from "./group_commands.ts";
import { copyKey, emptyGroupState, type GroupState } from "./group_state.ts";
import { GainingShard, HostedShard } from "./shard_copies.ts";
import { type GroupId, nobody } from "./shard_config.ts";

const magic = "balsa-shards";
const formatVersion = 1;
const servingFrame = 1;
const lostFrame = 2;
const gainingFrame = 3;
const contentFrame = 4;
const obligationFrame = 5;
const endFrame = 6;

/** A frame's item, and the content that follows it. */
interface Part {
  readonly item: CborValue;
  readonly content: FrozenState | readonly Uint8Array[];
}

/** The bytes of a snapshot of the state as it is now, made while they are read. */
export function groupSlices(group: GroupId, state: Readonly<GroupState>): Iterable<Uint8Array> {
  const { configuration } = state;
  const header: CborValue = [
    ...[magic, formatVersion, group],
    configuration === null ? null : configurationToCbor(configuration),
  ];
  const parts = partsOf(state);
  return { [Symbol.iterator]: () => slicesOf(header, parts) };
}

function partsOf({ serving, lost, gaining, obligations }: Readonly<GroupState>): Part[] {
  const byShard = ([left]: [number, unknown], [right]: [number, unknown]): number => left - right;
  return [
    ...[...serving].sort(byShard).map(([shard, hosted]): Part => ({
      item: [servingFrame, shard, hosted.sequence, hosted.clusterTimeMs],
      content: hosted.freeze(),
    })),
    ...[...lost.values()].sort(byName).map(({ shard, frozenAt, to, hosted }): Part => ({
      item: [lostFrame, shard, frozenAt, to, hosted.sequence, hosted.clusterTimeMs],
      content: hosted.freeze(),
    })),
    ...[...gaining].sort(byShard).map(([shard, copy]): Part => ({
      item: [gainingFrame, shard, copy.group, copy.servers],
      content: copy.pieces,
    })),
    ...[...obligations.values()].sort(byName).map(({ shard, frozenAt, group, servers }): Part => ({
      item: [obligationFrame, shard, frozenAt, group, servers],
      content: [],
    })),
  ];
}

function byName(left: CopyName, right: CopyName): number {
  return left.shard - right.shard || left.frozenAt - right.frozenAt;
}

function* slicesOf(header: CborValue, parts: readonly Part[]): IterableIterator<Uint8Array> {
  const writer = new CborWriter(64 * 1024);
  let frames = 0;
  const frame = (item: CborValue): Uint8Array => {
    frames++;
    return frameOf(writer, () => writer.value(item));
  };
  yield frame(header);
  for (const { item, content } of parts) {
    yield frame(item);
    for (const bytes of "entries" in content && "hash" in content ? snapshotSlices(content) : content) {
      yield frame([contentFrame, bytes]);
    }
  }
  yield frameOf(writer, () => writer.value([endFrame, frames]));
}

/** Reads a snapshot piece by piece; throws {@link ShapeError} or a CborError on anything but a correct one. */
export class GroupSnapshotReader {
  readonly #group: GroupId;
  readonly #options: KvMachineOptions;
  readonly #state: GroupState = emptyGroupState();
  readonly #frames = new FrameReader((item) => this.#frame(item));
  /** What takes the content of the shard that was begun, and what to do when that is whole. */
  #content: ((bytes: Uint8Array) => void) | null = null;
  #finish: () => void = () => {};
  #count = 0;
  #isDone = false;

  /** Reads a snapshot of `group`. */
  constructor(group: GroupId, options: KvMachineOptions = {}) {
    this.#group = group;
    this.#options = options;
  }

  /** Takes some bytes. */
  push(chunk: Uint8Array): void {
    this.#frames.push(chunk);
  }

  /** What was read; throws {@link ShapeError} unless it was whole. */
  end(): GroupState {
    if (!this.#isDone || !this.#frames.isEmpty) throw new ShapeError("the snapshot is cut short");
    return this.#state;
  }

  #frame(item: CborValue): void {
    const items = arrayFrom(item, "a snapshot frame");
    if (this.#isDone) throw new ShapeError("the snapshot goes on behind its last frame");
    if (this.#count === 0) this.#header(items);
    else if (items[0] === contentFrame) this.#takeContent(items);
    else {
      this.#finish();
      this.#finish = () => {};
      this.#content = null;
      this.#part(items);
    }
    this.#count++;
  }

  #header(items: readonly CborValue[]): void {
    const [found, version, group, configuration] = arrayOf(items, 4, "the snapshot's header");
    if (found !== magic || version !== formatVersion) {
      throw new ShapeError(
        `this is not a snapshot of a shard group, or of a later version of Balsa: ${shown(version)}`,
      );
    }
    if (group !== this.#group) throw new ShapeError(`this is a snapshot of group ${shown(group)}, not ${this.#group}`);
    this.#state.configuration = configuration === null ? null : configurationFromCbor(configuration);
  }

  #part(items: readonly CborValue[]): void {
    switch (items[0]) {
      case servingFrame: {
        const [, shard, sequence, clusterTimeMs] = arrayOf(items, 4, "a shard");
        const number = shardFrom(shard);
        return this.#hosted(sequence, clusterTimeMs, (hosted) => this.#state.serving.set(number, hosted));
      }
      case lostFrame: {
        const [, shard, frozenAt, to, sequence, clusterTimeMs] = arrayOf(items, 6, "a lost shard");
        const name = copyNameFrom(shard, frozenAt);
        const owner = groupFrom(to, nobody);
        return this.#hosted(sequence, clusterTimeMs, (hosted) => {
          this.#state.lost.set(copyKey(name), { ...name, to: owner, hosted });
        });
      }
      case gainingFrame: {
        const [, shard, group, servers] = arrayOf(items, 4, "a coming shard");
        const copy = new GainingShard(groupFrom(group), serversFrom(servers), this.#options);
        this.#state.gaining.set(shardFrom(shard), copy);
        this.#content = (bytes) => copy.load(bytes.slice());
        return;
      }
      case obligationFrame: {
        const [, shard, frozenAt, group, servers] = arrayOf(items, 5, "a copy to be dropped");
        const obligation = {
          ...copyNameFrom(shard, frozenAt),
          group: groupFrom(group),
          servers: serversFrom(servers),
        };
        this.#state.obligations.set(copyKey(obligation), obligation);
        return;
      }
      case endFrame: {
        const [, frames] = arrayOf(items, 2, "the snapshot's last frame");
        if (frames !== this.#count) {
          throw new ShapeError(`the snapshot says ${shown(frames)} frames, but has ${this.#count}`);
        }
        this.#isDone = true;
        return;
      }
      default:
        throw new ShapeError(`a snapshot frame of kind ${shown(items[0])} is unknown`);
    }
  }

  /** A shard with its data, whose content follows. */
  #hosted(
    sequence: CborValue | undefined,
    clusterTimeMs: CborValue | undefined,
    keep: (hosted: HostedShard) => void,
  ): void {
    const reader = new SnapshotReader(this.#options);
    const [count, timeMs] = [counterFrom(sequence, 0, "sequence"), counterFrom(clusterTimeMs, 0, "clusterTimeMs")];
    this.#content = (bytes) => reader.push(bytes);
    this.#finish = () => {
      const machine = new KvStateMachine(this.#options);
      machine.adopt(reader.end());
      keep(new HostedShard(machine, count, timeMs));
    };
  }

  #takeContent(items: readonly CborValue[]): void {
    const [, bytes] = arrayOf(items, 2, "content");
    if (!(bytes instanceof Uint8Array) || this.#content === null) throw new ShapeError("content is out of place");
    this.#content(bytes);
  }
}
