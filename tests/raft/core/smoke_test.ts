import { assertEquals } from "@std/assert";
import { TestCluster } from "./cluster.ts";

Deno.test("a cluster of three elects, replicates, fails over, snapshots and reads", () => {
  const cluster = new TestCluster(["a", "b", "c"]);
  cluster.elect("a");
  cluster.propose("a", "x", "y");
  cluster.settle();
  cluster.tick(2);
  for (const id of ["a", "b", "c"]) assertEquals(cluster.appliedTexts(id), ["x", "y"]);
  cluster.setConnected("a", false);
  cluster.tick(40);
  const leader = ["b", "c"].find((id) => cluster.node(id).raft.status().role === "leader") ?? "";
  cluster.propose(leader, "z");
  cluster.settle();
  assertEquals(cluster.node("a").raft.status().role, "preCandidate");
  cluster.node(leader).compact();
  cluster.setConnected("a", true);
  cluster.tick(30);
  assertEquals(cluster.node("a").raft.status().snapshot.last.index, 5 - 0);
  cluster.step(leader, { type: "readIndex", context: 7 });
  cluster.settle();
  assertEquals(cluster.node(leader).readStates.map((read) => read.kind), ["ready"]);
});
Deno.test("a cluster of one", () => {
  const cluster = new TestCluster(["a"]);
  cluster.elect("a");
  cluster.propose("a", "x");
  assertEquals(cluster.appliedTexts("a"), ["x"]);
  cluster.step("a", { type: "readIndex", context: 7 });
  assertEquals(cluster.node("a").readStates.length, 1);
});
