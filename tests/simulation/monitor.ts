/**
 * Holds every invariant against everything that happens, and counts the rare events on the way.
 *
 * @module
 */
import type { KvCommand } from "../../kv/commands.ts";
import type { KvResult, KvStateMachine } from "../../kv/state_machine.ts";
import { capture } from "../../raft/core/invariants.ts";
import { leaseIndex } from "../../raft/core/lease.ts";
import type { Message, RaftEvent } from "../../raft/core/message.ts";
import type { Raft } from "../../raft/core/raft.ts";
import { nameOf, type NodeId } from "../../raft/core/types.ts";
import type { ApplyContext } from "../../raft/rsm/state_machine.ts";
import type { FileStorage } from "../../raft/storage/file_storage.ts";
import type { WriteBatch } from "../../raft/storage/storage.ts";
import type { Simulation } from "../../raft/testing/mod.ts";
import { CommittedLog } from "./committed_log.ts";
import type { Counters } from "./counters.ts";
import { allInvariants } from "./invariants/all.ts";
import type { Execution, Invariant } from "./invariants/invariant.ts";
import { NodePromises, NodeView } from "./node_view.ts";
import type { Observer } from "./observation.ts";
import { RareEvents } from "./rare_events.ts";
import { StormGuard } from "./storm_guard.ts";
import { Violation } from "./violation.ts";

interface MachineView {
  replica: string;
  /** Whether `replica` is certain: before the first command nobody knows whose machine it is. */
  hasExecuted: boolean;
  previousIndex: number | null;
  /** Hash of the state after the last command; null after a start or a restored snapshot. */
  hash: string | null;
  /** How often its state was replaced by that of a snapshot. */
  restores: number;
}

/** Settings of a {@link Monitor}. */
export interface MonitorOptions {
  /** Whether clocks keep to the bound that leases count on. */
  readonly hasLeases: boolean;
  /** See `MachineOptions`. */
  readonly maxRaftState: number;
}

/** Called after each step of a living node, for faults that wait for a moment. */
export type StepListener = (node: NodeView, event: RaftEvent) => void;

/** Called when a replica has executed a command. */
export type ExecutionListener = (machine: KvStateMachine, execution: Execution) => void;

/** See the module. */
export class Monitor implements Observer {
  /** What the cluster has agreed on. */
  readonly committed = new CommittedLog();
  /** Told of each step. */
  stepListener: StepListener | null = null;
  /** Told of each command that a replica has executed. */
  readonly executionListeners: ExecutionListener[] = [];
  readonly #simulation: Simulation;
  readonly #rare: RareEvents;
  readonly #storm: StormGuard;
  readonly #invariants: readonly Invariant[];
  readonly #stepped: readonly Invariant[];
  readonly #logChanged: readonly Invariant[];
  readonly #onViolation: (violation: Violation) => void;
  readonly #viewOfRaft = new WeakMap<Raft, NodeView>();
  /** The latest life of each node, by name. */
  readonly #latest = new Map<string, NodeView>();
  /** The latest life of each identity. */
  readonly #views = new Map<NodeId, NodeView>();
  readonly #promises = new Map<NodeId, NodePromises>();
  readonly #machines = new WeakMap<KvStateMachine, MachineView>();
  /** The machine of each node's latest life. */
  readonly #machineOf = new Map<NodeId, KvStateMachine>();
  /** Machines and nodes that were made to differ. */
  readonly #disregarded = new Set<KvStateMachine | NodeId>();
  /** The life whose turn it is. */
  #current = "";

  /** `onViolation` is called once at most for each invariant that fails, and must not throw. */
  constructor(
    simulation: Simulation,
    counters: Counters,
    onViolation: (violation: Violation) => void,
    options: MonitorOptions,
  ) {
    this.#simulation = simulation;
    this.#rare = new RareEvents(counters, this.committed);
    this.#storm = new StormGuard(simulation, onViolation);
    this.#onViolation = onViolation;
    this.#invariants = allInvariants({
      committed: this.committed,
      viewOf: (id) => this.#views.get(id),
      holdsLease: (view) => options.hasLeases && this.#holdsLease(view),
      leaseHolders: () => [...this.#latest.values()].filter((view) => options.hasLeases && this.#holdsLease(view)),
      onRepeat: () => counters.add("repeated write answered from the session table"),
      maxRaftState: options.maxRaftState,
    });
    this.#stepped = this.#invariants.filter((one) => one.stepped !== undefined);
    this.#logChanged = this.#invariants.filter((one) => one.logChanged !== undefined);
  }

  /** The latest life of a node, under whatever identity; undefined before the first. */
  viewOf(name: string): NodeView | undefined {
    return this.#latest.get(name);
  }

  /** The identity under which a node speaks, or spoke last. */
  identityOf(name: string): NodeId {
    return this.#latest.get(name)?.id ?? name;
  }

  /** The machine of a node, once it has executed a command. */
  machineOf(id: NodeId): KvStateMachine | undefined {
    return this.#machineOf.get(id);
  }

  /** From now on nothing is expected of a machine. */
  disregard(machine: KvStateMachine): void {
    this.#disregarded.add(machine);
  }

  /** How often the state of a machine was replaced by that of a snapshot. */
  restoresOf(machine: KvStateMachine): number {
    return this.#machines.get(machine)?.restores ?? 0;
  }

  /** From now on nothing is expected of any machine of a node. */
  disregardNext(id: NodeId): void {
    this.#disregarded.add(id);
  }

  /** Counts what can be told only at the end. */
  finish(): void {
    this.#rare.finish();
  }

  /** See {@link Observer.beforeStep}. */
  beforeStep(raft: Raft): void {
    const view = this.#viewOfRaft.get(raft) ?? this.#begin(raft);
    view.before = capture(view.state);
    view.hadReads = view.state.leadership?.reads.hasUnconfirmed === true;
    this.#current = view.label;
  }

  /** See {@link Observer.afterStep}. */
  afterStep(raft: Raft, event: RaftEvent): void {
    const view = this.#viewOfRaft.get(raft);
    if (view === undefined || !this.#lives(view)) return;
    const { before, state } = view;
    this.#checkLog(view);
    for (const invariant of this.#stepped) {
      const problem = invariant.stepped?.(view, before) ?? null;
      if (problem !== null) this.#violated(invariant, problem);
    }
    if (state.log.commitIndex > before.committed.index) this.#noteCommitted(view);
    this.#rare.stepped(view, event);
    this.#storm.look();
    if (this.#simulation.trace.recording) this.#trace(view);
    this.stepListener?.(view, event);
  }

  /** See {@link Observer.asked}: what was queued while a snapshot was restored is applied without a step. */
  asked(raft: Raft): void {
    const view = this.#viewOfRaft.get(raft);
    if (view !== undefined) this.#current = view.label;
  }

  /** See {@link Observer.readByLease}. */
  readByLease(id: NodeId, isAnswered: boolean): void {
    const view = this.#views.get(id);
    if (view === undefined || !this.#lives(view)) return;
    this.#rare.readByLease(view, isAnswered);
    for (const invariant of isAnswered ? this.#invariants : []) {
      const problem = invariant.readByLease?.(view) ?? null;
      if (problem !== null) this.#violated(invariant, problem);
    }
  }

  /** See {@link Observer.sent}. */
  sent(message: Message): void {
    const view = this.#views.get(message.from);
    if (view === undefined || !this.#lives(view)) return;
    for (const invariant of this.#invariants) {
      const problem = invariant.sent?.(view, message) ?? null;
      if (problem !== null) this.#violated(invariant, problem);
    }
    this.#rare.sent(message);
  }

  /** See {@link Observer.written}. */
  written(storage: FileStorage, batch: WriteBatch): void {
    const view = this.#views.get(storage.card.identity);
    if (view === undefined) return;
    view.disk.written(batch);
    view.storage = storage;
  }

  /** See {@link Observer.executed}. */
  executed(machine: KvStateMachine, command: KvCommand, context: ApplyContext, result: KvResult): void {
    if (this.#disregarded.has(machine)) return;
    const view = this.#machineView(machine);
    if (view.hasExecuted && view.replica !== this.#current) {
      const problem = `the machine of ${view.replica} executes what is put down to ${this.#current}`;
      this.#onViolation(new Violation("harness", problem));
    }
    view.hasExecuted = true;
    this.#machineOf.set(nameOf(this.#current), machine);
    // A machine restores its snapshot before its core takes a step: only now it is known whose it is.
    view.replica = this.#current;
    if (this.#disregarded.has(nameOf(view.replica))) return;
    const { replica, previousIndex, hash: hashBefore } = view;
    const { hash: hashAfter } = machine.figures();
    view.previousIndex = context.index;
    view.hash = hashAfter;
    const execution = { replica, previousIndex, command, context, result, hashBefore, hashAfter };
    for (const invariant of this.#invariants) {
      const problem = invariant.executed?.(execution) ?? null;
      if (problem !== null) this.#violated(invariant, problem);
    }
    this.#rare.executed(execution);
    for (const listener of this.executionListeners) listener(machine, execution);
    const { trace, nowMs } = this.#simulation;
    if (!trace.recording) return;
    const what = "sessionId" in command ? `${command.sessionId}.${serialsOf(command)}` : "";
    trace.line(
      nowMs,
      `${replica} applies ${context.index}: ${command.kind} ${what} ${result.kind}, state ${hashAfter}`,
    );
  }

  /** See {@link Observer.restoring}. */
  restoring(machine: KvStateMachine): void {
    const view = this.#machineView(machine);
    view.previousIndex = null;
    view.hash = null;
    view.restores++;
  }

  /** By its own clock: one that is paused could not answer now, but its clock goes on until it can. */
  #holdsLease(view: NodeView): boolean {
    const { time } = this.#simulation.process(view.name);
    return this.#lives(view) && leaseIndex(view.state, time.monotonicMs()) !== null;
  }

  #machineView(machine: KvStateMachine): MachineView {
    let view = this.#machines.get(machine);
    if (view === undefined) {
      view = { replica: this.#current, hasExecuted: false, previousIndex: null, hash: null, restores: 0 };
      this.#machines.set(machine, view);
    }
    return view;
  }

  /** A core that was never seen before: a node has started. */
  #begin(raft: Raft): NodeView {
    const { id } = raft.state.config;
    const promises = this.#promises.get(id) ?? new NodePromises();
    this.#promises.set(id, promises);
    const former = this.#views.get(id);
    const label = `${id}#${this.#simulation.process(nameOf(id)).lives}`;
    const view = new NodeView(id, label, raft.state, promises);
    this.#viewOfRaft.set(raft, view);
    this.#views.set(id, view);
    this.#latest.set(view.name, view);
    for (const invariant of this.#invariants) {
      const problem = invariant.started?.(view) ?? null;
      if (problem !== null) this.#violated(invariant, problem);
    }
    this.#checkLog(view);
    this.#rare.started(view, former);
    return view;
  }

  #checkLog(view: NodeView): void {
    const change = view.takeLogChange();
    if (change === null) return;
    for (const invariant of this.#logChanged) {
      const problem = invariant.logChanged?.(view, change.removed, change.added) ?? null;
      if (problem !== null) this.#violated(invariant, problem);
    }
    this.#rare.logChanged(view, change);
  }

  #noteCommitted({ state, before }: NodeView): void {
    const { log } = state;
    const first = Math.max(before.committed.index + 1, log.snapshot.last.index);
    for (let index = first; index <= log.commitIndex; index++) {
      const term = log.termAt(index);
      if (term !== undefined) this.committed.add({ index, term }, state.currentTerm);
    }
  }

  /** The code of a killed process runs on to its next wait; what it does there reaches nobody. */
  #lives(view: NodeView): boolean {
    const process = this.#simulation.process(view.name);
    return process.isAlive && this.#latest.get(view.name) === view;
  }

  #violated(invariant: Invariant, problem: string): void {
    this.#onViolation(new Violation(invariant.name, problem));
  }

  #trace({ label, state, before }: NodeView): void {
    const { log, role, currentTerm } = state;
    const { trace, nowMs } = this.#simulation;
    if (role !== before.role || currentTerm !== before.currentTerm) {
      trace.line(
        nowMs,
        `${label} ${role} in term ${currentTerm}, log up to ${log.last.index} of term ${log.last.term}`,
      );
    }
    if (log.commitIndex !== before.committed.index) trace.line(nowMs, `${label} commitIndex ${log.commitIndex}`);
  }
}

function serialsOf(command: Extract<KvCommand, { readonly sessionId: number }>): string {
  if (command.kind === "write") return `${command.serialNumber}`;
  return `${command.firstSerial}-${command.firstSerial + command.operations.length - 1}`;
}
