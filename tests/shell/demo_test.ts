import { assertEquals, assertStringIncludes } from "@std/assert";
import { runDemo } from "../../shell/commands/demo.ts";
import { Narrator } from "../../shell/demo/narrator.ts";
import { RecordedOutput } from "./fakes.ts";

Deno.test("every claim of the demo holds", async () => {
  const output = new RecordedOutput();
  const exitCode = await runDemo(output);
  const story = output.results.join("\n");
  assertEquals(exitCode, 0, story);
  for (const chapter of ["elect", "put, append, get", "keys", "leader fails", "at once", "splits", "equal replicas"]) {
    assertStringIncludes(story, chapter);
  }
});

Deno.test("a claim that is wrong is counted and stands out", () => {
  const output = new RecordedOutput();
  const narrator = new Narrator(output);
  narrator.claim(true, "water is wet");
  narrator.claim(false, "the moon is made of cheese");
  assertEquals([narrator.claims, narrator.failed], [2, 1]);
  assertEquals(output.results, ["   ✓ water is wet", "   ✗ NOT SO: the moon is made of cheese"]);
});
