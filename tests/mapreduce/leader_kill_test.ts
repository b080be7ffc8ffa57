/**
 * The loss of the coordinators' leader does not lose the job.
 */
import { assert, assertGreaterOrEqual } from "@std/assert";
import { runWithLeaderKill } from "./leader_kill.ts";

for (const mapsDone of [0, 5, 9]) {
  Deno.test(`mapreduce: the leader is killed when ${mapsDone} of 12 map tasks are done`, async () => {
    const { isEqual, attempts, wasKilled } = await runWithLeaderKill({ mapsDone });
    assert(isEqual, "output differs from that of one process");
    assert(wasKilled, "the job was over before a leader could be killed: it must be longer");
    assertGreaterOrEqual(attempts, 12 + 10 + 1);
  });
}
