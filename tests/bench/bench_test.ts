/**
 * Whether the benchmark works. What it measures is no matter of a test: a test that asks for time fails when the machine has
 * something else to do.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { pageHtml } from "./page.ts";
import { tableText } from "./report.ts";
import { benchArguments, quickSizes } from "./sizes.ts";

Deno.test("bench: a tiny run prints tables, writes figures and draws a page that needs nothing else", async () => {
  const directory = await Deno.makeTempDir({ prefix: "balsa-bench-" });
  try {
    const tiny = [
      "--seconds=0.05",
      "--puts=500",
      "--entries=500",
      "--keys=200",
      "--clerks=5",
      "--appends=500",
      "--members=3",
    ];
    const files = [`--json=${directory}/bench.json`, `--html=${directory}/bench.html`];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "bench", "--quick", "--missed-mebibytes=1", "--text-mebibytes=1", ...tiny, ...files],
      cwd: new URL("../..", import.meta.url),
    }).output();
    const text = new TextDecoder();
    assertEquals(code, 0, text.decode(stderr));
    const { sections } = JSON.parse(await Deno.readTextFile(`${directory}/bench.json`));
    assertEquals(sections.length, 12);
    const page = await Deno.readTextFile(`${directory}/bench.html`);
    for (const { tables } of sections) {
      for (const { title, columns, rows } of tables) {
        assertStringIncludes(text.decode(stdout), title);
        assertStringIncludes(page, `<h2>${title}</h2>`);
        assert(rows.length > 0);
        for (const row of rows) {
          assertEquals(row.length, columns.length);
          assert(row.every((cell: unknown) => typeof cell === "string" || Number.isFinite(cell)), `${title}: ${row}`);
        }
      }
    }
    assert(page.split("<svg").length > 5);
    assert(!/https?:|<script|<link|src=/.test(page), "the page refers to something outside");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("bench: sizes come from the command line, and what cannot be a size is refused", () => {
  assertEquals(benchArguments(["--quick"]).sizes, quickSizes);
  const { sizes, only, html } = benchArguments(["--members", "3,7", "--only=keys,reads", "--html", "out.html"]);
  assertEquals([sizes.members, only, html], [[3, 7], ["keys", "reads"], "out.html"]);
  assertThrows(() => benchArguments(["--keys", "many"]), Error, "--keys many");
  assertThrows(() => benchArguments(["--nonsense"]));
});

Deno.test("bench: names are shown as they are, also where they look like markup", () => {
  const table = { title: "a < b", note: "", columns: ["<x>", "n"], rows: [["&", 1234567.8]] };
  const line = { name: "<line>", points: [[1, 10], [100, 0.5]] as const };
  const page = pageHtml("t", [{ tables: [table], charts: [{ title: "c", xLabel: "x", yLabel: "y", lines: [line] }] }]);
  for (const text of ["a &lt; b", "&lt;x&gt;", "&amp;", "&lt;line&gt;"]) assertStringIncludes(page, text);
  assert(!/NaN|Infinity|undefined/.test(page));
  assertEquals(tableText(table), "a < b\n<x>          n\n&    1,234,568\n");
});
