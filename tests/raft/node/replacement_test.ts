/**
 * Which change of configuration a stranger at the door asks for.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { nextReplacement } from "../../../raft/node/replacement.ts";
import type { Configuration, NodeId } from "../../../raft/core/types.ts";

const three: Configuration = { voters: ["n1", "n2", "n3"], outgoing: [], learners: [] };

function next(
  configuration: Configuration,
  connected: readonly NodeId[],
  matched: Readonly<Record<NodeId, number>> = {},
): { voters: readonly NodeId[]; learners: readonly NodeId[] } | null {
  const change = nextReplacement({
    ...{ self: "n1", configuration, connected, caughtUpIndex: 100 },
    matchIndexOf: (member) => matched[member],
  });
  return change === null ? null : { voters: change.voters, learners: change.learners };
}

Deno.test("a stranger under the name of a member becomes a learner, and a voter in its place once it has caught up", () => {
  assertEquals(next(three, ["n2", "n3#5"]), { voters: ["n1", "n2", "n3"], learners: ["n3#5"] });
  const learning = { ...three, learners: ["n3#5"] };
  assertEquals(next(learning, ["n2", "n3#5"], { "n3#5": 99 }), null);
  assertEquals(next(learning, ["n2", "n3#5"], { "n3#5": 100 }), { voters: ["n1", "n2", "n3#5"], learners: [] });
});

Deno.test("nobody is taken in whose name the configuration does not have, or who is a member already", () => {
  assertEquals(next(three, ["n2", "n4#5"]), null);
  assertEquals(next({ ...three, voters: ["n1", "n2", "n3#5"] }, ["n2", "n3#5"]), null);
});

Deno.test("a first identity never comes back by itself, nor does an earlier incarnation", () => {
  const later = { ...three, voters: ["n1", "n2", "n3#5"] };
  assertEquals(next(later, ["n2", "n3"]), null);
  assertEquals(next(later, ["n2", "n3#4"]), null);
});

Deno.test("a member that is connected is not replaced, nor is the leader", () => {
  assertEquals(next(three, ["n3", "n3#5"]), null);
  assertEquals(next(three, ["n1#5"]), null);
});

Deno.test("who lost the disk again while learning is replaced in both roles", () => {
  const learning = { ...three, learners: ["n3#5"] };
  assertEquals(next(learning, ["n3#7"]), { voters: ["n1", "n2", "n3"], learners: ["n3#7"] });
  assertEquals(next({ ...three, learners: ["n4"] }, ["n4#7"]), { voters: three.voters, learners: ["n4#7"] });
  // A learner that replaced a learner stays one.
  assertEquals(next({ ...three, learners: ["n4#7"] }, ["n4#7"], { "n4#7": 200 }), null);
});

Deno.test("nothing is changed while a change is under way", () => {
  assertEquals(next({ ...three, outgoing: ["n1", "n2"] }, ["n3#5"]), null);
});
