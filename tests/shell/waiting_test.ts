import { assertEquals } from "@std/assert";
import type { ClerkWaiting } from "../../kv/mod.ts";
import type { ReachableServer, UnreachableServer } from "../../shell/server_report.ts";
import { describeWaiting, WaitingNotice } from "../../shell/waiting.ts";
import { RecordedOutput, someLeader } from "./fakes.ts";

const state: ClerkWaiting = { reason: "noReply", server: "a:1", detail: "", attempts: 1, sinceMs: 1000 };

function down(address: string): UnreachableServer {
  return { kind: "down", address, reason: "connection refused" };
}

function follower(address: string): ReachableServer {
  const peers = ["n2", "n3"].map((id) => ({ id, connected: true }));
  return { ...someLeader, address, role: "follower", leader: null, peers };
}

Deno.test("waiting for servers, none of which answers", () => {
  assertEquals(
    describeWaiting(state, [down("a:1"), down("b:2")]).text,
    "Waiting for a server: a:1, b:2 cannot be reached (connection refused)",
  );
});

Deno.test("waiting for nodes that are missing for a majority", () => {
  assertEquals(
    describeWaiting(state, [down("a:1"), follower("b:2"), down("c:3")]).text,
    "Waiting for a leader: 1 of 3 nodes answers, 2 are needed; not reachable: a:1, c:3",
  );
});

Deno.test("the cluster may be larger than the list of servers", () => {
  assertEquals(
    describeWaiting(state, [follower("b:2")]).text,
    "Waiting for a leader: 1 of 3 nodes answers, 2 are needed",
  );
});

Deno.test("waiting for an election", () => {
  assertEquals(
    describeWaiting(state, [down("a:1"), follower("b:2"), follower("c:3")]).text,
    "Waiting for a leader: 2 of 3 nodes answer, none leads yet",
  );
});

Deno.test("waiting for a leader that is there but does not answer", () => {
  assertEquals(describeWaiting(state, [someLeader]).text, "Waiting for an answer from a:1");
});

Deno.test("without a terminal a notice is shown once for each kind of obstacle", () => {
  const output = new RecordedOutput();
  const notice = new WaitingNotice(output);
  notice.show({ kind: "silence", text: "first" }, 1000);
  notice.show({ kind: "silence", text: "first, in other words" }, 2000);
  notice.show({ kind: "election", text: "second" }, 3000);
  assertEquals(notice.obstacle?.text, "second");
  notice.clear();
  assertEquals(notice.obstacle, null);
  assertEquals(output.notes, ["first", "second"]);
  assertEquals(output.controls, []);
});

Deno.test("on a terminal each notice replaces the one before it, and the last one goes away", () => {
  const output = new RecordedOutput(true);
  const notice = new WaitingNotice(output);
  notice.show({ kind: "election", text: "Waiting for a leader" }, 1000);
  notice.clear();
  notice.clear();
  assertEquals(output.controls, ["\r\x1b[K1 s, Ctrl-C gives up: Waiting for a leader", "\r\x1b[K"]);
});

Deno.test("a notice is cut to the width of the terminal, or it could not be replaced", () => {
  const output = new RecordedOutput(true);
  new WaitingNotice(output).show({ kind: "silence", text: "x".repeat(200) }, 1000);
  assertEquals(output.controls.map((control) => control.length), ["\r\x1b[K".length + output.columns - 1]);
});
