/**
 * Clusters under load, and what they cost the machine.
 *
 * @module
 */
import type { Clerk } from "../../mod.ts";
import { NodeProcesses } from "../e2e/node_processes.ts";
import type { Operation } from "./measure.ts";

/** The value of most puts. */
export const value = "v".repeat(100);

/** A cluster that has a leader, its processes, and a Clerk of it. */
export class LoadedCluster implements AsyncDisposable {
  readonly nodes: NodeProcesses;
  readonly clerk: Clerk;

  private constructor(nodes: NodeProcesses, clerk: Clerk) {
    this.nodes = nodes;
    this.clerk = clerk;
  }

  /** Starts `count` nodes. */
  static async start(count = 3): Promise<LoadedCluster> {
    const nodes = await NodeProcesses.start({ count });
    const clerk = nodes.clerk();
    await clerk.put("warm", value);
    return new LoadedCluster(nodes, clerk);
  }

  /** Puts to so many keys in turn. */
  puts(keys: number, text = value): Operation {
    let serial = 0;
    return (done) => void this.clerk.put(`key${serial++ % keys}`, text).then(done, fail);
  }

  /** Gets of so many keys in turn. */
  gets(keys: number): Operation {
    let serial = 0;
    return (done) => void this.clerk.get(`key${serial++ % keys}`).then(done, fail);
  }

  /** User and system time of all processes so far, this one included, in milliseconds; NaN where nobody tells. */
  cpuMs(): number {
    const pids = [...this.nodes.ids.map((id) => this.nodes.pid(id)), Deno.pid];
    return pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clerk.close();
    await this.nodes[Symbol.asyncDispose]();
  }
}

/** For operations: none of them may fail. */
export function fail(error: unknown): never {
  throw error;
}

/** Runs `operation` so many times, so many of them at a time; resolves to milliseconds. */
export function runCount(concurrency: number, count: number, operation: Operation): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const startMs = performance.now();
  let begun = 0;
  let ended = 0;
  const next = (): void => {
    if (begun >= count) return;
    begun++;
    operation(() => {
      if (++ended === count) resolve(performance.now() - startMs);
      else next();
    });
  };
  for (let call = 0; call < concurrency; call++) next();
  return promise;
}

function cpuMsOf(pid: number): number {
  try {
    // Behind the name, which may hold anything: state first, and clock ticks of 10 ms in places 12 and 13 from there.
    const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ") ?? [];
    return 10 * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return NaN;
  }
}

/** Resident memory of a process in bytes; NaN where nobody tells. */
export function residentBytes(pid: number): number {
  try {
    const line = /VmRSS:\s+(\d+) kB/.exec(Deno.readTextFileSync(`/proc/${pid}/status`));
    return 1024 * Number(line?.[1] ?? NaN);
  } catch {
    return NaN;
  }
}
