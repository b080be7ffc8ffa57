import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  checkLinearizability,
  lockSpecification,
  ModelError,
  type Verdict,
} from "../../../raft/testing/linearizability/mod.ts";
import { append, get, put, type Sketch, sketch, type SketchedCall } from "./sketch.ts";

function read(value: string, version: number): SketchedCall {
  return { f: "getWithVersion", result: { value, version } };
}

function putIf(value: string, version: number, outcome: string, madeVersion?: number): SketchedCall {
  const result = madeVersion === undefined ? { outcome } : { outcome, version: madeVersion };
  return { f: "putIfVersion", value: { value, version }, result };
}

function acquire(holder: string, token: number | null): SketchedCall {
  return { f: "acquire", value: holder, result: token };
}

function renew(token: number, result: boolean): SketchedCall {
  return { f: "renew", value: token, result };
}

function release(token: number, result: boolean | null = null): SketchedCall {
  return { f: "release", value: token, result };
}

const histories: readonly (readonly [name: string, kind: Verdict["kind"], sketch: Sketch])[] = [
  ["versions count up", "linearizable", [
    ["|-|", read("", 0)],
    ["    |-|", putIf("a", 0, "ok", 1)],
    ["        |-|", putIf("b", 1, "ok")],
    ["            |-|", read("b", 2)],
  ]],
  ["of two puts at one version, one is made", "linearizable", [
    ["|-|", putIf("a", 0, "ok")],
    ["    |------|", putIf("b", 1, "versionMismatch", 2)],
    ["    |------|", putIf("c", 1, "ok", 2)],
    ["            |-|", read("c", 2)],
  ]],
  ["of two puts at one version, not both are made", "notLinearizable", [
    ["|-|", putIf("a", 0, "ok")],
    ["    |------|", putIf("b", 1, "ok")],
    ["    |------|", putIf("c", 1, "ok")],
  ]],
  ["a mismatch where the versions agreed", "notLinearizable", [
    ["|-|", putIf("a", 0, "ok")],
    ["    |-|", putIf("b", 1, "versionMismatch")],
  ]],
  ["a mismatch that tells another version than there was", "notLinearizable", [
    ["|-|", putIf("a", 0, "ok")],
    ["    |-|", putIf("b", 7, "versionMismatch", 2)],
  ]],
  ["a mismatch where there is no key", "notLinearizable", [["|-|", putIf("a", 3, "versionMismatch")]]],
  ["no key where there is none", "linearizable", [["|-|", putIf("a", 3, "noKey")]]],
  ["no key where there is one", "notLinearizable", [
    ["|-|", putIf("a", 0, "ok")],
    ["    |-|", putIf("b", 3, "noKey")],
  ]],
  ["no key where the put asked for none", "notLinearizable", [["|-|", putIf("a", 0, "noKey")]]],
  ["maybe: it was made", "linearizable", [["|-|", putIf("a", 0, "maybe")], ["    |-|", read("a", 1)]]],
  ["maybe: it was not made", "linearizable", [
    ["|-|", putIf("b", 0, "ok")],
    ["    |-|", putIf("a", 0, "maybe")],
    ["        |-|", read("b", 1)],
  ]],
  ["maybe: it cannot have failed, for the versions agreed", "notLinearizable", [
    ["|-|", putIf("a", 0, "maybe")],
    ["    |-|", read("", 0)],
  ]],
  ["an unknown put is made late", "linearizable", [
    ["|-?", putIf("a", 0, "ok")],
    ["    |-|", read("", 0)],
    ["        |-|", read("a", 1)],
  ]],
  ["an unknown put is made twice", "notLinearizable", [
    ["|-?", putIf("a", 0, "ok")],
    ["    |-|", read("a", 1)],
    ["        |-|", { f: "delete" }],
    ["            |-|", read("a", 1)],
  ]],
  ["a version goes back", "notLinearizable", [
    ["|-|", putIf("a", 0, "ok")],
    ["    |-|", putIf("a", 1, "ok")],
    ["        |-|", read("a", 1)],
  ]],
  ["plain calls count versions up", "linearizable", [
    ["|-|", put("a")],
    ["    |-|", append("b")],
    ["        |-|", read("ab", 2)],
    ["            |-|", get("ab")],
    ["                |-|", putIf("c", 2, "ok", 3)],
  ]],
  ["plain calls see values too", "notLinearizable", [["|-|", putIf("a", 0, "ok")], ["    |-|", get("b")]]],
  ["a lock passes from hand to hand", "linearizable", [
    ["|-|", acquire("a", 1)],
    ["    |-|", acquire("b", null)],
    ["        |-|", release(1)],
    ["            |-|", acquire("b", 5)],
    ["                |-|", release(1, false)],
    ["                    |-|", release(5, true)],
  ]],
  ["two hold a lock", "notLinearizable", [["|-|", acquire("a", 1)], ["    |-|", acquire("b", 2)]]],
  ["a lock is refused though free", "notLinearizable", [["|-|", acquire("a", null)]]],
  ["a token comes twice", "notLinearizable", [
    ["|-|", acquire("a", 1)],
    ["    |-|", release(1)],
    ["        |-|", acquire("b", 1)],
  ]],
  ["a lock is released by another", "notLinearizable", [["|-|", acquire("a", 4)], ["    |-|", release(3)]]],
  ["a lock is not released by its holder", "notLinearizable", [
    ["|-|", acquire("a", 4)],
    ["    |-|", release(4, false)],
  ]],
  ["a lock is renewed by its holder, and by nobody else", "linearizable", [
    ["|-|", acquire("a", 4)],
    ["    |-|", renew(4, true)],
    ["        |-|", renew(3, false)],
    ["            |-|", acquire("b", null)],
    ["                |-|", release(4)],
    ["                    |-|", renew(4, false)],
  ]],
  ["a lock is renewed by another", "notLinearizable", [["|-|", acquire("a", 4)], ["    |-|", renew(3, true)]]],
  ["a lock is not renewed by its holder", "notLinearizable", [["|-|", acquire("a", 4)], ["    |-|", renew(4, false)]]],
  ["a renewal tells the token of an unknown acquire", "notLinearizable", [
    ["|-?", acquire("a", 1)],
    ["    |-|", renew(7, true)],
    ["        |-|", release(6)],
  ]],
  ["the token of an unknown acquire is one that was not refused", "linearizable", [
    ["|-?", acquire("a", 1)],
    ["    |-|", acquire("b", null)],
    ["        |-|", renew(1, false)],
    ["            |-|", release(3, false)],
    ["                |-|", release(2, true)],
  ]],
  ["the token of an unknown acquire is refused before it is taken", "notLinearizable", [
    ["|-?", acquire("a", 1)],
    ["    |-|", acquire("b", null)],
    ["        |-|", renew(3, false)],
    ["            |-|", renew(1, false)],
    ["                |-|", release(3, true)],
  ]],
  ["a token is refused before the unknown acquire that gives it", "linearizable", [
    ["|-----?", acquire("a", 1)],
    [" |-|", renew(3, false)],
    ["      |-|", release(3, true)],
  ]],
  ["an unknown acquire holds the lock", "linearizable", [["|-?", acquire("a", 1)], ["    |-|", acquire("b", null)]]],
  ["an unknown acquire never came", "linearizable", [["|-?", acquire("a", 1)], ["    |-|", acquire("b", 1)]]],
  ["an unknown acquire came, unseen by its holder, and was released under its token", "linearizable", [
    ["|-?", acquire("a", 1)],
    ["    |-|", acquire("b", null)],
    ["        |-|", release(3)],
    ["            |-|", acquire("b", 4)],
  ]],
  ["an unknown release lets the lock go late", "linearizable", [
    ["|-|", acquire("a", 1)],
    ["    |-?", release(1)],
    ["        |-|", acquire("b", null)],
    ["            |-|", acquire("b", 2)],
  ]],
];

for (const [name, kind, calls] of histories) {
  Deno.test(`${kind}: ${name}`, () => {
    const verdict = checkLinearizability(sketch(...calls));
    assertEquals(verdict.kind, kind);
    if (verdict.kind === "notLinearizable") assert(verdict.specification !== "register", verdict.specification);
  });
}

Deno.test("where leases expire, a held lock may pass on, but only under a greater token", () => {
  const specification = lockSpecification({ leasesExpire: true });
  const check = (...calls: Sketch): string => checkLinearizability(sketch(...calls), { specification }).kind;
  assertEquals(
    check(["|-|", acquire("a", 1)], ["    |-|", acquire("b", 2)], ["        |-|", release(1, false)]),
    "linearizable",
  );
  assertEquals(check(["|-|", acquire("a", 2)], ["    |-|", acquire("b", 1)]), "notLinearizable");
  assertEquals(
    check(["|-|", acquire("a", 1)], ["    |-|", acquire("b", 2)], ["        |-|", release(1)]),
    "notLinearizable",
  );
  assertEquals(
    check(["|-|", acquire("a", 1)], ["    |-|", acquire("b", 2)], ["        |-|", renew(1, true)]),
    "notLinearizable",
  );
});

const refused: readonly (readonly [call: SketchedCall, reason: string])[] = [
  [{ f: "putIfVersion", value: "a", result: { outcome: "ok" } }, "argument must be"],
  [{ f: "putIfVersion", value: { value: "a", version: -1 }, result: { outcome: "ok" } }, "argument must be"],
  [putIf("a", 0, "perhaps"), "must be one of ok, versionMismatch, noKey, maybe"],
  [{ f: "putIfVersion", value: { value: "a", version: 0 }, result: { outcome: "ok", version: "1" } }, "whole number"],
  [{ f: "getWithVersion", result: "a" }, "answer must be"],
  [{ f: "acquire", value: 1, result: 1 }, "must be the holder's name"],
  [{ f: "acquire", value: "a", result: "1" }, "must be a fencing token or null"],
  [{ f: "release", value: "a" }, "must be a fencing token"],
  [{ f: "release", value: 1, result: 1 }, "must be null, true or false"],
  [{ f: "renew", value: 1, result: 1 }, "must be null, true or false"],
];

for (const [call, reason] of refused) {
  Deno.test(`refused: ${JSON.stringify(call)}`, () => {
    assertThrows(() => checkLinearizability(sketch(["|-|", call])), ModelError, reason);
  });
}

Deno.test("refused: a lock and a register under one key", () => {
  assertThrows(
    () => checkLinearizability(sketch(["|-|", acquire("a", 1)], ["    |-|", put("a")])),
    ModelError,
    "its functions are acquire, renew and release",
  );
});
