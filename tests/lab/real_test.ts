/**
 * Some tests of the course outside virtual time: on TCP and files, and on processes that are killed. `deno task lab --real`
 * and `--processes` run all of them.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { runReal } from "./run_case.ts";
import { caseName, labCases } from "./suites.ts";

function realTest(name: string, usesProcesses: boolean): void {
  Deno.test(`lab, ${usesProcesses ? "processes" : "TCP and files"}: ${name}`, async () => {
    const test = labCases.find((candidate) => caseName(candidate) === name);
    if (test === undefined) throw new Error(`there is no ${name}`);
    const { failure } = await runReal(test, 1, usesProcesses);
    assertEquals(failure, null);
  });
}

realTest("raft/TestUnreliableAgree3C", false);
realTest("raft/TestPersist13C", false);
realTest("rsm/TestLeaderPartition4A", false);
realTest("kvraft/TestOnePartition4A", false);
realTest("kvraft/TestUnreliableOneKey4A", false);
realTest("raft/TestPersist33C", true);
realTest("rsm/TestSnapshot4C", true);
