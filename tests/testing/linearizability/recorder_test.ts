import { assertEquals, assertThrows } from "@std/assert";
import { formatHistory, HistoryRecorder, parseHistory } from "../../../raft/testing/linearizability/mod.ts";

Deno.test("calls in flight together have processes of their own, the lowest that is free", () => {
  const recorder = new HistoryRecorder(() => 0);
  const first = recorder.begin({ f: "put", key: "x", value: "a" });
  const second = recorder.begin({ f: "get", key: "x" });
  const third = recorder.begin({ f: "get", key: "x" });
  assertEquals([first.process, second.process, third.process], [0, 1, 2]);
  third.ok("");
  first.fail();
  second.ok("a");
  const again = [0, 1, 2, 3].map(() => recorder.begin({ f: "get", key: "x" }).process);
  assertEquals(again, [0, 1, 2, 3]);
});

Deno.test("a process whose call is unknown never calls again", () => {
  const recorder = new HistoryRecorder(() => 0);
  recorder.begin({ f: "put", key: "x", value: "a" }).info();
  assertEquals(recorder.begin({ f: "get", key: "x" }).process, 1);
});

Deno.test("a call ends once", () => {
  const recorder = new HistoryRecorder(() => 0);
  const call = recorder.begin({ f: "put", key: "x", value: "a" });
  call.info();
  assertThrows(() => call.ok(), TypeError, 'Cannot end "put" of key "x" as ok: it has ended as info');
  assertEquals(recorder.events().length, 2);
});

Deno.test("time is whole nanoseconds and is held when the clock steps back", () => {
  const times = [10.7, 5, 12.2];
  const recorder = new HistoryRecorder(() => times.shift() ?? 0);
  recorder.begin({ f: "put", key: "x", value: "a" }).ok();
  recorder.begin({ f: "get", key: "x" });
  assertEquals(recorder.events().map((event) => event.time), [10, 10, 12]);
});

Deno.test("a recorded history can be written and read", () => {
  const recorder = new HistoryRecorder(() => 3);
  recorder.begin({ f: "put", key: "x", value: "a" }).ok();
  recorder.begin({ f: "get", key: "x" }).ok("a");
  recorder.begin({ f: "get", key: "x" });
  assertEquals(parseHistory(formatHistory(recorder.events())), recorder.history());
  assertEquals(recorder.history().operations.map((operation) => operation.status), ["ok", "ok", "unknown"]);
});
