import { assertEquals, assertStringIncludes } from "@std/assert";
import { formatHistory } from "../../../raft/testing/linearizability/mod.ts";
import { get, put, sketch } from "./sketch.ts";

const command = new URL("../../check_history.ts", import.meta.url).href;

/** Runs the command in a folder that holds the text as "history.jsonl". */
async function run(
  text: string,
  ...options: string[]
): Promise<{ code: number; out: string; error: string; page: string }> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/history.jsonl`, text);
    const result = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-config", "--no-check", "--allow-read=.", "--allow-write=.", command, ...options],
      cwd: folder,
    }).output();
    const decoder = new TextDecoder();
    const page = await Deno.readTextFile(`${folder}/out.html`).catch(() => "");
    return { code: result.code, out: decoder.decode(result.stdout), error: decoder.decode(result.stderr), page };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const good = formatHistory(sketch(["|-|", put("a")], ["    |-|", get("a")]).events);
const bad = formatHistory(sketch(["|-|", put("a")], ["    |-|", get("b")]).events);

Deno.test("check-history: a right history has status 0", async () => {
  const { code, out } = await run(good, "history.jsonl");
  assertEquals(code, 0);
  assertStringIncludes(out, "Linearizable: 2 calls on 1 keys.");
});

Deno.test("check-history: a wrong history has status 1, and is drawn", async () => {
  const { code, out, page } = await run(bad, "history.jsonl", "--html", "out.html");
  assertEquals(code, 1);
  assertStringIncludes(out, 'no order of its calls explains get() -> "b" by process 1 (lines 3 to 4)');
  assertStringIncludes(page, "<!DOCTYPE html>");
});

Deno.test("check-history: what cannot be read has status 3, and says why", async () => {
  for (
    const [text, options, reason] of [
      [good.slice(0, -9), ["history.jsonl"], "line 4: the file ends in the middle of an event"],
      ["", ["history.jsonl"], "holds no events"],
      [good.replaceAll('"put"', '"push"'), ["history.jsonl"], "its functions are get, put, append and delete"],
      [good, [], "expected one file, found 0"],
      [good, ["history.jsonl", "--max-steps", "many"], "--max-steps must be a number above 0"],
      [good, ["history.jsonl", "--unknown"], "--unknown"],
      [good, ["missing.jsonl"], "missing.jsonl"],
    ] as const
  ) {
    const { code, out, error } = await run(text, ...options);
    assertEquals(code, 3, error);
    assertStringIncludes(error, reason);
    assertEquals(out, "");
  }
});
