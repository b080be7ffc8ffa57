import { assertEquals } from "@std/assert";
import { hideDashedValues, hideWord, revealWord, revealWords } from "../../shell/dashes.ts";

const hidden = (word: string): string => hideWord(word);

const cases: readonly (readonly [words: readonly string[], expected: readonly string[]])[] = [
  [["append", "color", "-green", "--servers", "a:1"], ["append", "color", hidden("-green"), "--servers", "a:1"]],
  [["put", "t", "-5"], ["put", "t", hidden("-5")]],
  [["put", "t", ""], ["put", "t", hidden("")]],
  [["put", "-h"], ["put", "-h"]],
  [["put", "t", "--misspelt"], ["put", "t", "--misspelt"]],
  [["put", "--servers", "a:1", "--", "--k", "-"], ["put", "--servers", "a:1", hidden("--k"), hidden("-")]],
  [["get", "k", "--servers", ""], ["get", "k", "--servers", ""]],
  [["status", "-x", ""], ["status", "-x", ""]],
];

for (const [words, expected] of cases) {
  Deno.test(`hideDashedValues marks the values of ${JSON.stringify(words)}`, () => {
    assertEquals(hideDashedValues(words), expected);
  });
}

Deno.test("what was marked comes back as it was", () => {
  for (const word of ["", "-", "--help", "plain", "\0"]) assertEquals(revealWord(hideWord(word)), word);
  assertEquals(revealWords(`Too many arguments: ${hideWord("-x")}`), "Too many arguments: -x");
});
