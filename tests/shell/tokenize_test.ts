import { assertEquals } from "@std/assert";
import { tokenize } from "../../shell/tokenize.ts";

const readable: readonly (readonly [line: string, words: readonly string[]])[] = [
  ["", []],
  ["   \t ", []],
  ["get color", ["get", "color"]],
  ["  get \t color  ", ["get", "color"]],
  ['put greeting "hello world"', ["put", "greeting", "hello world"]],
  ["put greeting 'hello world'", ["put", "greeting", "hello world"]],
  ['put empty ""', ["put", "empty", ""]],
  ["put empty ''", ["put", "empty", ""]],
  ["put a b\\ c", ["put", "a", "b c"]],
  ["put a b\\nc", ["put", "a", "bnc"]],
  ['put a "b\\nc\\td\\\\\\""', ["put", "a", 'b\nc\td\\"']],
  ['put a "b\\qc"', ["put", "a", "b\\qc"]],
  ["put a 'b\\nc'", ["put", "a", "b\\nc"]],
  [`put a b"c d"'e f'g`, ["put", "a", "bc de fg"]],
  [`put a "it's"`, ["put", "a", "it's"]],
  [`put a it\\'s`, ["put", "a", "it's"]],
  ["append color -green", ["append", "color", "-green"]],
  ["# get color", []],
  ["  # a comment with an 'open quote", []],
  ["put tag #1", ["put", "tag", "#1"]],
  ["put emoji 👍🏽é", ["put", "emoji", "👍🏽é"]],
];

for (const [line, words] of readable) {
  Deno.test(`tokenize reads ${JSON.stringify(line)}`, () => {
    assertEquals(tokenize(line), { kind: "words", words });
  });
}

Deno.test("tokenize names the column of a double quote that is never closed", () => {
  assertEquals(tokenize('put "abc'), {
    kind: "unfinished",
    message: 'Cannot read the line: the quote opened at column 5 is never closed; close it or escape it as \\"',
  });
});

Deno.test("tokenize names the column of a single quote that is never closed", () => {
  assertEquals(tokenize("put a it's"), {
    kind: "unfinished",
    message: "Cannot read the line: the quote opened at column 9 is never closed; close it or escape it as \\'",
  });
});

Deno.test("tokenize does not take an escaped quote for the closing one", () => {
  assertEquals(tokenize('put "abc\\"').kind, "unfinished");
  assertEquals(tokenize('put "abc\\').kind, "unfinished");
});

Deno.test("tokenize says how to write a backslash at the end of a line", () => {
  assertEquals(tokenize("put a b\\"), {
    kind: "unfinished",
    message: "Cannot read the line: it ends in a backslash; write \\\\ for the backslash itself",
  });
});
