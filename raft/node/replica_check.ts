/**
 * Compares what replicas have come to at equal indexes, and finds out who is wrong.
 *
 * At each checkpoint a node tells its digest to all other members. Each judges for itself, by what it has heard about one
 * index and the configuration that was active there:
 *
 * - a majority has another digest than this node: this node has diverged, and stops;
 * - a majority, this node among it, has one digest: whoever has another one has diverged, and will find out;
 * - all have told, and no digest has a majority (two nodes that differ, three that all do): every node stops;
 * - two differ, and who has not told yet would decide: this node asks, again and again, and stops when nobody could decide
 *   within {@link patienceTimeouts} election timeouts. A later index at which it is with the majority settles it, too, since
 *   a digest once different stays so.
 *
 * Who hears a digest other than its own, of a member or a learner, answers with its own, once: so a node that was away
 * while an index was compared hears of it when it gets there. Messages may be lost: the next checkpoint tells as much.
 * Learners tell and are told, but do not count.
 *
 * @module
 */
import { isVoter, membersOf } from "../core/configuration.ts";
import type { StateDigest } from "../core/message.ts";
import { hasQuorum } from "../core/quorum.ts";
import type { Configuration, LogIndex, NodeId } from "../core/types.ts";
import { DivergenceError, type DivergenceVerdict } from "./divergence_error.ts";

/** Which way of computing digests this program knows; another one needs another number. */
export const digestVersion = 1;

/** Checkpoints that are remembered, of this node and of the others: more than any that lags without needing a snapshot. */
const maxCheckpoints = 1024;

/** How long a disagreement may stay undecided, in election timeouts. */
const patienceTimeouts = 10;

/** What is to be said to a member. */
export type DigestStatement = Pick<StateDigest, "to" | "version" | "index" | "digest" | "isQuestion">;

/** What a {@link ReplicaCheck} works with. */
export interface ReplicaCheckOptions {
  /** This node. */
  readonly id: NodeId;
  /** The configuration that was active at an index. */
  readonly configurationAt: (index: LogIndex) => Configuration;
  /** Says something to another node. */
  readonly send: (statement: DigestStatement) => void;
  /** Told what an operator may want to know. */
  readonly onProblem?: ((text: string) => void) | undefined;
  /** This node must stop. */
  readonly onDiverged: (error: DivergenceError) => void;
}

interface OwnDigest {
  readonly digest: number;
  readonly configuration: Configuration;
  /** Who was answered about this index. */
  readonly answered: Set<NodeId>;
}

/** See the module. */
export class ReplicaCheck {
  readonly #options: ReplicaCheckOptions;
  /** By index, ascending. */
  readonly #own = new Map<LogIndex, OwnDigest>();
  /** By index, in the order in which they were first heard of. */
  readonly #heard = new Map<LogIndex, Map<NodeId, number>>();
  /** Indexes at which nobody could decide yet, with the election timeouts that this has lasted. */
  readonly #doubts = new Map<LogIndex, number>();
  /** Members that a problem was reported about. */
  readonly #reported = new Set<NodeId>();
  #agreedIndex: LogIndex = 0;

  /** Knows nothing yet. */
  constructor(options: ReplicaCheckOptions) {
    this.#options = options;
  }

  /** The last index at which a majority, this node among it, was seen to have the same state; 0 before the first. */
  get agreedIndex(): LogIndex {
    return this.#agreedIndex;
  }

  /** This node has come to `digest` at `index`, which is later than all before but for a restart. */
  reached(index: LogIndex, digest: number): void {
    const configuration = this.#options.configurationAt(index);
    this.#own.set(index, { digest, configuration, answered: new Set() });
    forgetFirst(this.#own);
    this.#tellAll(index, { digest, configuration }, false);
    this.#judge(index);
  }

  /** Somebody has told a digest. */
  receive({ from, version, index, digest, isQuestion }: StateDigest): void {
    if (version !== digestVersion) return;
    let heard = this.#heard.get(index);
    if (heard === undefined) {
      heard = new Map();
      this.#heard.set(index, heard);
      forgetFirst(this.#heard);
    }
    heard.set(from, digest);
    const own = this.#own.get(index);
    if (own === undefined) return;
    if (isQuestion || (own.digest !== digest && !own.answered.has(from))) {
      own.answered.add(from);
      this.#tell(from, index, own.digest, false);
    }
    this.#judge(index);
  }

  /** An election timeout has passed. */
  tick(): void {
    for (const [index, timeouts] of this.#doubts) {
      const own = this.#own.get(index);
      if (own === undefined) {
        this.#doubts.delete(index);
      } else if (timeouts + 1 >= patienceTimeouts) {
        return this.#stop(index, "noMajority");
      } else {
        this.#doubts.set(index, timeouts + 1);
        this.#tellAll(index, own, true);
      }
    }
  }

  /** The state was replaced by a snapshot: what this node had come to before is void. */
  restored(): void {
    this.#own.clear();
    this.#doubts.clear();
  }

  #judge(index: LogIndex): void {
    const own = this.#own.get(index);
    const heard = this.#heard.get(index);
    if (own === undefined || heard === undefined) return;
    const { configuration, digest } = own;
    const digestOf = (member: NodeId): number | undefined => member === this.#options.id ? digest : heard.get(member);
    const hasMajority = (value: number): boolean => hasQuorum(configuration, (member) => digestOf(member) === value);
    const others = [...heard].filter(([member, value]) => value !== digest && isVoter(configuration, member));
    if (hasMajority(digest)) return this.#agree(index, others.map(([member]) => member));
    // All is well so far, or this node was in doubt and who differed has come round.
    if (others.length === 0) return void this.#doubts.delete(index);
    if (others.some(([, value]) => hasMajority(value))) return this.#stop(index, "minority");
    const voters = [...configuration.voters, ...configuration.outgoing];
    if (voters.every((member) => digestOf(member) !== undefined)) return this.#stop(index, "noMajority");
    if (this.#doubts.has(index)) return;
    this.#doubts.set(index, 0);
    this.#tellAll(index, own, true);
  }

  /** This node is right. */
  #agree(index: LogIndex, wrong: readonly NodeId[]): void {
    for (const doubt of this.#doubts.keys()) if (doubt <= index) this.#doubts.delete(doubt);
    if (index > this.#agreedIndex) this.#agreedIndex = index;
    for (const member of wrong) {
      if (this.#reported.has(member)) continue;
      this.#reported.add(member);
      this.#options.onProblem?.(
        `The state of ${member} differs from that of a majority at index ${index} (${this.#describe(index)}): ` +
          `it must stop, and this node goes on`,
      );
    }
  }

  #stop(index: LogIndex, verdict: DivergenceVerdict): void {
    this.#doubts.clear();
    this.#options.onDiverged(new DivergenceError(index, verdict, this.#describe(index)));
  }

  #describe(index: LogIndex): string {
    const { id } = this.#options;
    const digests = new Map(this.#heard.get(index));
    const own = this.#own.get(index);
    if (own !== undefined) digests.set(id, own.digest);
    const texts = [...digests].sort().map(([member, digest]) => `${member} has ${hex(digest)}`);
    return texts.join(", ");
  }

  #tellAll(index: LogIndex, own: Pick<OwnDigest, "digest" | "configuration">, isQuestion: boolean): void {
    for (const member of membersOf(own.configuration)) {
      if (member !== this.#options.id) this.#tell(member, index, own.digest, isQuestion);
    }
  }

  #tell(to: NodeId, index: LogIndex, digest: number, isQuestion: boolean): void {
    this.#options.send({ to, version: digestVersion, index, digest, isQuestion });
  }
}

function forgetFirst(map: Map<LogIndex, unknown>): void {
  if (map.size <= maxCheckpoints) return;
  for (const index of map.keys()) {
    map.delete(index);
    return;
  }
}

function hex(digest: number): string {
  return digest.toString(16).padStart(8, "0");
}
