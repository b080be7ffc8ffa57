/**
 * What becomes of a server that stops by itself: the same for nodes, coordinators and members of shard groups.
 */
import { assertEquals } from "@std/assert";
import { RetiredError } from "../../raft/mod.ts";
import { runServer, type StartServer } from "../../shell/run_server.ts";

const settings = {
  ...{ id: "n1", listen: "127.0.0.1:7001", peers: { n1: "127.0.0.1:7001" } },
  ...{ dataDir: "data", clusterId: "balsa", isInsecure: false },
};

/** Starts servers of which each ends with the next of these errors as soon as it runs; and counts them. */
function endingWith(reasons: readonly Error[], onRunning: () => void) {
  const counts = { started: 0, disposed: 0 };
  const start: StartServer = ({ onStopped }) => {
    const reason = reasons[counts.started++];
    if (reason === undefined) onRunning();
    else onStopped?.(reason);
    return Promise.resolve({
      address: "127.0.0.1:7001",
      [Symbol.asyncDispose]: () => {
        counts.disposed++;
        return Promise.resolve();
      },
    });
  };
  return { counts, start };
}

Deno.test("server: one that may not go on under its identity is closed and started again, as often as it takes", async () => {
  const stop = new AbortController();
  const retired = new RetiredError("n1", "its files are an older copy");
  const { counts, start } = endingWith([retired, retired], () => stop.abort());
  assertEquals(await runServer(settings, start, stop.signal), 0);
  assertEquals(counts, { started: 3, disposed: 3 });
});

Deno.test("server: one that has failed is not started again, and the exit code says so", async () => {
  const { counts, start } = endingWith([new Error("the disk is full")], () => {});
  assertEquals(await runServer(settings, start, new AbortController().signal), 1);
  assertEquals(counts, { started: 1, disposed: 1 });
});
