/**
 * Opens a node's directory as the member it can honestly be: the one it was, a new one, or a stranger that has to be taken
 * in. See `admission.ts` for the rules.
 *
 * - **Damage**: if what is left tells what is missing, the others are asked for it, and the node stays who it is; see
 *   `repair/repair.ts`.
 * - **A last write that may have been lost unnoticed**: the others are asked what it may have held (`suspect_tail.ts`).
 * - **Damage beyond that, or an identity given up before**: the files are left as they are until one of the peers follows a
 *   leader that is not this node, for then the cluster goes on without what was lost here. Only then they are put out of
 *   the way (`damaged-…`) and the node begins anew under another incarnation. If no such leader is found, and nothing
 *   repaired, within `leaderSearchMs`, a majority may be damaged, and the directory is refused as it is.
 * - **An empty directory**: may be a node's first, or what is left of a lost one. The peers are asked whether they have met
 *   another one under this identity; if so the node is a stranger too.
 *
 * @module
 */
import { incarnationOf, nameOf } from "../core/types.ts";
import { FileStorage } from "../storage/file_storage.ts";
import { StorageError, type StorageErrorCode } from "../storage/storage_error.ts";
import { askAll } from "./ask_all.ts";
import type { OpenStorageOptions } from "./options.ts";
import { recover } from "./recover.ts";

/** Codes of errors about which something can be done. */
const recoverable: ReadonlySet<StorageErrorCode> = new Set(["corrupt", "suspect", "retired"]);

/** Opens the directory, under whatever identity is right. Throws a {@link StorageError} when there is none. */
export async function openStorage(options: OpenStorageOptions): Promise<FileStorage> {
  const { name: nodeId, others } = options;
  const { fileSystem, clusterId, initialConfiguration, clock, walLimits = {} } = options;
  const open = { fileSystem, clusterId, nodeId, initialConfiguration, clock, walLimits };
  let storage: FileStorage;
  try {
    storage = await FileStorage.open({ ...open, refusesSuspectTail: Object.keys(others).length > 0 });
  } catch (error) {
    if (!(error instanceof StorageError) || !recoverable.has(error.code)) throw error;
    if (await recover(options, error) === "openable") storage = await FileStorage.open(open);
    else {
      storage = await FileStorage.openAnew({ ...open, incarnation: Math.max(1, Math.floor(clock.wallMs())) });
      options.onProblem?.(
        `${error.message}. All its files are kept as damaged-${storage.card.incarnation}-…; the node begins anew as ` +
          `${storage.card.identity} and catches up from the others`,
      );
    }
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
