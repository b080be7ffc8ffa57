/**
 * A shard group as a replicated state machine: the configuration it is at, the shards it serves, and those that come and go.
 *
 * Everything that happens to a shard is a command in the group's log, so that all its replicas agree on which command came
 * before the change and which behind it. What a group must do next is read off its state; whoever leads it does it (see
 * `mover.ts`), and a leader that crashes leaves nothing behind that its successor would have to know.
 *
 * ```text
 *            configure n: it is mine, and             last piece installed
 *            another group has its data
 *  absent ------------------------------> gaining ------------------------------> serving
 *     |                                                                             ^ |
 *     |  configure n: it is mine, and never was anybody's, or its data is here      | | configure n: it is another's
 *     +-----------------------------------------------------------------------------+ v
 *                                           drop, when the new owner has it         lost (frozen at n)
 * ```
 *
 * Rules that keep a shard whole:
 * 1. Configurations are taken one by one, and the next one only when no shard is gaining. So whoever is at configuration n
 *    or beyond has, or has lost at n and kept, every shard that was its own before n.
 * 2. A command for a shard is executed only while the shard is served. The configuration that takes it away stands in the
 *    same log, so nothing is executed behind it.
 * 3. A lost shard is never changed again, and is kept under the number at which it was lost until the new owner says, by
 *    that number, that it has it in its own replicated state. A shard may be lost, regained and lost again before that:
 *    those are different copies.
 * 4. A piece is taken only if it belongs to the present configuration and begins where the last one ended.
 *
 * @module
 */
import { finishMix, mixWord } from "../../raft/encoding/mix.ts";
import type { ApplyContext, SnapshotSource, StateMachine } from "../../raft/rsm/state_machine.ts";
import { type KvAnswer, type KvMachineOptions, type KvQuery, type KvResult, KvStateMachine } from "../state_machine.ts";
import { type GroupCommand, groupCommandCodec } from "./group_commands.ts";
import { copyKey, emptyGroupState, type GroupState, type Obligation } from "./group_state.ts";
import { groupSlices, GroupSnapshotReader } from "./group_snapshot.ts";
import { GainingShard, HostedShard, type LostShard } from "./shard_copies.ts";
import { firstConfiguration, type GroupId, homeOf, type ShardConfiguration } from "./shard_config.ts";

/** What a group's command comes to. */
export type GroupResult =
  | KvResult
  /** Not executed: the group does not serve the shard, as of this configuration. */
  | { readonly kind: "wrongGroup"; readonly number: number }
  /** The step is done, or was before. */
  | { readonly kind: "accepted" }
  /** The step does not fit the group's state; nothing has changed. */
  | { readonly kind: "refused"; readonly reason: GroupRefusal };

/** Why a step does not fit, by the number that digests have for each. */
const refusals = [
  /** The configuration is not the next one. */
  "notNext",
  /** Shards of the present configuration are still to come. */
  "notSettled",
  /** The configuration has another number of shards. */
  "otherShards",
  /** The shard is not coming, or not with this configuration, or not from here on. */
  "notExpected",
  /** The bytes are no shard. */
  "damaged",
  /** The group has not come to that configuration yet. */
  "behind",
] as const;

/** Why a step does not fit. */
export type GroupRefusal = typeof refusals[number];

/** A question for the machine of one shard. */
export interface GroupQuery {
  /** The shard. */
  readonly shard: number;
  /** What is asked. */
  readonly query: KvQuery;
}

/** The answer, and after how many commands of the shard; null when the shard is not served here. */
export type GroupAnswer = { readonly answer: KvAnswer; readonly sequence: number } | null;

const accepted: GroupResult = { kind: "accepted" };

/** See the module. */
export class ShardGroupMachine implements StateMachine<GroupCommand, GroupResult, GroupQuery, GroupAnswer> {
  /** See `group_commands.ts`. */
  readonly commandCodec = groupCommandCodec;
  /** Which group this is. */
  readonly group: GroupId;
  readonly #options: KvMachineOptions;
  readonly #onChanged: () => void;
  /** For digests of results, which need no state. */
  readonly #blank = new KvStateMachine();
  #state: GroupState = emptyGroupState();
  /** How often values were looked at; not a part of the state. */
  #scrubTurn = 0;

  /** `onChanged` is called whenever there may be something new to do for the leader. `options` only differ in tests. */
  constructor(group: GroupId, onChanged: () => void = () => {}, options: KvMachineOptions = {}) {
    this.group = group;
    this.#onChanged = onChanged;
    this.#options = options;
  }

  /** The state, to be read only, and only now. */
  get state(): Readonly<GroupState> {
    return this.#state;
  }

  /** The number of the configuration that the group is at; 0 before the first. */
  get number(): number {
    return this.#state.configuration?.number ?? 0;
  }

  /** Executes a command. */
  apply(command: GroupCommand, context: ApplyContext): GroupResult {
    if (command.kind === "shard") {
      const hosted = this.#state.serving.get(command.shard);
      if (hosted === undefined) return { kind: "wrongGroup", number: this.number };
      return hosted.apply(command.command, context);
    }
    const result = this.#step(command);
    this.#onChanged();
    return result;
  }

  /**
   * A digest of which shards are here, how many commands each of those that are served has executed, and what they hold.
   * Looks each time at some values of one shard, the next one in turn; throws if one is not what was written.
   */
  digest(): number {
    const { serving, lost, gaining, obligations } = this.#state;
    const shards = [...serving.keys()].sort((left, right) => left - right);
    const scrubbed = shards[this.#scrubTurn++ % Math.max(1, shards.length)];
    if (scrubbed !== undefined) serving.get(scrubbed)?.scrub();
    let digest = mixWord(this.number, mixWord(lost.size, mixWord(gaining.size, obligations.size)));
    for (const shard of shards) {
      const hosted = serving.get(shard);
      if (hosted === undefined) continue;
      const { hash } = hosted.figures();
      digest = mixWord(mixWord(digest, shard), mixWord(hosted.sequence | 0, Number.parseInt(hash.slice(8), 16)));
    }
    return finishMix(digest);
  }

  /** Results of shards have digests of their own; the others are told apart by their kinds. */
  digestOfResult(result: GroupResult): number {
    switch (result.kind) {
      case "wrongGroup":
        return mixWord(-4, result.number);
      case "accepted":
        return -5;
      case "refused":
        return mixWord(-6, refusals.indexOf(result.reason));
      default:
        return this.#blank.digestOfResult(result);
    }
  }

  /** Answers from the state as it is. */
  query({ shard, query }: GroupQuery): GroupAnswer {
    const hosted = this.#state.serving.get(shard);
    return hosted === undefined ? null : { answer: hosted.query(query), sequence: hosted.sequence };
  }

  /** A view of the state as it is. */
  snapshot(): SnapshotSource {
    let slices: Iterable<Uint8Array> | null = groupSlices(this.group, this.#state);
    return {
      async *chunks() {
        if (slices !== null) yield* slices;
      },
      release() {
        slices = null;
      },
    };
  }

  /** Replaces the state; leaves it as it was if the snapshot is not correct, and throws. */
  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const reader = new GroupSnapshotReader(this.group, this.#options);
    for await (const chunk of chunks) reader.push(chunk);
    this.#state = reader.end();
    this.#onChanged();
  }

  #step(command: Exclude<GroupCommand, { readonly kind: "shard" }>): GroupResult {
    switch (command.kind) {
      case "configure":
        return this.#configure(command.configuration);
      case "install":
        return this.#install(command);
      case "drop":
        // What is not here was dropped before, unless it is yet to be lost.
        if (command.frozenAt > this.number) return { kind: "refused", reason: "behind" };
        this.#state.lost.delete(copyKey(command));
        return accepted;
      case "confirmed":
        this.#state.obligations.delete(copyKey(command));
        return accepted;
    }
  }

  #configure(next: ShardConfiguration): GroupResult {
    const state = this.#state;
    if (next.number !== this.number + 1) return { kind: "refused", reason: "notNext" };
    if (state.gaining.size > 0) return { kind: "refused", reason: "notSettled" };
    const before = state.configuration ?? firstConfiguration(next.shards.length);
    if (next.shards.length !== before.shards.length) return { kind: "refused", reason: "otherShards" };
    for (const [shard, owner] of next.shards.entries()) {
      const hosted = state.serving.get(shard);
      if (owner === this.group && hosted === undefined) this.#gain(shard, before);
      else if (owner !== this.group && hosted !== undefined) {
        state.serving.delete(shard);
        const lost: LostShard = { shard, frozenAt: next.number, to: owner, hosted };
        state.lost.set(copyKey(lost), lost);
      }
    }
    state.configuration = next;
    return accepted;
  }

  /** A shard becomes this group's own; `before` says where its data is. */
  #gain(shard: number, before: ShardConfiguration): void {
    const { serving, gaining, lost } = this.#state;
    const home = homeOf(before, shard);
    if (home === null) {
      serving.set(shard, new HostedShard(new KvStateMachine(this.#options)));
    } else if (home.group !== this.group) {
      gaining.set(shard, new GainingShard(home.group, home.servers, this.#options));
    } else {
      // It went to nobody, and comes back: the copy that was lost last, which nobody else can have asked for.
      const copies = [...lost.values()].filter((copy) => copy.shard === shard && copy.to === 0);
      const [copy] = copies.sort((left, right) => right.frozenAt - left.frozenAt);
      if (copy === undefined) throw new Error(`shard ${shard} should be here, frozen, and is not`);
      lost.delete(copyKey(copy));
      serving.set(shard, copy.hosted);
    }
  }

  #install({ number, piece }: Extract<GroupCommand, { readonly kind: "install" }>): GroupResult {
    const { serving, gaining, obligations } = this.#state;
    const { shard, frozenAt } = piece;
    const copy = gaining.get(shard);
    if (copy === undefined || number !== this.number) return { kind: "refused", reason: "notExpected" };
    const outcome = copy.take(piece);
    switch (outcome.kind) {
      case "more":
        return accepted;
      case "misplaced":
        return { kind: "refused", reason: "notExpected" };
      case "damaged":
        return { kind: "refused", reason: "damaged" };
      case "complete": {
        gaining.delete(shard);
        serving.set(shard, outcome.hosted);
        const obligation: Obligation = { shard, frozenAt, group: copy.group, servers: copy.servers };
        obligations.set(copyKey(obligation), obligation);
        return accepted;
      }
    }
  }
}
