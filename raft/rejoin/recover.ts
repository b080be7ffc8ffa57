/**
 * What is done about a directory that cannot be opened as it is: its log is repaired from the others' (`repair/repair.ts`),
 * or the cluster turns out to go on without it, or the directory is refused. Until one of these is certain, nothing in it
 * is changed.
 *
 * While it lasts, a node whose log can be repaired listens where it always does: it lends what it has to others in need,
 * and tells everybody else that it is repairing.
 *
 * @module
 */
import { InvariantError } from "../core/invariant.ts";
import { identityOf, nameOf, type NodeId } from "../core/types.ts";
import { sleep } from "../node/clock.ts";
import { RepairDesk, sourceOf } from "../repair/desk.ts";
import { type RepairRound, repairRound } from "../repair/repair.ts";
import { isQuorum, settleSuspectTail } from "../repair/suspect_tail.ts";
import { describeMissing, missingEntries, type Salvage, salvage, writePatchedLog } from "../storage/salvage.ts";
import { messageOf, StorageError } from "../storage/storage_error.ts";
import { WireListener } from "../wire/listener.ts";
import { askAll, askTimeoutMs } from "./ask_all.ts";
import type { OpenStorageOptions } from "./options.ts";

/** How long a node with a damaged directory looks for help before it refuses to start, in milliseconds. */
export const leaderSearchMs = 30_000;
/** Pause between two rounds of that search, in milliseconds. */
const searchPauseMs = 200;

/** After so many election timeouts a quorum is enough to judge a suspect tail; before, everybody's answer is awaited. */
const suspectPatienceTimeouts = 3;

/** How a directory that cannot be opened as it is can be used after all. */
export type Recovered =
  /** Its log has been written anew, with everything in it, or its torn tail may be dropped: it can be opened. */
  | "openable"
  /** The cluster goes on without what was lost here: the node may begin anew. */
  | "replaceable";

/** Finds a way to use a directory that was refused with `error`, or throws; the directory is then as it was. */
export async function recover(options: OpenStorageOptions, error: StorageError): Promise<Recovered> {
  const { fileSystem } = options;
  using _lock = await fileSystem.lock();
  try {
    const salvaged = error.code === "retired" ? null : await salvage(fileSystem);
    if (salvaged !== null) return await repair(options, error, salvaged);
    return error.code === "suspect" ? "openable" : await findLeader(options, error);
  } catch (failure) {
    if (failure instanceof StorageError || failure instanceof InvariantError) throw failure;
    throw new StorageError(
      "io",
      `Cannot repair data directory ${fileSystem.directory}: ${messageOf(failure)}`,
      failure,
    );
  }
}

/** Fills the holes of a log whose end is known, or finds out that the cluster can do without it. */
async function repair(options: OpenStorageOptions, error: StorageError, damaged: Salvage): Promise<Recovered> {
  const { clock, others, onProblem } = options;
  const patienceMs = suspectPatienceTimeouts * options.electionTimeoutMs;
  const names = Object.keys(others);
  const missing = missingEntries(damaged);
  if (missing.length === 0 && (!damaged.isTailSuspect || names.length === 0)) {
    return await patch(options, error, damaged, `${error.message}. Nothing is lost`);
  }
  const lost = describeLoss(damaged);
  if (names.length === 0) throw refusal(options, error, `${lost}. There is no other member to repair it from.`);
  onProblem?.(`${error.message}. ${lost}. Asking ${names.join(", ")}`);
  using _door = await openDoor(options, damaged, `${options.name} is repairing its log. ${lost}`);
  const lenders = new Set<string>();
  const answered = new Set<string>();
  const startedMs = clock.monotonicMs();
  let salvaged = damaged;
  for (;;) {
    const round = await repairRound(salvaged, repairOptions(options, salvaged));
    const waitedMs = clock.monotonicMs() - startedMs;
    for (const name of round.lenders) lenders.add(name);
    for (const name of round.answered) answered.add(name);
    if (round.retired !== null) {
      return await findLeader(options, new StorageError("retired", `${error.message}. ${round.retired}`, error));
    }
    if (salvaged.isTailSuspect && isEnough(round, names.length, waitedMs >= patienceMs)) {
      salvaged = settleSuspectTail(salvaged, round.reports);
      if (missingEntries(salvaged).length > 0) continue;
    }
    if (missingEntries(salvaged).length === 0 && !salvaged.isTailSuspect) {
      const from = lenders.size === 0
        ? "nothing else was lost"
        : `repaired with copies of ${[...lenders].sort().join(", ")}`;
      return await patch(options, error, salvaged, `${lost}: ${from}`);
    }
    const hasLeader = round.leaders.some((leader) => nameOf(leader) !== options.name);
    if (round.missing.length > 0 && hasLeader) return "replaceable";
    if (waitedMs >= leaderSearchMs) {
      if (round.missing.length > 0) throw refusal(options, error, noCopies(round.missing, [...answered].sort(), names));
      // Most likely nothing is missing, and as long as so few are up this node's vote does nothing.
      const how = `${error.message}. Too few others answered to say whether it was: it is dropped`;
      return await patch(options, error, salvaged, how);
    }
    await sleep(clock, searchPauseMs);
  }
}

/** Whether those who answered are enough to say what a suspect tail may have held. */
function isEnough({ answered }: RepairRound, others: number, isLate: boolean): boolean {
  return answered.length === others || (isLate && isQuorum(answered.length, others));
}

function describeLoss(salvaged: Salvage): string {
  const missing = missingEntries(salvaged);
  const holes = missing.length === 0 ? [] : [`${describeMissing(missing)} of ${salvaged.last.index}`];
  const tail = salvaged.isTailSuspect ? [`perhaps what was written last, behind entry ${salvaged.last.index}`] : [];
  return `Missing: ${[...holes, ...tail].join(", and ")}`;
}

async function patch(
  { fileSystem, onProblem }: OpenStorageOptions,
  { code }: StorageError,
  salvaged: Salvage,
  how: string,
): Promise<Recovered> {
  // What is merely torn is worth nothing to anybody.
  const keepsOld = code === "corrupt";
  await writePatchedLog(fileSystem, salvaged, keepsOld);
  const kept = keepsOld ? `, and the old one is kept as damaged-${salvaged.meta.generation}-…` : "";
  onProblem?.(`${how}: the log has been written anew up to entry ${salvaged.last.index}${kept}`);
  return "openable";
}

function noCopies(missing: RepairRound["missing"], answered: readonly string[], names: readonly string[]): string {
  const silent = names.filter((name) => !answered.includes(name));
  const who = answered.length === 0 ? "nobody has answered" : `${answered.join(", ")} answered and cannot help`;
  const rest = silent.length === 0 || answered.length === 0 ? "" : `, ${silent.join(", ")} did not answer`;
  const what = `${describeMissing(missing)} may be committed and no intact copy was found: ${who}${rest}`;
  return `${what}, and nobody follows a leader: a majority may be damaged or down, and what is left here may be needed. ` +
    `Start the others first.`;
}

function repairOptions(options: OpenStorageOptions, { meta }: Salvage): Parameters<typeof repairRound>[1] {
  const { others, clock, network, clusterId } = options;
  const { directoryId, generation, opening } = meta;
  const nodeId = identityOf(meta.nodeId, meta.incarnation);
  const stamp = { directoryId, generation, opening };
  return {
    ...{ others, clock, network, timeoutMs: askTimeoutMs },
    helloTo: (targetNodeId) => ({ role: "repair", clusterId, nodeId, targetNodeId, stamp }),
  };
}

/** Listens where the node will: lends what is left of the log, and turns everybody else away. */
async function openDoor(options: OpenStorageOptions, salvaged: Salvage, message: string): Promise<Disposable> {
  const { network, listen, clusterId, clock, others } = options;
  const { meta } = salvaged;
  const desk = new RepairDesk();
  desk.open(sourceOf(salvaged));
  const listener = await WireListener.listen(network, listen, {
    ...{ clusterId, nodeId: identityOf(meta.nodeId, meta.incarnation), clock },
    isPeer: (name) => Object.hasOwn(others, name),
    turnAway: (hello) => hello.role === "repair" ? null : { errorCode: "repairing", message },
    onRepair: (connection) => desk.accept(connection),
    onPeer: ({ connection }) => connection.close(message),
    onClient: ({ connection }) => connection.close(message),
  });
  return { [Symbol.dispose]: () => listener.close() };
}

/** Resolves once a peer follows a leader, which shows that the cluster can go on without this node's old identity. */
async function findLeader(options: OpenStorageOptions, error: StorageError): Promise<Recovered> {
  const { name, clusterId, clock, others } = options;
  const names = Object.keys(others);
  if (names.length === 0) throw refusal(options, error, "There is no other member to repair it from.");
  options.onProblem?.(`${error.message}. Looking for a leader among ${names.join(", ")}, to begin anew`);
  const helloTo = (targetNodeId: NodeId) => ({ role: "client", nodeId: "", clusterId, targetNodeId }) as const;
  const deadlineMs = clock.monotonicMs() + leaderSearchMs;
  for (;;) {
    for (const outcome of await askAll(options, helloTo)) {
      const leader = outcome.kind === "connected" ? outcome.reply.knowledge?.leader ?? "" : "";
      if (leader !== "" && nameOf(leader) !== name) return "replaceable";
    }
    if (clock.monotonicMs() >= deadlineMs) break;
    await sleep(clock, searchPauseMs);
  }
  throw refusal(
    options,
    error,
    `None of ${names.join(", ")} followed a leader within ${
      leaderSearchMs / 1000
    } s, so a majority may be damaged or ` +
      `down, and what is left here may be needed. Start the others first.`,
  );
}

function refusal({ fileSystem }: OpenStorageOptions, error: StorageError, why: string): StorageError {
  const { directory } = fileSystem;
  const advice = error.code === "retired"
    ? `Nothing was changed.`
    : `Restore ${directory} as it was when the node stopped last, or see balsa disk verify ${directory}.`;
  return new StorageError(error.code, `${error.message}. ${why} ${advice}`, error, error.place);
}
