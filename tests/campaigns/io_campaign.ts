/**
 * A node on real files, of which one operation fails: the first, the second and so on. The node must stop, or refuse with a
 * typed error and go on; and whoever opens the directory afterwards must find everything that was acknowledged.
 *
 * @module
 */
import { NotDoneError, realPlatform, ReplicatedStateMachine, UnknownOutcomeError } from "../../raft/mod.ts";
import { StorageError } from "../../raft/storage/storage_error.ts";
import { Journal } from "../raft/node/support/journal.ts";
import { FaultyFileSystem, type Trouble } from "./faulty_file_system.ts";

/** How it went. */
export interface IoReport {
  /** Operations that were made to fail, each with each error. */
  readonly injected: number;
  /** Times at which the node did not start. */
  readonly notStarted: number;
  /** Times at which the node stopped. */
  readonly stopped: number;
  /** Times at which the node went on. */
  readonly survived: number;
  /** Writes that were acknowledged and were there afterwards. */
  readonly acknowledged: number;
  /** What does not hold. */
  readonly problems: readonly string[];
}

/** Writes of one run, one after the other. */
const writes = 170;

/** Long enough for several snapshots. */
const padding = "x".repeat(100);

type Outcome = "notStarted" | "stopped" | "survived" | "notReached";

/** Makes each of the operations `from`, `from + step` and so on up to `to` fail, with each error. */
export async function runIoCampaign(
  { from, to, step }: { readonly from: number; readonly to: number; readonly step: number },
): Promise<IoReport> {
  const counts: Record<Outcome, number> = { notStarted: 0, stopped: 0, survived: 0, notReached: 0 };
  const problems: string[] = [];
  let acknowledged = 0;
  for (let failing = from; failing <= to; failing += step) {
    for (const trouble of ["EIO", "ENOSPC"] as const) {
      const directory = await Deno.makeTempDir({ prefix: "balsa-io-" });
      try {
        const run = await runOnce(`${directory}/n1`, failing, trouble);
        counts[run.outcome]++;
        acknowledged += run.acknowledged.length;
        problems.push(...run.problems, ...await checkAgain(`${directory}/n1`, run, `${trouble} at ${failing}`));
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    }
  }
  const { notStarted, stopped, survived, notReached } = counts;
  if (notReached > 0) problems.push(`${notReached} runs had fewer operations: more writes are needed`);
  return { injected: notStarted + stopped + survived, notStarted, stopped, survived, acknowledged, problems };
}

interface Run {
  readonly outcome: Outcome;
  /** Lines that were acknowledged, in order. */
  readonly acknowledged: readonly string[];
  /** Lines whose fate is unknown. */
  readonly unknown: ReadonlySet<string>;
  readonly problems: readonly string[];
}

function start(dataDir: string, machine: Journal, fileSystem: FaultyFileSystem | null) {
  return ReplicatedStateMachine.start<string, number, "all" | "impossible", readonly string[]>({
    ...{ id: "n1", listen: "127.0.0.1:0", peers: { n1: "127.0.0.1:0" }, dataDir, machine },
    ...{ maxRaftState: 4_000, timeoutMs: 1_000 },
    ...(fileSystem === null ? {} : { platform: { ...realPlatform, fileSystem: () => fileSystem } }),
  });
}

async function runOnce(dataDir: string, failing: number, trouble: Trouble): Promise<Run> {
  const fileSystem = new FaultyFileSystem(dataDir, failing, trouble);
  const acknowledged: string[] = [];
  const unknown = new Set<string>();
  const problems: string[] = [];
  const journal = new Journal();
  const run = (outcome: Outcome): Run => ({ outcome, acknowledged, unknown, problems });
  try {
    await using node = await start(dataDir, journal, fileSystem);
    for (let serial = 0; serial < writes && node.node.state === "running"; serial++) {
      const line = `${serial} ${padding}`;
      try {
        await node.submit(line);
        acknowledged.push(line);
      } catch (error) {
        if (error instanceof UnknownOutcomeError) unknown.add(line);
        else if (!(error instanceof NotDoneError)) throw error;
      }
    }
    if (fileSystem.hit === "") return run("notReached");
    if (node.node.state !== "running") return run("stopped");
    // Whoever goes on answers right.
    problems.push(...compare(await node.read("all"), run("survived"), `${trouble} at ${failing}, ${fileSystem.hit}`));
    return run("survived");
  } catch (error) {
    const isTyped = error instanceof StorageError || (error instanceof Error && /os error/.test(error.message));
    if (!isTyped) problems.push(`${trouble} at ${failing}, ${fileSystem.hit}: ${error}`);
    return run(acknowledged.length === 0 ? "notStarted" : "stopped");
  }
}

/** Opens the directory on a good disk, and looks. */
async function checkAgain(dataDir: string, run: Run, at: string): Promise<string[]> {
  try {
    await using node = await start(dataDir, new Journal(), null);
    await node.submit("again");
    return compare(await node.read("all"), run, at);
  } catch (error) {
    return [`${at}: cannot be opened again: ${error}`];
  }
}

function compare(found: readonly string[], { acknowledged, unknown }: Run, at: string): string[] {
  const certain = found.filter((line) => !unknown.has(line) && line !== "again");
  const isRight = certain.length === acknowledged.length &&
    certain.every((line, place) => line === acknowledged[place]);
  return isRight ? [] : [`${at}: ${acknowledged.length} writes were acknowledged, ${certain.length} of them are there`];
}
