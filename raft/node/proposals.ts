/**
 * Commands on their way into the log: what arrives in one turn of the event loop is proposed as one batch, so that it
 * costs one disk write and one AppendEntries per follower, however many callers there are.
 *
 * @module
 */
import { entryOverheadBytes } from "../core/log.ts";
import type { ProposalOutcome, RaftEvent, RefusalReason } from "../core/message.ts";
import type { EntryId, NodeId } from "../core/types.ts";

export type { RefusalReason };

/** What became of a proposal. */
export type ProposeOutcome =
  /** Appended to the leader's log as this entry; whether it is ever committed is decided by that slot. */
  | { readonly kind: "accepted"; readonly entry: EntryId }
  /** Not appended, here or anywhere; `leader` is who may know better. */
  | {
    readonly kind: "refused";
    readonly reason: RefusalReason | "stopped" | "diskFull";
    readonly leader: NodeId | null;
  }
  /** The node stopped while it was about to say: the entry may have left it or not. */
  | { readonly kind: "unknown" };

/** Told exactly once what became of a proposal. Must not throw: that stops the node. */
export type ProposeCallback = (outcome: ProposeOutcome) => void;

interface Proposal {
  readonly command: Uint8Array;
  readonly callback: ProposeCallback;
}

/** What the core was asked, and for whom. */
interface Stepped {
  readonly id: number;
  readonly batch: readonly Proposal[];
}

/** A batch becomes one `propose` event, which the core accepts or refuses as a whole: so it is kept to a fair size. */
const maxBatchBytes = 1024 * 1024;
const maxBatchCommands = 4096;

/** Proposals waiting for the next turn, and those that the core has not answered yet. */
export class Proposals {
  #waiting: Proposal[] = [];
  /** Hardly ever more than one: the core answers at once. */
  #stepped: Stepped[] = [];
  #nextId = 1;
  /** How many of #waiting, from its beginning, have waited since {@link refuseOverdue} looked last. */
  #overdue = 0;

  /** Takes a command for the next turn. */
  add(command: Uint8Array, callback: ProposeCallback): void {
    this.#waiting.push({ command, callback });
  }

  /** An identifier for a proposal that is stepped by somebody else; answered to the callback as the others are. */
  reserve(callback: ProposeCallback): number {
    const id = this.#nextId++;
    this.#stepped.push({ id, batch: [{ command: new Uint8Array(), callback }] });
    return id;
  }

  /** Whether something waits for {@link stepAll}. */
  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /**
   * Proposes what waits, in order, in as few events as the limits allow, until `roomBytes` of the log are used up. Returns
   * how many bytes of the log what it has proposed will take at the most.
   */
  stepAll(step: (event: RaftEvent) => void, clusterTimeMs: number, roomBytes: number): number {
    const waiting = this.#waiting;
    let start = 0;
    let bytes = 0;
    let takenBytes = 0;
    let end = 0;
    for (; end < waiting.length && takenBytes < roomBytes; end++) {
      const size = waiting[end]?.command.length ?? 0;
      if (end > start && (bytes + size > maxBatchBytes || end - start >= maxBatchCommands)) {
        this.#stepBatch(waiting.slice(start, end), step, clusterTimeMs);
        start = end;
        bytes = 0;
      }
      bytes += size;
      takenBytes += size + entryOverheadBytes;
    }
    this.#waiting = end === waiting.length ? [] : waiting.slice(end);
    this.#overdue = Math.max(0, this.#overdue - end);
    if (end > start) {
      this.#stepBatch(end - start === waiting.length ? waiting : waiting.slice(start, end), step, clusterTimeMs);
    }
    return takenBytes;
  }

  /** To be called at intervals: refuses what has waited for a whole one. */
  refuseOverdue(leader: NodeId | null): void {
    const overdue = this.#waiting.splice(0, this.#overdue);
    this.#overdue = this.#waiting.length;
    for (const { callback } of overdue) callback({ kind: "refused", reason: "overloaded", leader });
  }

  #stepBatch(batch: readonly Proposal[], step: (event: RaftEvent) => void, clusterTimeMs: number): void {
    const proposalId = this.#nextId++;
    this.#stepped.push({ id: proposalId, batch });
    step({ type: "propose", proposalId, commands: batch.map((proposal) => proposal.command), clusterTimeMs });
  }

  /** Passes the core's answer on to everyone in the batch. */
  answer(outcome: ProposalOutcome, leader: NodeId | null): void {
    const position = this.#stepped.findIndex(({ id }) => id === outcome.proposalId);
    const [stepped] = position < 0 ? [] : this.#stepped.splice(position, 1);
    if (stepped === undefined) return;
    const { batch } = stepped;
    if (outcome.kind === "refused") {
      for (const proposal of batch) proposal.callback({ kind: "refused", reason: outcome.reason, leader });
      return;
    }
    let index = outcome.first.index;
    const term = outcome.first.term;
    for (const proposal of batch) proposal.callback({ kind: "accepted", entry: { index: index++, term } });
  }

  /** The node stops: what waits was never proposed; what the core has taken may or may not have left. */
  abandon(): void {
    const waiting = this.#waiting;
    const stepped = this.#stepped;
    this.#waiting = [];
    this.#stepped = [];
    for (const proposal of waiting) proposal.callback({ kind: "refused", reason: "stopped", leader: null });
    for (const { batch } of stepped) {
      for (const proposal of batch) proposal.callback({ kind: "unknown" });
    }
  }
}
