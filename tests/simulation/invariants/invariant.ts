/**
 * What a safety check of the simulation looks like: it is told of everything that happens to any node, and says what is
 * wrong with it, or null.
 *
 * @module
 */
import type { KvCommand } from "../../../kv/commands.ts";
import type { KvResult } from "../../../kv/state_machine.ts";
import type { StateCapture } from "../../../raft/core/invariants.ts";
import type { Message } from "../../../raft/core/message.ts";
import type { Entry, EntryId } from "../../../raft/core/types.ts";
import type { ApplyContext } from "../../../raft/rsm/state_machine.ts";
import type { NodeView } from "../node_view.ts";

/** One command as a replica has just executed it. */
export interface Execution {
  /** The replica, life included: `n2#3`. */
  readonly replica: string;
  /** Index of the command before it on the same replica; null after a start or a restored snapshot. */
  readonly previousIndex: number | null;
  /** The command. */
  readonly command: KvCommand;
  /** Where it stands. */
  readonly context: ApplyContext;
  /** What came of it. */
  readonly result: KvResult;
  /** Hash of the state before it; null for the first command after a start or a restored snapshot. */
  readonly hashBefore: string | null;
  /** Hash of the state after it. */
  readonly hashAfter: string;
}

/** One property that must never be violated. Each hook returns what is wrong, or null. */
export interface Invariant {
  /** Its name, for reports. */
  readonly name: string;
  /** A life of a node begins: its core was made from what the disk held. */
  started?(node: NodeView): string | null;
  /** A core has taken a step. */
  stepped?(node: NodeView, before: StateCapture): string | null;
  /** A step has changed the log: `removed` was cut off its end, then `added` appended. Called before `stepped`. */
  logChanged?(node: NodeView, removed: readonly EntryId[], added: readonly Entry[]): string | null;
  /** A node hands a message to its transport. */
  sent?(node: NodeView, message: Message): string | null;
  /** A node has answered a read by lease. */
  readByLease?(node: NodeView): string | null;
  /** A replica has executed a command. */
  executed?(execution: Execution): string | null;
}
