/**
 * Looks over the shoulder of production code without a trace of it in production: while an observer is installed, the
 * methods through which everything passes (a step of the core, a message to the transport, a command to the state machine)
 * call it as well. Methods of the prototypes are replaced, so the very objects that production makes are seen.
 *
 * @module
 */
import type { KvCommand } from "../../kv/commands.ts";
import { type KvResult, KvStateMachine } from "../../kv/state_machine.ts";
import type { Message, RaftEvent } from "../../raft/core/message.ts";
import { Raft } from "../../raft/core/raft.ts";
import type { NodeId } from "../../raft/core/types.ts";
import { RaftNode } from "../../raft/node/node.ts";
import type { ReadIndexCallback } from "../../raft/node/reads.ts";
import type { ApplyContext } from "../../raft/rsm/state_machine.ts";
import { FileStorage } from "../../raft/storage/file_storage.ts";
import type { WriteBatch } from "../../raft/storage/storage.ts";
import { TcpTransport } from "../../raft/wire/tcp_transport.ts";

/** Sees everything. Must not throw, since it is called in the middle of production code. */
export interface Observer {
  /** A core is about to take a step. */
  beforeStep(raft: Raft, event: RaftEvent): void;
  /** It has taken it, without throwing. */
  afterStep(raft: Raft, event: RaftEvent): void;
  /** A core is asked whether there is anything to do: it is its node's turn, which a step may have begun or not. */
  asked(raft: Raft): void;
  /** A node was asked for a read by lease; `isAnswered` says whether it has answered at once, or must ask a quorum. */
  readByLease(id: NodeId, isAnswered: boolean): void;
  /** A message is handed to the transport. */
  sent(message: Message): void;
  /** A batch has become durable; its writer does not know yet. */
  written(storage: FileStorage, batch: WriteBatch): void;
  /** A machine has executed a command. */
  executed(machine: KvStateMachine, command: KvCommand, context: ApplyContext, result: KvResult): void;
  /** A machine's state is about to be replaced by a snapshot. */
  restoring(machine: KvStateMachine): void;
}

/** Installs an observer until it is disposed of. One at a time. */
export function observe(observer: Observer): Disposable {
  const { step, hasReady } = Raft.prototype;
  const { readLease } = RaftNode.prototype;
  const { send } = TcpTransport.prototype;
  const { write } = FileStorage.prototype;
  const { apply, restore } = KvStateMachine.prototype;
  Raft.prototype.step = function (event: RaftEvent): void {
    observer.beforeStep(this, event);
    step.call(this, event);
    observer.afterStep(this, event);
  };
  Raft.prototype.hasReady = function (): boolean {
    observer.asked(this);
    return hasReady.call(this);
  };
  RaftNode.prototype.readLease = function (callback: ReadIndexCallback, timeoutMs: number): void {
    let isAnswered = false;
    readLease.call(this, (outcome) => {
      isAnswered = outcome.kind === "ready";
      callback(outcome);
    }, timeoutMs);
    observer.readByLease(this.id, isAnswered);
  };
  TcpTransport.prototype.send = function (message: Message): void {
    observer.sent(message);
    send.call(this, message);
  };
  FileStorage.prototype.write = async function (batch: WriteBatch): Promise<void> {
    await write.call(this, batch);
    observer.written(this, batch);
  };
  KvStateMachine.prototype.apply = function (command: KvCommand, context: ApplyContext): KvResult {
    const result = apply.call(this, command, context);
    observer.executed(this, command, context, result);
    return result;
  };
  KvStateMachine.prototype.restore = function (chunks: AsyncIterable<Uint8Array>): Promise<void> {
    observer.restoring(this);
    return restore.call(this, chunks);
  };
  return {
    [Symbol.dispose]() {
      Object.assign(Raft.prototype, { step, hasReady });
      RaftNode.prototype.readLease = readLease;
      TcpTransport.prototype.send = send;
      FileStorage.prototype.write = write;
      Object.assign(KvStateMachine.prototype, { apply, restore });
    },
  };
}
