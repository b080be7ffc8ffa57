import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  findLeader,
  palette,
  renderBytes,
  renderDuration,
  renderForTerminal,
  renderStatus,
  renderTable,
} from "../../shell/render.ts";
import type { ReachableServer } from "../../shell/server_report.ts";
import { someLeader, someReports } from "./fakes.ts";

const plain = palette(false);
const follower: ReachableServer = {
  ...someLeader,
  address: "127.0.0.1:7003",
  id: "n3",
  role: "follower",
  leader: null,
  commitIndex: 1234,
  lastApplied: 1234,
  logBytes: 10,
  snapshotIndex: 0,
};

Deno.test("renderStatus lays out one line for each server", () => {
  assertEquals(
    renderStatus([...someReports, follower], plain).split("\n"),
    [
      "address         node  role      term  leader  commitIndex  lastApplied      log  snapshot  fsync p50/p99/max ms",
      "127.0.0.1:7001  n1    leader       3  n1               12           11  4.0 KiB        @7        0.10/0.50/3.00",
      "127.0.0.1:7003  n3    follower     3  none           1234         1234     10 B      none        0.10/0.50/3.00",
      "127.0.0.1:7002  unreachable  connection refused",
    ],
  );
});

Deno.test("renderStatus says when there is no leader", () => {
  assertEquals(
    renderStatus([follower], plain).split("\n").at(-1),
    "No leader: a majority of the nodes must be up and connected before the cluster can answer.",
  );
});

Deno.test("renderStatus says when no server answers", () => {
  assertEquals(renderStatus(someReports.slice(1), plain).split("\n"), [
    "127.0.0.1:7002  unreachable  connection refused",
    "No server answers; is the cluster running?",
  ]);
});

Deno.test("renderStatus shows that a node does not take part any more in place of the role it had", () => {
  const lines = renderStatus([{ ...someLeader, state: "failed" }], plain).split("\n");
  assertStringIncludes(lines[1] ?? "", "failed");
  assertEquals(lines.length, 3);
});

Deno.test("renderStatus says what is wrong with a server that answers", () => {
  const lines = renderStatus([{ ...someLeader, isDiskFull: true }, { ...follower, state: "diverged" }], plain).split(
    "\n",
  );
  assertEquals(lines.slice(3), [
    "n1 has no room on its disk: it takes no writes until there is some.",
    "n3 has, or may have, another state than the other replicas: it serves nothing. Its log says more.",
  ]);
});

Deno.test("findLeader believes the leader of the highest term", () => {
  const deposed: ReachableServer = { ...follower, id: "old", role: "leader", term: 2 };
  const present: ReachableServer = { ...follower, id: "new", role: "leader", term: 5 };
  assertEquals(findLeader([deposed, present])?.id, "new");
  assertEquals(findLeader([present, deposed])?.id, "new");
  assertEquals(findLeader([follower]), null);
});

Deno.test("renderTable aligns colored cells by what is seen", () => {
  const colored = palette(true);
  const lines = renderTable(["a", "b"], [[colored.bad("xy"), "1"], ["x", "2"]], plain).split("\n");
  assertEquals(lines, ["a   b", "\x1b[31mxy\x1b[39m  1", "x   2"]);
});

Deno.test("renderBytes and renderDuration choose the unit", () => {
  assertEquals([0, 1023, 1024, 1536, 3 * 1024 ** 2, 5 * 1024 ** 3].map(renderBytes), [
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.5 KiB",
    "3.0 MiB",
    "5.0 GiB",
  ]);
  assertEquals([0.4234, 9.876, 12.34, 999.9, 1500].map(renderDuration), [
    "0.42 ms",
    "9.88 ms",
    "12.3 ms",
    "999.9 ms",
    "1.50 s",
  ]);
});

Deno.test("renderForTerminal shows control characters instead of obeying them", () => {
  assertEquals(renderForTerminal("a\tb\nc\x1b[2Jd\re\x9b"), "a\tb\nc\\x1b[2Jd\\x0de\\x9b");
  assertEquals(renderForTerminal("grün 👍"), "grün 👍");
});

Deno.test("palette without colors leaves text as it is", () => {
  assertEquals(plain.bad("x"), "x");
  assertEquals(palette(true).good("x"), "\x1b[32mx\x1b[39m");
});
