/**
 * All mutants. They exist as text only: production carries no trace of them.
 *
 * @module
 */
import { electionMutants } from "./core_elections.ts";
import { logMutants } from "./core_log.ts";
import { featureMutants } from "./features.ts";
import { leaseMutants } from "./leases.ts";
import { membershipMutants } from "./core_membership.ts";
import { readMutants } from "./core_reads.ts";
import { replicationMutants } from "./core_replication.ts";
import { divergenceMutants } from "./divergence.ts";
import { keyValueMutants } from "./key_value.ts";
import type { Mutant } from "./mutant.ts";
import { nodeMutants } from "./node_and_machine.ts";
import { shardMutants } from "./shards.ts";
import { storageMutants } from "./storage.ts";
import { watchMutants } from "./watches.ts";

/** See the module. */
export const catalogue: readonly Mutant[] = [
  ...electionMutants,
  ...logMutants,
  ...replicationMutants,
  ...membershipMutants,
  ...readMutants,
  ...nodeMutants,
  ...storageMutants,
  ...keyValueMutants,
  ...shardMutants,
  ...divergenceMutants,
  ...featureMutants,
  ...watchMutants,
  ...leaseMutants,
];
