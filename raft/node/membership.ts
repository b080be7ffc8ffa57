/**
 * What a node makes of who belongs to the cluster: what peers may be told that ask at the door, how the node itself stands,
 * and, for a leader, whom to take in next (`replacement.ts` decides).
 *
 * @module
 */
import { isJoint, latestOf } from "../core/configuration.ts";
import type { RaftState } from "../core/state.ts";
import { incarnationOf, type LogIndex, type NodeId } from "../core/types.ts";
import type { ClusterView, Transport } from "../wire/transport.ts";
import type { AdmissionPort } from "./options.ts";
import { nextReplacement, type Replacement } from "./replacement.ts";
import type { Standing } from "./status.ts";

/** What a {@link Membership} works with. */
export interface MembershipOptions {
  /** This node's identity. */
  readonly id: NodeId;
  /** The core's state, as it is at any time. */
  readonly state: RaftState;
  /** Knows who is connected, and is told what others may know. */
  readonly transport: Pick<Transport, "connected" | "observe">;
  /** Whether the node may take part; it may unless given. */
  readonly admission: AdmissionPort | undefined;
}

/** See the module. */
export class Membership {
  readonly #options: MembershipOptions;
  /** What the transport was last told. */
  #observed: ClusterView | null = null;
  /** What was committed when {@link replacement} looked last. */
  #commitIndexAtCheck: LogIndex = 0;

  /** Makes one that has told nobody anything. */
  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** How the node stands to its cluster. */
  get standing(): Standing {
    const { id, admission } = this.#options;
    if (admission?.isFounded === false) return "founding";
    // Until the change is over, the old identity's voice may still be needed, which nobody has.
    const isVoter = this.#observed?.configuration.voters.includes(id) === true;
    return incarnationOf(id) > 0 && !isVoter ? "repairing" : "member";
  }

  /**
   * The latest incarnation of a node that the cluster knows, whom its name stands for: one that was given up never answers
   * again, and as a voter it could keep the cluster from ever having a quorum.
   */
  latest(name: NodeId): NodeId {
    return latestOf(this.#options.state.log.configuration, name) ?? name;
  }

  /** Tells the transport what peers that ask at the door may be told, when that has changed. */
  observe(): void {
    const { state: { leader, log }, transport } = this.#options;
    const isSettled = log.configurationIndex <= log.commitIndex && !isJoint(log.configuration);
    const configuration = isSettled ? log.configuration : this.#observed?.configuration;
    const isNews = leader !== this.#observed?.leader || configuration !== this.#observed?.configuration;
    if (configuration === undefined || !isNews) return;
    this.#observed = { leader, configuration };
    transport.observe?.(this.#observed);
  }

  /**
   * For a leader, the next step of taking in who has come in place of a member; null when there is none. To be asked once in
   * an election timeout: a learner has caught up when it has what was committed the last time.
   */
  replacement(): Replacement | null {
    const { id, state: { leadership, log }, transport } = this.#options;
    const caughtUpIndex = this.#commitIndexAtCheck;
    this.#commitIndexAtCheck = log.commitIndex;
    if (leadership === null || transport.connected === undefined) return null;
    return nextReplacement({
      self: id,
      configuration: log.configuration,
      connected: transport.connected(),
      matchIndexOf: (member) => leadership.progress.get(member)?.matchIndex,
      caughtUpIndex,
    });
  }
}
