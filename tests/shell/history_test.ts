import { assertEquals } from "@std/assert";
import { History, historyFile, maxHistoryLines } from "../../shell/history.ts";

async function inDirectory(body: (directory: string) => void): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("the history file stands where XDG says, or below the home directory", () => {
  const lookUp = (values: Record<string, string>) => (name: string) => values[name];
  assertEquals(historyFile(lookUp({ XDG_STATE_HOME: "/s", HOME: "/h" })), "/s/balsa/history");
  assertEquals(historyFile(lookUp({ XDG_STATE_HOME: "relative", HOME: "/h" })), "/h/.local/state/balsa/history");
  assertEquals(historyFile(lookUp({ HOME: "/h" })), "/h/.local/state/balsa/history");
  assertEquals(historyFile(lookUp({})), null);
});

Deno.test("lines are kept between runs, in a file that only its owner reads", () =>
  inDirectory((directory) => {
    const path = `${directory}/state/balsa/history`;
    const first = History.open(path);
    first.add("put a 1");
    first.add("   ");
    first.add("get a");
    assertEquals(History.open(path).lines, ["put a 1", "get a"]);
    if (Deno.build.os !== "windows") assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
  }));

Deno.test("old lines are dropped", () =>
  inDirectory((directory) => {
    const path = `${directory}/history`;
    Deno.writeTextFileSync(path, Array.from({ length: maxHistoryLines + 5 }, (_, index) => `get k${index}\n`).join(""));
    const lines = History.open(path).lines;
    assertEquals([lines.length, lines[0]], [maxHistoryLines, "get k5"]);
    assertEquals(Deno.readTextFileSync(path).split("\n").length, maxHistoryLines + 1);
  }));

Deno.test("a file that cannot be used is no obstacle", () =>
  inDirectory((directory) => {
    // A file stands where a directory would have to be: fails for every user, the administrator too.
    Deno.writeTextFileSync(`${directory}/blocked`, "");
    for (const path of [`${directory}/blocked/balsa/history`, directory, null]) {
      const history = History.open(path);
      history.add("get a");
      assertEquals(history.lines, []);
    }
  }));
