/**
 * A leader takes in no command when its log has all the bytes that it may have, see `raft/rsm/log_bound.ts`: with the last
 * command that it has taken in the log is larger than its bound by less than that command.
 *
 * @module
 */
import { entryBytes, entryOverheadBytes } from "../../../raft/core/log.ts";
import { logBoundBytes } from "../../../raft/rsm/log_bound.ts";
import type { Invariant } from "./invariant.ts";

/** See the module. `maxRaftState` is that of all nodes. */
export function logBound(maxRaftState: number): Invariant {
  return {
    name: "log-bound",
    stepped({ label, state: { log, role }, storage }, before) {
      const isPassive = maxRaftState < 0 || role !== "leader" || storage === null;
      if (isPassive || log.last.index <= before.last.index) return null;
      const [last] = log.slice(log.last.index, 1, Infinity);
      if (last?.kind !== "command") return null;
      const { logBytes, snapshotBytes } = storage.status();
      const boundBytes = logBoundBytes(maxRaftState, snapshotBytes);
      const bytes = logBytes + log.unpersistedBytes - entryBytes(last) - entryOverheadBytes;
      if (bytes < boundBytes) return null;
      return `${label}: a command was taken in at index ${last.index} though the log had ${bytes} bytes of ${boundBytes}`;
    },
  };
}
