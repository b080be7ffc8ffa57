import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  checkLinearizability,
  type CheckOptions,
  historyOf,
  ModelError,
  registerModel,
  registerSpecification,
  specificationOf,
  type Verdict,
} from "../../../raft/testing/linearizability/mod.ts";
import { generate } from "./generate.ts";
import { seededRandom } from "../../kv/seeded_random.ts";
import { append, get, put, type Sketch, sketch } from "./sketch.ts";

const remove = { f: "delete" };

const linearizable: Record<string, Sketch> = {
  "one client": [["|-|", put("a")], ["    |-|", append("b")], ["        |-|", get("ab")]],
  "a missing key is empty": [["|-|", get("")], ["    |-|", append("a")], ["        |-|", get("a")]],
  "a read may see a put that is still running": [["|--------|", put("a")], ["  |-|", get("a")]],
  "a read may miss a put that is still running": [["|--------|", put("a")], ["  |-|", get("")]],
  "the figure of Herlihy and Wing 1990, 1(a), for a register": [
    ["|----|", put("a")],
    ["   |---------|", put("b")],
    ["        |--|", get("a")],
    ["              |--|", get("b")],
  ],
  "an unknown put may take effect": [["|-?", put("a")], ["    |-|", get("")], ["        |-|", get("a")]],
  "an unknown put may never take effect": [["|-?", put("a")], ["    |-|", get("")], ["        |-|", get("")]],
  "an unknown put may take effect between two others": [
    ["|-?", put("a")],
    ["    |-|", put("b")],
    ["        |-|", get("a")],
    ["            |-|", put("c")],
    ["                |-|", get("c")],
  ],
  "a failed put has no effect": [["|-!", put("a")], ["    |-|", get("")]],
  "an append tells the value before": [["|-----|", append("a", "")], [" |--|", append("b", "a")], [
    "       |-|",
    get("ab"),
  ]],
  "a deleted key is empty": [["|-|", put("a")], ["    |-|", remove], ["        |-|", get("")]],
  "keys are apart": [["|-|", put("a")], ["    |-|", { ...get(""), key: "y" }]],
};

const notLinearizable: Record<string, { sketch: Sketch; offending: number; partial: number }> = {
  "a value never written": { sketch: [["|-|", put("a")], ["    |-|", get("z")]], offending: 1, partial: 1 },
  "a stale read": {
    sketch: [["|-|", put("a")], ["    |-|", put("b")], ["        |-|", get("a")]],
    offending: 2,
    partial: 2,
  },
  "two reads see a running put, then not": {
    sketch: [["|---------|", put("a")], ["  |-|", get("a")], ["      |-|", get("")]],
    offending: 2,
    partial: 2,
  },
  "a lost append": {
    sketch: [["|-|", append("a")], ["    |-|", append("b")], ["        |-|", get("b")]],
    offending: 2,
    partial: 2,
  },
  "an append that took effect twice": {
    sketch: [["|-|", append("a")], ["    |-|", get("a")], ["        |-|", get("aa")]],
    offending: 2,
    partial: 2,
  },
  "two appends in the wrong order": {
    sketch: [["|-|", append("a")], ["    |-|", append("b")], ["        |-|", get("ba")]],
    offending: 2,
    partial: 2,
  },
  "two clients see two puts in different orders": {
    sketch: [["|------------|", put("a")], ["|------------|", put("b")], ["  |-|", get("a")], ["      |-|", get("b")], [
      "          |-|",
      get("a"),
    ]],
    offending: 4,
    partial: 4,
  },
  "an unknown put takes effect, and does so again": {
    sketch: [["|-?", put("a")], ["    |-|", get("a")], ["        |-|", put("b")], ["            |-|", get("a")]],
    offending: 3,
    partial: 3,
  },
  "an unknown put took effect before it was called": {
    sketch: [["|-|", get("a")], ["    |-?", put("a")]],
    offending: 0,
    partial: 0,
  },
  "a failed put took effect": { sketch: [["|-!", put("a")], ["    |-|", get("a")]], offending: 1, partial: 0 },
  "an append tells a value that it cannot have seen": {
    sketch: [["|-|", append("a", "")], ["    |-|", append("b", "")]],
    offending: 1,
    partial: 1,
  },
  "a deleted key is seen": {
    sketch: [["|-|", put("a")], ["    |-|", remove], ["        |-|", get("a")]],
    offending: 2,
    partial: 2,
  },
};

/** The same object searched with and without looking ahead. */
const spaces: Record<string, CheckOptions> = {
  "looking ahead": { specification: registerSpecification },
  "plain": { specification: specificationOf(registerModel) },
};

for (const [space, options] of Object.entries(spaces)) {
  for (const [name, calls] of Object.entries(linearizable)) {
    Deno.test(`linearizable (${space}): ${name}`, () => {
      assertEquals(checkLinearizability(sketch(...calls), options).kind, "linearizable");
    });
  }
  for (const [name, { sketch: calls, offending, partial }] of Object.entries(notLinearizable)) {
    Deno.test(`not linearizable (${space}): ${name}`, () => {
      const verdict = checkLinearizability(sketch(...calls), options);
      assert(verdict.kind === "notLinearizable", verdict.kind);
      assertEquals(verdict.offending.process, offending);
      assertEquals(verdict.longestPartial.length, partial);
      assertEquals(verdict.partition, '"x"');
      assertStringIncludes(verdict.explanation, 'Key "x" is not linearizable as a register');
    });
  }
}

Deno.test("the order found explains the history, over all keys", () => {
  const verdict = checkLinearizability(sketch(
    ["|----------------|", put("a")],
    [" |-|", { ...put("1"), key: "y" }],
    ["     |-|", get("")],
    ["         |-|", { ...get("1"), key: "y" }],
    ["                   |-|", get("a")],
  ));
  assert(verdict.kind === "linearizable");
  assertEquals(verdict.order.map((operation) => operation.process), [1, 2, 0, 3, 4]);
});

Deno.test("the order leaves out what did not take effect", () => {
  const verdict = checkLinearizability(sketch(["|-?", put("a")], ["|-!", put("b")], ["    |-|", get("")]));
  assert(verdict.kind === "linearizable");
  assertEquals(verdict.order.map((operation) => operation.process), [2]);
});

Deno.test("a return and a call at one time are in the order of their lines", () => {
  const lines = (first: "ok" | "invoke"): Verdict => {
    const end = { process: 0, type: "ok", f: "put", key: "x", value: null, time: 5 } as const;
    const call = { process: 1, type: "invoke", f: "get", key: "x", value: null, time: 5 } as const;
    return checkLinearizability(historyOf([
      { process: 0, type: "invoke", f: "put", key: "x", value: "a", time: 5 },
      ...(first === "ok" ? [end, call] : [call, end]),
      { process: 1, type: "ok", f: "get", key: "x", value: "", time: 5 },
    ]));
  };
  assertEquals(lines("invoke").kind, "linearizable");
  assertEquals(lines("ok").kind, "notLinearizable");
});

Deno.test("a wrong key is found among right ones", () => {
  const verdict = checkLinearizability(sketch(
    ["|-|", put("a")],
    ["    |-|", { ...get("b"), key: "y" }],
    ["        |-|", get("a")],
  ));
  assert(verdict.kind === "notLinearizable");
  assertEquals(verdict.partition, '"y"');
  assertEquals(verdict.stateAfterPartial, '""');
});

Deno.test("a check that runs out of steps is undecided, not passed", () => {
  const functions = ["put", "append", "get"] as const;
  const events = generate({ random: seededRandom(3), operations: 60, clients: 6, keys: 1, functions });
  const verdict = checkLinearizability(historyOf(events), { maxSteps: 5 });
  assert(verdict.kind === "undecided");
  assertEquals([verdict.reason, verdict.steps, verdict.partition], ["maxSteps", 5, '"key0"']);
  assertStringIncludes(verdict.explanation, "not a pass");
});

Deno.test("a check that runs out of time is undecided", () => {
  let now = 0;
  const events = generate({
    random: seededRandom(3),
    operations: 2000,
    clients: 6,
    keys: 1,
    functions: ["put", "get"],
  });
  const verdict = checkLinearizability(historyOf(events), { maxMilliseconds: 50, nowMilliseconds: () => now += 20 });
  assert(verdict.kind === "undecided");
  // The clock is read every 256 steps: at 20 ms (start), then 40, 60, 80 > 20 + 50.
  assertEquals([verdict.reason, verdict.steps], ["maxMilliseconds", 512]);
});

Deno.test("a wrong key outweighs an undecided one", () => {
  const events = generate({ random: seededRandom(3), operations: 60, clients: 6, keys: 1, functions: ["put", "get"] });
  const wrong = { process: 99, f: "get", key: "other", time: 10_000_000 } as const;
  const history = historyOf([
    ...events,
    { ...wrong, type: "invoke", value: null },
    { ...wrong, type: "ok", value: "never" },
  ]);
  assertEquals(checkLinearizability(history, { maxSteps: 5 }).kind, "notLinearizable");
});

const refused: Record<string, { sketch: Sketch; reason: string }> = {
  "an unknown function": {
    sketch: [["|-|", { f: "push", value: "a" }]],
    reason: "its functions are get, put, append and delete",
  },
  "an argument that is no string": {
    sketch: [["|-|", { f: "put", value: 5 }]],
    reason: "argument must be a string: found 5",
  },
  "a get without a value": { sketch: [["|-|", { f: "get" }]], reason: "answer must be a string: found null" },
  "an append that answers a bare string": {
    sketch: [["|-|", { f: "append", value: "a", result: "a" }]],
    reason: 'null or {"old": the value before}',
  },
  "a delete that answers": { sketch: [["|-|", { f: "delete", result: 1 }]], reason: "answer must be null: found 1" },
};

for (const [name, { sketch: calls, reason }] of Object.entries(refused)) {
  Deno.test(`refused by the register: ${name}`, () => {
    assertThrows(() => checkLinearizability(sketch(...calls)), ModelError, reason);
  });
}
