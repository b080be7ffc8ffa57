/**
 * Reads by lease (thesis section 6.4.1): for a while after a quorum has heard from a leader nobody else can be elected, and
 * for so long the leader may answer reads without asking anyone.
 *
 * Whoever hears from a leader neither votes nor campaigns for electionTimeoutTicks (leader stickiness, thesis 4.2.3), and
 * whoever has just started keeps the same silence, since it has forgotten whom it heard from. That time begins, at the
 * earliest, when the leader has *sent* what they hear, so the lease begins there; when the answer came says nothing. How
 * long it lasts is for the clocks: see {@link RaftConfig.clockDriftBound}. Two things end a lease early:
 *
 * - TimeoutNow: its receiver campaigns at once, and others vote for it at once (thesis 3.10). It may arrive late, so from
 *   then on there is no lease for the rest of the term.
 * - A change of the configuration, as soon as it is in the log: what counts is what a quorum of the latest one has heard.
 *
 * The core has no clock: time comes with ticks, and with the question. A round that begins between two ticks counts from
 * the one before it, which is earlier than it was sent, hence safe. But whether a lease holds must be asked with the time
 * that it *is*: a process that was stopped for a while finds that out from its clock alone, not from its ticks.
 *
 * @module
 */
import type { RaftConfig } from "./config.ts";
import { isVoter } from "./configuration.ts";
import { quorumMin } from "./quorum.ts";
import type { RaftState } from "./state.ts";
import type { LogIndex } from "./types.ts";

/**
 * So many ticks of a follower may come at once: two that are overdue, and the one that was due next. Hence n ticks after
 * any moment take more than (n - tickSlack) * tickMs; `tests/raft/node/ticker_test.ts` holds the driver to it.
 */
export const tickSlack = 3;

/** How long a lease lasts from the beginning of its round, in milliseconds of the leader's clock. */
export function leaseDurationMs({ electionTimeoutTicks, tickMs, clockDriftBound }: RaftConfig): number {
  return (electionTimeoutTicks - tickSlack) * tickMs / clockDriftBound;
}

/**
 * The index that must be applied before a read is answered at `nowMs` by this node alone; null when it holds no lease then.
 * `nowMs` must have been read from the clock after the read arrived.
 */
export function leaseIndex({ role, config, log, leadership }: RaftState, nowMs: number): LogIndex | null {
  if (role !== "leader" || leadership === null || leadership.hasSentTimeoutNow) return null;
  // As for every read: a leader knows what is committed once its no-op is (thesis section 6.4, step 1).
  if (log.commitIndex < leadership.firstIndex) return null;
  // Whoever is left alone in a cluster leads it at once after a start, without any silence.
  if (!isVoter(log.configuration, config.id)) return null;
  const startMs = quorumMin(
    log.configuration,
    (member) => member === config.id ? Infinity : leadership.progress.get(member)?.ackedRoundStartMs ?? -Infinity,
  );
  return nowMs < startMs + leaseDurationMs(config) ? log.commitIndex : null;
}
