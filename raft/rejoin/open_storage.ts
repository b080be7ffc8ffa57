/**
 * Opens a node's directory as the member it can honestly be: the one it was, a new one, or a stranger that has to be taken
 * in. See `admission.ts` for the rules.
 *
 * - **Damage, or an identity given up before**: the files are left as they are until one of the peers follows a leader that
 *   is not this node, for then the cluster goes on without what was lost here. Only then they are put out of the way
 *   (`damaged-…`) and the node begins anew under another incarnation. If no such leader is found within
 *   {@link leaderSearchMs}, a majority may be damaged, and the directory is refused as it is.
 * - **An empty directory**: may be a node's first, or what is left of a lost one. The peers are asked whether they have met
 *   another one under this identity; if so the node is a stranger too.
 *
 * @module
 */
import { type Configuration, incarnationOf, nameOf, type NodeId } from "../core/types.ts";
import { type Clock, sleep } from "../node/clock.ts";
import type { FileSystem } from "../storage/file_system.ts";
import { FileStorage } from "../storage/file_storage.ts";
import { StorageError } from "../storage/storage_error.ts";
import { dial, type DialOutcome } from "../wire/dial.ts";
import type { Hello } from "../wire/hello.ts";
import { wireLimits } from "../wire/limits.ts";
import type { Network } from "../wire/network.ts";

/** How long a node with a damaged directory looks for a leader before it refuses to start, in milliseconds. */
export const leaderSearchMs = 30_000;
/** Pause between two rounds of that search, in milliseconds. */
const searchPauseMs = 200;
/** How long one peer may take to answer, in milliseconds. */
const askTimeoutMs = 1_000;

/** What {@link openStorage} needs to know. */
export interface OpenStorageOptions {
  /** The node's name. */
  readonly name: string;
  /** Its cluster. */
  readonly clusterId: string;
  /** The configuration of a new directory. */
  readonly initialConfiguration: Configuration;
  /** Where the other members are, by name. */
  readonly others: Readonly<Record<string, string>>;
  /** The directory. */
  readonly fileSystem: FileSystem;
  /** Time. */
  readonly clock: Clock;
  /** Sockets. */
  readonly network: Network;
  /** Told what is being done about damage; for logs. */
  readonly onProblem?: (problem: string) => void;
}

/** Opens the directory, under whatever identity is right. Throws a {@link StorageError} when there is none. */
export async function openStorage(options: OpenStorageOptions): Promise<FileStorage> {
  const { name: nodeId, others } = options;
  const { fileSystem, clusterId, initialConfiguration, clock } = options;
  const open = { fileSystem, clusterId, nodeId, initialConfiguration, clock };
  let storage: FileStorage;
  try {
    storage = await FileStorage.open(open);
  } catch (error) {
    if (!(error instanceof StorageError) || (error.code !== "corrupt" && error.code !== "retired")) throw error;
    await findLeader(options, error);
    storage = await FileStorage.openAnew({ ...open, incarnation: Math.max(1, Math.floor(clock.wallMs())) });
    options.onProblem?.(
      `${error.message}. All its files are kept as damaged-${storage.card.incarnation}-…; the node begins anew as ` +
        `${storage.card.identity} and catches up from the others`,
    );
  }
  const { torn, damagedSnapshots, witnessed } = storage.recovery;
  if (torn !== null) {
    options.onProblem?.(
      `Dropped ${torn.bytes} bytes at the end of ${torn.file}, from offset ${torn.offset}: a write that a crash cut short ` +
        `(${torn.reason})${witnessed ? "" : "; nothing proves that it was never acknowledged"}`,
    );
  }
  for (const file of damagedSnapshots) {
    options.onProblem?.(`${file} was damaged, and is kept as damaged-${file}; an older one and the log had all of it`);
  }
  if (!storage.isNew || Object.keys(others).length === 0) return storage;
  try {
    await makeSureOfIdentity(options, storage);
    return storage;
  } catch (error) {
    await storage[Symbol.asyncDispose]();
    throw error;
  }
}

/** Asks whether the identity of a directory without promises is free, and takes another one if it is not. */
async function makeSureOfIdentity(options: OpenStorageOptions, storage: FileStorage): Promise<void> {
  const { card } = storage;
  const hello = { role: "peer", nodeId: card.identity, stamp: card.stamp } as const;
  const outcomes = await askAll(options, (targetNodeId) => ({ ...hello, clusterId: options.clusterId, targetNodeId }));
  let taken = -1;
  let reason = "";
  for (const outcome of outcomes) {
    if (outcome.kind !== "refused" || outcome.reply?.errorCode !== "retired") continue;
    taken = Math.max(taken, card.incarnation, incarnationOf(outcome.reply.knowledge?.member ?? ""));
    reason = `${nameOf(outcome.reply.nodeId)} says: ${outcome.reply.message}`;
  }
  if (taken < 0) return;
  const before = card.identity;
  await card.reincarnate(Math.max(Math.floor(options.clock.wallMs()), taken + 1));
  options.onProblem?.(
    `The directory ${options.fileSystem.directory} is empty, and ${before} has been met before (${reason}): the node ` +
      `comes back as ${card.identity} and catches up from the others`,
  );
}

/** Resolves once a peer follows a leader, which shows that the cluster can go on without this node's old identity. */
async function findLeader(options: OpenStorageOptions, error: StorageError): Promise<void> {
  const { name, clusterId, clock, others, fileSystem } = options;
  const { directory } = fileSystem;
  const names = Object.keys(others);
  const advice = error.code === "retired"
    ? `Nothing was changed.`
    : `Restore ${directory} as it was when the node stopped last, or see balsa disk verify ${directory}.`;
  if (names.length === 0) {
    throw new StorageError(
      error.code,
      `${error.message}. There is no other member to repair it from. ${advice}`,
      error,
    );
  }
  options.onProblem?.(`${error.message}. Looking for a leader among ${names.join(", ")}, to begin anew`);
  const deadlineMs = clock.monotonicMs() + leaderSearchMs;
  for (;;) {
    const outcomes = await askAll(
      options,
      (targetNodeId) => ({ role: "client", nodeId: "", clusterId, targetNodeId }),
    );
    for (const outcome of outcomes) {
      const leader = outcome.kind === "connected" ? outcome.reply.knowledge?.leader ?? "" : "";
      if (leader !== "" && nameOf(leader) !== name) return;
    }
    if (clock.monotonicMs() >= deadlineMs) break;
    await sleep(clock, searchPauseMs);
  }
  throw new StorageError(
    error.code,
    `${error.message}. None of ${names.join(", ")} followed a leader within ${
      leaderSearchMs / 1000
    } s, so a majority ` +
      `may be damaged or down, and what is left here may be needed. Start the others first. ${advice}`,
    error,
  );
}

/** Says hello to every peer at once and hangs up. */
function askAll(options: OpenStorageOptions, helloTo: (name: NodeId) => Hello): Promise<DialOutcome[]> {
  const { network, clock, others } = options;
  return Promise.all(
    Object.entries(others).map(async ([name, address]) => {
      const outcome = await dial(network, address, {
        hello: helloTo(name),
        clock,
        limits: wireLimits,
        timeoutMs: askTimeoutMs,
      });
      if (outcome.kind === "connected") outcome.connection.close("it has been asked");
      return outcome;
    }),
  );
}
