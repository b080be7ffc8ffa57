/**
 * Decides who may speak under which identity: at the door, where peers say from which directory they speak, and for the
 * node itself, which may have to wait before its first promise, or to stop.
 *
 * A vote or an acknowledgement is a promise, and it is only as good as the directory that remembers it. So:
 *
 * 1. **Each node remembers from which directory each of its peers spoke last** (directory id, generation, opening;
 *    `DirectoryStamp`), durably, before it says a word to them. An identity that comes back from another directory, or
 *    from an older generation of the same one, is refused as *retired*.
 * 2. **A node in a new directory promises nothing until every other member of the initial configuration has met that very
 *    directory** (*founding*). From then on whoever could ever count a promise of this node would notice if it came from
 *    elsewhere: had an earlier directory of this node promised anything to a candidate or leader X, then X, having begun to
 *    take part itself, had met that earlier directory, and refuses this one.
 * 3. A node that is refused as retired, or that learns of entries which it has acknowledged and does not have (`Reminder` in
 *    `core/message.ts`), gives up its identity for ever and comes back as a stranger under a later incarnation, which no
 *    configuration has and which therefore neither campaigns nor counts. The leader takes it in as a learner, and once it has
 *    caught up in place of the old one (`node/replacement.ts`), through joint consensus, in which the old identity's promises
 *    are never counted as the new one's.
 *
 * What follows for operators: the very first start of a cluster needs all its members once; then a majority will do. What
 * cannot be noticed: a copy made of a *running* node's directory and put back after its next clean stop, unless the leader
 * that the node followed leads still; and what nobody is left to bear witness of, when a majority has lost its disks.
 *
 * @module
 */
import { latestOf } from "../core/configuration.ts";
import { type DirectoryStamp, incarnationOf, nameOf, type NodeId } from "../core/types.ts";
import type { AdmissionPort } from "../node/options.ts";
import type { DirectoryCard } from "../storage/directory_card.ts";
import type { Hello, HelloReply, Knowledge } from "../wire/hello.ts";
import type { Refusal } from "../wire/listener.ts";
import type { ClusterView } from "../wire/transport.ts";
import { RetiredError } from "./retired_error.ts";

/** What an {@link Admission} begins with. */
export interface AdmissionOptions {
  /** The node's directory. */
  readonly card: DirectoryCard;
  /** Whether nothing was ever promised from that directory. */
  readonly isNew: boolean;
  /** Names of the other members of the initial configuration. */
  readonly others: readonly string[];
}

/** Keeps the door of one node. */
export class Admission implements AdmissionPort {
  readonly #card: DirectoryCard;
  readonly #others: readonly string[];
  /** Where each identity was met last; what is being made durable included. */
  readonly #met: Map<NodeId, DirectoryStamp>;
  /** Of what is being made durable, by identity: ends when it is, or when that has failed. */
  readonly #remembering = new Map<NodeId, Promise<null>>();
  readonly #founded = Promise.withResolvers<void>();
  readonly #retired = Promise.withResolvers<Error>();
  #isFounded: boolean;
  #isRetiring = false;
  #view: ClusterView | null = null;

  /** Of a node that has just opened its directory. */
  constructor({ card, isNew, others }: AdmissionOptions) {
    this.#card = card;
    this.#others = others;
    this.#met = new Map(card.peers);
    // Who has taken part has been through this; who is a stranger has no promise to wait with.
    this.#isFounded = !isNew || card.incarnation > 0;
    if (this.#isFounded) this.#founded.resolve();
    else this.#checkFounded();
  }

  /** See {@link AdmissionPort.isFounded}. */
  get isFounded(): boolean {
    return this.#isFounded;
  }

  /** See {@link AdmissionPort.founded}. */
  get founded(): Promise<void> {
    return this.#founded.promise;
  }

  /** See {@link AdmissionPort.retired}. */
  get retired(): Promise<Error> {
    return this.#retired.promise;
  }

  /** Whether peers must be dialled although there is nothing to say: to be met by all, or to be taken in. */
  get isEager(): boolean {
    if (this.#isRetiring) return false;
    return !this.#isFounded || (this.#card.incarnation > 0 && !this.#isVoter());
  }

  /** Takes note of what the node knows of its cluster. */
  observe(view: ClusterView): void {
    this.#view = view;
  }

  /** Judges a peer that has connected. */
  admit(hello: Hello): Refusal | null | Promise<Refusal | null> {
    const refusal = (problem: string | null): Refusal | null =>
      problem === null ? null : { errorCode: "retired", message: problem };
    const verdict = this.#judge(hello.nodeId, hello.stamp ?? null);
    return verdict instanceof Promise ? verdict.then(refusal) : refusal(verdict);
  }

  /** Judges a peer that has answered: null, or why it may not be talked to. */
  judgeReply(reply: HelloReply): string | null | Promise<string | null> {
    return this.#judge(reply.nodeId, reply.knowledge?.stamp ?? null);
  }

  /** What whoever asks is told. */
  knowledge(hello: Hello): Knowledge {
    const member = hello.role === "peer" ? this.#memberNamed(nameOf(hello.nodeId)) : null;
    return { stamp: this.#card.stamp, leader: this.#view?.leader ?? "", member: member ?? "" };
  }

  /** A peer will not have this node. */
  refused(reply: HelloReply): void {
    if (reply.errorCode !== "retired" || this.#isRetiring) return;
    const reason = `${nameOf(reply.nodeId)} says: ${reply.message}`;
    void this.#retire(reason).then(() => this.#retired.resolve(new RetiredError(this.#card.identity, reason)));
  }

  /** See {@link AdmissionPort.giveUp}. The directory is not closed before that is written. */
  giveUp(reason: string): Error {
    void this.#retire(reason);
    return new RetiredError(this.#card.identity, reason);
  }

  async #retire(reason: string): Promise<void> {
    this.#isRetiring = true;
    try {
      await this.#card.retire(reason);
    } catch {
      // Whoever has said so will say it again to the next process.
    }
  }

  #judge(identity: NodeId, stamp: DirectoryStamp | null): string | null | Promise<string | null> {
    if (stamp === null) return `${identity} does not say from which directory it speaks`;
    const member = this.#memberNamed(nameOf(identity));
    if (member !== null && incarnationOf(member) > incarnationOf(identity)) {
      return `${identity} was replaced by ${member}`;
    }
    const known = this.#met.get(identity);
    if (known !== undefined) {
      if (known.directoryId !== stamp.directoryId) {
        return `${identity} used to speak from another directory, whose promises are lost`;
      }
      // Whoever connects twice before it is remembered waits twice.
      if (known.generation === stamp.generation && known.opening === stamp.opening) {
        return this.#remembering.get(identity) ?? null;
      }
      if (known.generation >= stamp.generation) {
        return `the directory of ${identity} is an older copy: it is at generation ${stamp.generation}, and ` +
          `generation ${known.generation} has been met already`;
      }
    }
    this.#met.set(identity, stamp);
    const remembering = this.#remember(identity, stamp);
    this.#remembering.set(identity, remembering);
    return remembering;
  }

  async #remember(identity: NodeId, stamp: DirectoryStamp): Promise<null> {
    try {
      await this.#card.remember(identity, stamp);
    } finally {
      // Unless it has come back from somewhere else meanwhile, and that is being remembered now.
      if (this.#met.get(identity) === stamp) this.#remembered(identity);
    }
    this.#checkFounded();
    return null;
  }

  /** What counts from here on is what is durable: after a write that failed, the peer is a stranger, or where it was before. */
  #remembered(identity: NodeId): void {
    this.#remembering.delete(identity);
    const durable = this.#card.peers.get(identity);
    if (durable === undefined) this.#met.delete(identity);
    else this.#met.set(identity, durable);
  }

  #checkFounded(): void {
    if (this.#isFounded || this.#isRetiring) return;
    const met = new Set([...this.#card.peers.keys()].map(nameOf));
    if (!this.#others.every((name) => met.has(name))) return;
    this.#isFounded = true;
    this.#founded.resolve();
  }

  #memberNamed(name: string): NodeId | null {
    return this.#view === null ? null : latestOf(this.#view.configuration, name);
  }

  #isVoter(): boolean {
    return this.#view !== null && this.#view.configuration.voters.includes(this.#card.identity);
  }
}
