/**
 * What leases and the keys tied to them must be like behind each entry of the log: a second, plainer reading of the rules,
 * which replicas are held against. It knows the calls that `leases.ts` makes, and no others.
 *
 * @module
 */
import type { KvCommand } from "../../../kv/commands.ts";
import type { KeyWrite, Operation } from "../../../kv/operations.ts";
import type { WriteOutcome } from "../../../kv/outcomes.ts";
import type { SessionOutcome } from "../../../kv/sessions.ts";
import type { KvStateMachine } from "../../../kv/state_machine.ts";
import type { Execution } from "../invariants/invariant.ts";

interface TrueLease {
  readonly ttlMs: number;
  /** Cluster time at which nothing can be done with it any more. */
  endMs: number;
  /** Whether keys that are not looked at are tied to it, too: how many it has is then not known. */
  isShared: boolean;
}

/** A key, and the lease it is tied to; 0 for none. */
interface TrueKey {
  readonly value: string;
  readonly lease: number;
}

/** What a write must come to; null if any outcome is as good. */
type Expected = WriteOutcome | null;

const unknownLease: WriteOutcome = { kind: "unknownLease" };

/** See the module. Each entry is looked at where it is executed first. */
export class LeaseTruth {
  readonly #prefix: string;
  readonly #leases = new Map<number, TrueLease>();
  #keys = new Map<string, TrueKey>();
  /** Writes of sessions that were executed; what is repeated is not executed again. */
  readonly #executed = new Set<string>();
  #lastIndex = 0;
  /** Keys that went because their lease had ended. */
  expiredKeys = 0;

  /** Looks at keys that begin with this. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** A machine has just executed a command. Returns what is wrong with what came of it; null if nothing is. */
  executed(machine: KvStateMachine, { command, context, result }: Execution): string | null {
    const { index, clusterTimeMs: nowMs } = context;
    if (index <= this.#lastIndex) return null;
    this.#lastIndex = index;
    let isConcerned = false;
    if (command.kind === "expireLeases") {
      isConcerned = true;
      const ended = [...this.#leases].filter(([, { endMs }]) => nowMs >= endMs).map(([id]) => id);
      const isShared = ended.some((id) => this.#leases.get(id)?.isShared);
      const number = ended.reduce((sum, id) => sum + this.#end(id), 0);
      this.expiredKeys += number;
      const problem = isShared ? null : difference({ kind: "done", number }, result);
      if (problem !== null) return `entry ${index} ends leases ${ended.join(", ")}; what came of it ${problem}`;
    }
    for (const [operation, outcome] of this.#news(command, result)) {
      const expected = this.#execute(operation, index, nowMs);
      if (expected === undefined) continue;
      isConcerned = true;
      const problem = expected === null ? null : difference(expected, outcome);
      if (problem !== null) return `what came of entry ${index}, ${JSON.stringify(operation)}, ${problem}`;
    }
    return isConcerned ? this.#compare(machine, index, nowMs) : null;
  }

  /** What a command does for the first time. */
  *#news(command: KvCommand, result: Execution["result"]): Generator<readonly [Operation, SessionOutcome]> {
    if (command.kind === "write" && !("outcomes" in result) && result.kind !== "sessionOpened") {
      if (this.#isNew(command.sessionId, command.serialNumber, result)) yield [command.operation, result];
    } else if (command.kind === "writes" && result.kind === "writes") {
      for (const [position, operation] of command.operations.entries()) {
        const outcome = result.outcomes[position];
        if (outcome === undefined) continue;
        if (this.#isNew(command.sessionId, command.firstSerial + position, outcome)) yield [operation, outcome];
      }
    }
  }

  #isNew(sessionId: number, serialNumber: number, { kind }: SessionOutcome): boolean {
    if (kind === "sessionExpired" || kind === "staleSerial" || kind === "tooManyOutstanding") return false;
    const name = `${sessionId}.${serialNumber}`;
    if (this.#executed.has(name)) return false;
    this.#executed.add(name);
    return true;
  }

  /** What must come of it; undefined if it is no concern of leases. */
  #execute(operation: Operation, index: number, nowMs: number): Expected | undefined {
    switch (operation.kind) {
      case "grantLease":
        this.#leases.set(index, { ttlMs: operation.ttlMs, endMs: nowMs + operation.ttlMs, isShared: false });
        return { kind: "done", number: index };
      case "keepLeaseAlive": {
        const lease = this.#alive(operation.lease, nowMs);
        if (lease === undefined) return unknownLease;
        lease.endMs = nowMs + lease.ttlMs;
        return { kind: "done", number: 0 };
      }
      case "revokeLease":
        if (this.#alive(operation.lease, nowMs) === undefined) return unknownLease;
        return { kind: "done", number: this.#end(operation.lease) };
      case "transaction":
        return this.#transact(operation.then, nowMs);
      case "put":
      case "append":
      case "delete":
      case "putWithLease":
        if (!operation.key.startsWith(this.#prefix)) return this.#shared(operation);
        return this.#write(operation, nowMs) ? null : unknownLease;
      default:
        return undefined;
    }
  }

  /** A write to a key that is not looked at. */
  #shared(write: KeyWrite): undefined {
    const lease = write.kind === "putWithLease" ? this.#leases.get(write.lease) : undefined;
    if (lease !== undefined) lease.isShared = true;
  }

  #transact(writes: readonly KeyWrite[], nowMs: number): Expected | undefined {
    if (!writes.some(({ key }) => key.startsWith(this.#prefix))) return undefined;
    const before = new Map(this.#keys);
    for (const [position, write] of writes.entries()) {
      if (this.#write(write, nowMs)) continue;
      this.#keys = before;
      return { kind: "operationFailed", position, reason: "unknownLease" };
    }
    return { kind: "done", number: 1 };
  }

  /** Writes a key; false if its lease is not there. */
  #write(write: KeyWrite, nowMs: number): boolean {
    const before = this.#keys.get(write.key) ?? { value: "", lease: 0 };
    switch (write.kind) {
      case "put":
        this.#keys.set(write.key, { value: String(write.value), lease: 0 });
        return true;
      case "append":
        this.#keys.set(write.key, { ...before, value: before.value + String(write.value) });
        return true;
      case "delete":
        this.#keys.delete(write.key);
        return true;
      case "putWithLease":
        if (this.#alive(write.lease, nowMs) === undefined) return false;
        this.#keys.set(write.key, { value: String(write.value), lease: write.lease });
        return true;
      case "increment":
        return true;
    }
  }

  #alive(id: number, nowMs: number): TrueLease | undefined {
    const lease = this.#leases.get(id);
    return lease !== undefined && nowMs < lease.endMs ? lease : undefined;
  }

  /** Takes a lease away, with its keys; returns how many they were. */
  #end(id: number): number {
    this.#leases.delete(id);
    const keys = [...this.#keys].filter(([, { lease }]) => lease === id);
    for (const [key] of keys) this.#keys.delete(key);
    return keys.length;
  }

  /** What a machine has otherwise than it must; null if nothing. */
  #compare(machine: KvStateMachine, index: number, nowMs: number): string | null {
    const page = machine.query({
      ...{ kind: "range", prefix: this.#prefix, from: "", to: null, cursor: null, limit: 1_000, reverse: false },
      keysOnly: false,
    });
    const entries = "kind" in page && page.kind === "range" ? page.entries : [];
    const found = entries.map(({ key, value }) => `${key}=${value}`).join(" ");
    const wanted = [...this.#keys].map(([key, { value }]) => `${key}=${value}`).sort().join(" ");
    if (found !== wanted) return `behind entry ${index} there are the keys [${found}], and should be [${wanted}]`;
    for (const [id, { ttlMs, endMs, isShared }] of this.#leases) {
      if (isShared) continue;
      const answer = machine.query({ kind: "lease", lease: id, nowMs: 0 });
      const keys = [...this.#keys.values()].filter(({ lease }) => lease === id).length;
      const lease = nowMs < endMs ? { id, ttlMs, remainingMs: Math.min(ttlMs, endMs - nowMs), keys } : null;
      const problem = difference(lease, "lease" in answer ? answer.lease : null);
      if (problem !== null) return `behind entry ${index} lease ${id} ${problem}`;
    }
    return null;
  }
}

/** What is wrong with something found; null if nothing is. */
function difference(expected: unknown, found: unknown): string | null {
  const [wanted, text] = [JSON.stringify(expected), JSON.stringify(found)];
  return wanted === text ? null : `is ${text}, and should be ${wanted}`;
}
