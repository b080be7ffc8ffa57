/**
 * Moments at which a crash is most likely to hurt.
 *
 * @module
 */
import type { RaftEvent } from "../../raft/core/message.ts";
import type { SeededRandom } from "../../raft/testing/mod.ts";
import type { NodeView } from "./node_view.ts";

/** Whether a step was of the kind that is waited for. */
export type Moment = (node: NodeView, event: RaftEvent) => boolean;

const isMessage = (event: RaftEvent, type: string): boolean => event.type === "message" && event.message.type === type;

const moments: readonly Moment[] = [
  // A vote was decided, and is not durable.
  ({ state, before }) => state.votedFor !== null && state.votedFor !== before.votedFor,
  // A leader was elected, and has not replicated its no-op.
  ({ state, before }) => state.role === "leader" && before.role !== "leader",
  // A candidate has raised its term.
  ({ state, before }) => state.role === "candidate" && before.role !== "candidate",
  // A conflicting suffix was cut off in memory, and is still on disk.
  ({ state, before }) => state.log.last.index < before.last.index,
  // The leader has committed, and nobody else knows.
  ({ state, before }) => state.role === "leader" && state.log.commitIndex > before.committed.index,
  // Entries have come, and are not durable.
  ({ state, before }) => state.role === "follower" && state.log.last.index > before.last.index,
  // The leader has taken a command, which has left perhaps.
  ({ state }, event) => event.type === "propose" && state.role === "leader",
  // A snapshot was taken, and the log is about to be cut.
  (_node, event) => event.type === "snapshotSaved",
  // A snapshot was received.
  (_node, event) => event.type === "snapshotReceived",
  (_node, event) => isMessage(event, "InstallSnapshot"),
  (_node, event) => isMessage(event, "TimeoutNow"),
  // The configuration changes.
  ({ state, before }) => state.log.configurationIndex > before.last.index,
];

/** Waits for the k-th occurrence of some kind of moment on any node. */
export function momentOf(random: SeededRandom): Moment {
  const moment = random.pick(moments);
  let toPass = random.integer(4);
  return (node, event) => moment(node, event) && toPass-- === 0;
}
