/**
 * What a node has acknowledged, or counted for itself, as durable is in its log after a restart.
 *
 * @module
 */
import type { EntryId } from "../../../raft/core/types.ts";
import type { NodeView } from "../node_view.ts";
import type { Invariant } from "./invariant.ts";

/** See the module. */
export function durableLog(): Invariant {
  return {
    name: "durable-log",
    started({ label, state, promises }) {
      const { durable } = promises;
      // A snapshot that arrived stands for what was committed: it may have overruled the promise before the node was told.
      if (durable.index <= state.log.snapshot.last.index) return null;
      if (state.log.last.index >= durable.index && state.log.contains(durable)) return null;
      return `${label} starts with a log up to ${state.log.last.index} of term ${state.log.last.term}: it has promised ` +
        `to hold entry ${durable.index} of term ${durable.term}`;
    },
    logChanged({ label, state, promises, wasShortened }, removed) {
      const first = removed[0];
      // A snapshot that the log contains the last entry of leaves what follows it alone (paper, Figure 13, receiver 6).
      if (first !== undefined && wasShortened) {
        return `${label} deletes entry ${first.index}, with which nothing conflicts`;
      }
      if (first === undefined || promises.durable.index < first.index) return null;
      // A newer leader has overruled the promise; what lies before stays promised.
      const index = first.index - 1;
      promises.durable = { index, term: state.log.termAt(index) ?? 0 };
      return null;
    },
    stepped(node) {
      const { persistedIndex } = node.state.log;
      if (!isOnDisk(node, persistedIndex)) {
        return `${node.label} counts entry ${persistedIndex} as durable: no write that held it has ended`;
      }
      if (persistedIndex > node.promises.durable.index) promise(node, persistedIndex);
      return null;
    },
    sent(node, message) {
      if (message.type !== "AppendEntriesReply" || !message.success) return null;
      // An answer of an earlier term speaks of the log as it was then: the entries were taken in that term, and a leader of
      // a later one may have replaced them while they were being written.
      if (message.term < node.state.currentTerm) return null;
      const { matchIndex } = message;
      if (matchIndex > node.state.log.last.index) {
        return `${node.label} acknowledges entry ${matchIndex}: its log ends at ${node.state.log.last.index}`;
      }
      if (matchIndex > node.promises.durable.index) promise(node, matchIndex);
      return null;
    },
  };
}

/** What a snapshot covers is durable with it. */
function isOnDisk({ state: { log }, disk }: NodeView, index: number): boolean {
  const term = log.termAt(index);
  return term === undefined || index <= log.snapshot.last.index || disk.holds({ index, term });
}

function promise({ state, promises }: NodeView, index: number): void {
  const term = state.log.termAt(index);
  const promised: EntryId | null = term === undefined ? null : { index, term };
  if (promised !== null) promises.durable = promised;
}
