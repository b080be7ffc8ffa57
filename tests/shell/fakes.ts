/**
 * Stand-ins for a terminal and a cluster, for tests of the shell.
 *
 * @module
 */
import { Clerk } from "../../kv/mod.ts";
import type { CallOptions, ShellContext, Store } from "../../shell/context.ts";
import type { ReachableServer, ServerReport } from "../../shell/server_report.ts";
import type { Output } from "../../shell/output.ts";
import { WaitingNotice } from "../../shell/waiting.ts";

/** An output that remembers what was written. */
export class RecordedOutput implements Output {
  readonly isTerminal: boolean;
  readonly isClosed: boolean = false;
  readonly colors = false;
  readonly columns = 80;
  readonly isAttended: boolean;
  readonly results: string[] = [];
  readonly notes: string[] = [];
  readonly controls: string[] = [];

  constructor(isTerminal = false) {
    this.isTerminal = isTerminal;
    this.isAttended = isTerminal;
  }

  result(text: string): void {
    this.results.push(text);
  }

  note(text: string): void {
    this.notes.push(text);
  }

  control(sequence: string): void {
    this.controls.push(sequence);
  }
}

/** Keys and values in memory; the key "stuck" answers only when the call is given up, "broken" fails. */
export class FakeStore implements Store {
  readonly values = new Map<string, string>();

  async get(...[key, options]: Parameters<Store["get"]>): Promise<string> {
    await this.#meet(key, options);
    return this.values.get(key) ?? "";
  }

  async put(key: string, value: string, options?: CallOptions): Promise<void> {
    await this.#meet(key, options);
    this.values.set(key, value);
  }

  async append(key: string, value: string, options?: CallOptions): Promise<void> {
    await this.#meet(key, options);
    this.values.set(key, (this.values.get(key) ?? "") + value);
  }

  #meet(key: string, options?: CallOptions): Promise<void> {
    if (key === "broken") return Promise.reject(new Error("Cannot reach the key: it is broken"));
    if (key !== "stuck") return Promise.resolve();
    return new Promise((_resolve, reject) => {
      const signal = options?.signal;
      if (signal?.aborted) reject(signal.reason);
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }
}

/** What a healthy leader says. */
export const someLeader: ReachableServer = {
  kind: "up",
  address: "127.0.0.1:7001",
  id: "n1",
  identity: "n1",
  clusterId: "balsa",
  state: "running",
  role: "leader",
  term: 3,
  leader: "n1",
  commitIndex: 12,
  lastApplied: 11,
  agreedIndex: 0,
  logBytes: 4096,
  snapshotIndex: 7,
  snapshotBytes: 100,
  keys: 2,
  storeBytes: 20,
  hash: "00",
  sessions: 1,
  connections: 1,
  syncMs: 0.1,
  syncP50Ms: 0.1,
  syncP99Ms: 0.5,
  syncMaxMs: 3,
  isDiskFull: false,
  peers: [{ id: "n2", connected: false }],
};

/** What a healthy leader and a dead follower would say. */
export const someReports: readonly ServerReport[] = [
  someLeader,
  { kind: "down", address: "127.0.0.1:7002", reason: "connection refused" },
];

/** A shell on a {@link FakeStore}. */
export function fakeContext(
  options: {
    readonly isTerminal?: boolean;
    readonly timeoutMs?: number;
    readonly reports?: readonly ServerReport[];
    readonly clerk?: Clerk;
  } = {},
): { context: ShellContext; output: RecordedOutput; store: FakeStore } {
  const output = new RecordedOutput(options.isTerminal ?? false);
  const store = new FakeStore();
  const context: ShellContext = {
    store,
    // Dials nobody before it is used; tests that use it bring their own.
    clerk: options.clerk ?? new Clerk(["127.0.0.1:1"]),
    wholeClerk: options.clerk ?? null,
    stdinIsFree: false,
    askServers: () => Promise.resolve(options.reports ?? someReports),
    output,
    waiting: new WaitingNotice(output),
    timeoutMs: options.timeoutMs ?? null,
    recentKeys: new Set(),
    signal: new AbortController().signal,
    callsInFlight: 0,
    showTime: false,
    lastCallMs: 0,
    isLeaving: false,
  };
  return { context, output, store };
}
