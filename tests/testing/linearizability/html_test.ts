import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { checkLinearizability, drawHistory, type History } from "../../../raft/testing/linearizability/mod.ts";
import { generate } from "./generate.ts";
import { seededRandom } from "../../kv/seeded_random.ts";
import { historyOf } from "../../../raft/testing/linearizability/mod.ts";
import { append, get, put, sketch } from "./sketch.ts";

function draw(history: History, title?: string): string {
  return drawHistory(history, checkLinearizability(history), title === undefined ? {} : { title });
}

/** How often a pattern occurs. */
function count(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].length;
}

/** Fails unless every tag that opens is closed, in order; void and self-closing ones aside. */
function assertBalanced(page: string): void {
  const open: string[] = [];
  for (const [tag, slash, name = ""] of page.matchAll(/<(\/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*>/g)) {
    if (tag.endsWith("/>") || name === "meta") continue;
    if (slash === "/") assertEquals(open.pop(), name, `at ${tag}`);
    else open.push(name);
  }
  assertEquals(open, []);
}

Deno.test("a right history: a lane per process, a bar per call, a number per call that took effect", () => {
  const page = draw(
    sketch(["|-----|", put("a")], ["  |-----|", get("a")], ["   |-!", put("b")], ["    |-?", append("c")]),
  );
  assertEquals(count(page, /class="lane"/g), 4);
  assertEquals(count(page, /class="bar placed"/g), 2);
  assertEquals(count(page, /class="bar failed"/g), 1);
  assertEquals(count(page, /class="bar rest unknown"/g), 1);
  assertEquals(count(page, /class="number"/g), 2);
  assertEquals(count(page, /class="bar[^"]*offending"/g), 0);
  assertMatch(page, /put\(&quot;a&quot;\)\nprocess 0, number 1 in the order\ninvoked at 0 ns \(line 1\)\nok at 6 ns/);
  assertStringIncludes(page, 'class="verdict linearizable"');
  assertBalanced(page);
});

Deno.test("a wrong history: the call that breaks it is marked, and its key comes first", () => {
  const page = draw(sketch(
    ["|-|", { ...put("1"), key: "fine" }],
    ["|-|", put("a")],
    ["    |-|", get("z")],
    ["        |-|", get("a")],
  ));
  assertMatch(page, /<g class="bar offending"><title>get\(\) -&gt; &quot;z&quot;/);
  assertEquals(count(page, /class="break"/g), 1);
  assertEquals(count(page, /class="number"/g), 1);
  assert(page.indexOf("&quot;x&quot;</code>") < page.indexOf("&quot;fine&quot;</code>"));
  assertStringIncludes(page, "explained up to &quot;a&quot;");
  assertBalanced(page);
});

Deno.test("texts of the history are escaped wherever they appear", () => {
  const evil = `</title><script>alert("&'")</script>\u0000\ud800`;
  const page = draw(
    sketch(["|---------|", { ...put(evil), key: evil }], ["            |-|", { ...get("z"), key: evil }]),
    evil,
  );
  assertEquals(count(page, /<script/g), 0);
  assertEquals(count(page, /<\/title>/g), 3);
  assertStringIncludes(page, "&lt;script&gt;alert(\\&quot;&amp;&#39;");
  assert(page.isWellFormed());
  assertBalanced(page);
});

Deno.test("the page needs nothing from elsewhere, and runs nothing", () => {
  const page = draw(sketch(["|-|", put("a")]));
  assertEquals(count(page, /(src|href)=|url\(|@import|https?:/g), 0);
  assertStringIncludes(page, `content="default-src 'none'; style-src 'unsafe-inline'"`);
});

Deno.test("an undecided history is drawn without an order", () => {
  const events = generate({ random: seededRandom(3), operations: 40, clients: 6, keys: 1, functions: ["put", "get"] });
  const history = historyOf(events);
  const page = drawHistory(history, checkLinearizability(history, { maxSteps: 2 }));
  assertStringIncludes(page, "not a pass");
  assertEquals(count(page, /class="number"/g), 0);
  assertEquals(count(page, /class="bar rest"/g), 40);
  assertBalanced(page);
});
