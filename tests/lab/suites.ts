/**
 * All tests of the course that run here.
 *
 * @module
 */
import type { LabCase } from "./harness/lab_test_case.ts";
import { raft3A } from "./scenarios/raft_3a.ts";
import { raft3B } from "./scenarios/raft_3b.ts";
import { raft3C } from "./scenarios/raft_3c.ts";
import { raft3D } from "./scenarios/raft_3d.ts";
import { kvsrvCases } from "./scenarios/kvsrv.ts";
import { kvsrv1Cases } from "./scenarios/kvsrv1.ts";
import { lockCases } from "./scenarios/lock.ts";
import { kvraftCases } from "./scenarios/kvraft.ts";
import { kvraft1Cases } from "./scenarios/kvraft1.ts";
import { rsmCases } from "./scenarios/rsm.ts";
import { controllerCases } from "./scenarios/shardctrler.ts";
import { shardkvCases } from "./scenarios/shardkv.ts";
import { shardkv1CasesA } from "./scenarios/shardkv1.ts";
import { shardkv1CasesBC } from "./scenarios/shardkv1_controllers.ts";

/** Every test that runs, in the course's order. */
export const labCases: readonly LabCase[] = [
  ...raft3A,
  ...raft3B,
  ...raft3C,
  ...raft3D,
  ...kvsrvCases,
  ...kvsrv1Cases,
  ...lockCases,
  ...rsmCases,
  ...kvraftCases,
  ...kvraft1Cases,
  ...controllerCases,
  ...shardkvCases,
  ...shardkv1CasesA,
  ...shardkv1CasesBC,
];

/** `suite/name`, as `--filter` takes it. */
export function caseName({ suite, name }: Pick<LabCase, "suite" | "name">): string {
  return `${suite}/${name}`;
}
