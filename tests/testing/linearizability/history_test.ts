import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  formatHistory,
  HistoryError,
  type HistoryEvent,
  historyOf,
  parseHistory,
  readHistory,
} from "../../../raft/testing/linearizability/mod.ts";

const good = [
  '{"process":0,"type":"invoke","f":"put","key":"x","value":"a","time":5}',
  '{"process":1,"type":"invoke","f":"get","key":"x","value":null,"time":5}',
  '{"process":0,"type":"ok","f":"put","key":"x","value":null,"time":7}',
  '{"process":1,"type":"ok","f":"get","key":"x","value":"a","time":9}',
  '{"process":0,"type":"invoke","f":"append","key":7,"value":"b","time":10}',
  '{"process":0,"type":"fail","f":"append","key":7,"value":null,"time":11}',
  '{"process":1,"type":"invoke","f":"append","key":"x","value":"c","time":12}',
  '{"process":1,"type":"info","f":"append","key":"x","value":null,"time":13}',
  '{"process":0,"type":"invoke","f":"get","key":"x","value":null,"time":14}',
];

/** The good lines with line `lineNumber` replaced, or left out. */
function replaced(lineNumber: number, ...lines: string[]): string {
  return good.toSpliced(lineNumber - 1, 1, ...lines).join("\n") + "\n";
}

Deno.test("a history is read, calls are paired with their ends, and open calls are unknown", () => {
  const { events, operations } = parseHistory(good.join("\n") + "\n");
  assertEquals(events.length, 9);
  assertEquals(operations.map(({ f, status }) => `${f} ${status}`), [
    "put ok",
    "get ok",
    "append fail",
    "append unknown",
    "get unknown",
  ]);
  assertEquals(operations[1], {
    index: 1,
    process: 1,
    f: "get",
    key: "x",
    value: null,
    status: "ok",
    result: "a",
    invokeLine: 2,
    returnLine: 4,
    invokeTimeNanoseconds: 5,
    returnTimeNanoseconds: 9,
  });
  assertEquals(operations[3]?.returnLine, Infinity);
});

Deno.test("what is written is read back the same, and what is read is written back the same", () => {
  const text = good.join("\n") + "\n";
  assertEquals(formatHistory(parseHistory(text).events), text);
});

Deno.test("a history may come in pieces cut anywhere, and without the last line feed", async () => {
  const text = good.join("\n");
  const whole = parseHistory(text);
  for (const size of [1, 2, 7, 100, 10_000]) {
    const pieces: string[] = [];
    for (let start = 0; start < text.length; start += size) pieces.push(text.slice(start, start + size));
    assertEquals(await readHistory(pieces), whole);
  }
});

Deno.test("an empty text is an empty history", () => {
  assertEquals(parseHistory(""), { events: [], operations: [] });
});

const badHistories: readonly { name: string; text: string; line: number; reason: string }[] = [
  {
    name: "the last line is cut",
    text: good.join("\n").slice(0, -10),
    line: 9,
    reason: "it was truncated",
  },
  { name: "a line is not JSON", text: replaced(3, "process 0 ok"), line: 3, reason: "not JSON" },
  { name: "a line is empty", text: replaced(4, ""), line: 4, reason: "empty" },
  {
    name: "a line is not an object",
    text: replaced(2, "[1,2]"),
    line: 2,
    reason: "must be a JSON object: found [1,2]",
  },
  { name: "a line is null", text: replaced(2, "null"), line: 2, reason: "must be a JSON object: found null" },
  {
    name: "the type is unknown",
    text: replaced(3, '{"process":0,"type":"okay","f":"put","key":"x","value":null,"time":7}'),
    line: 3,
    reason: 'one of invoke, ok, fail, info: found "okay"',
  },
  ...["process", "type", "f", "key", "value", "time"].map((field) => ({
    name: `field ${field} is missing`,
    text: replaced(1, JSON.stringify({ ...JSON.parse(good[0] ?? ""), [field]: undefined })),
    line: 1,
    reason: `field "${field}" is missing`,
  })),
  ...[-1, 1.5, "0", null, 2 ** 53].map((process) => ({
    name: `process ${process} is no number of a process`,
    text: replaced(1, JSON.stringify({ ...JSON.parse(good[0] ?? ""), process })),
    line: 1,
    reason: 'field "process" must be a whole number',
  })),
  {
    name: "a field is inherited, not there",
    text: replaced(1, '{"process":0,"type":"invoke","key":"x","value":"a","time":5,"__proto__":{"f":"put"}}'),
    line: 1,
    reason: 'field "f" is missing',
  },
  {
    name: "f is empty",
    text: replaced(1, '{"process":0,"type":"invoke","f":"","key":"x","value":"a","time":5}'),
    line: 1,
    reason: "must name a function",
  },
  {
    name: "the key is an object",
    text: replaced(1, '{"process":0,"type":"invoke","f":"put","key":{},"value":"a","time":5}'),
    line: 1,
    reason: "must be a string or a number",
  },
  {
    name: "time runs backwards",
    text: replaced(4, '{"process":1,"type":"ok","f":"get","key":"x","value":"a","time":6}'),
    line: 4,
    reason: "time runs backwards: 6 after 7",
  },
  { name: "a call has ended before it began", text: replaced(1), line: 2, reason: "process 0 completes" },
  {
    name: "a process has two calls open",
    text: replaced(2, '{"process":0,"type":"invoke","f":"get","key":"x","value":null,"time":5}'),
    line: 2,
    reason: 'process 0 invokes "get" while its "put" of line 1 is open',
  },
  {
    name: "a process calls after info",
    text: replaced(9, '{"process":1,"type":"invoke","f":"get","key":"x","value":null,"time":14}'),
    line: 9,
    reason: 'after its "info" of line 8',
  },
  {
    name: "a completion names another function",
    text: replaced(3, '{"process":0,"type":"ok","f":"append","key":"x","value":null,"time":7}'),
    line: 3,
    reason: 'its open call of line 1 is "put"',
  },
  {
    name: "a completion names another key: a number is not a string",
    text: replaced(6, '{"process":0,"type":"ok","f":"append","key":"7","value":null,"time":11}'),
    line: 6,
    reason: 'its open call of line 5 is "append" of key 7',
  },
];

for (const { name, text, line, reason } of badHistories) {
  Deno.test(`refused, with the line: ${name}`, async () => {
    const error = assertThrows(() => parseHistory(text), HistoryError);
    if (!(error instanceof HistoryError)) throw new TypeError("expected a HistoryError");
    assertEquals(error.lineNumber, line);
    assertStringIncludes(error.reason, reason);
    assertStringIncludes(error.message, `Cannot read history: line ${line}: `);
    await assertRejects(() => readHistory([text]), HistoryError);
  });
}

Deno.test("events in memory are held to the same rules", () => {
  const event: HistoryEvent = { process: 0, type: "ok", f: "put", key: "x", value: null, time: 1 };
  assertThrows(() => historyOf([event]), HistoryError);
});
