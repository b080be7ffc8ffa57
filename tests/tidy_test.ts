/**
 * Style is a test: who may import whom, what a layer may not name, how large a file may be. The tables below are the rules;
 * the checks are pure functions over files, and each is shown to find what is planted for it.
 */
import { assertEquals, assertMatch } from "@std/assert";
import {
  anyTypes,
  bannedNames,
  brokenImports,
  computedImports,
  forbiddenImports,
  forbiddenPackages,
  importCycles,
  type ImportRules,
  longFiles,
  longFunctions,
  machinePaths,
  skippedTests,
  unreachable,
} from "./tidy/checks.ts";
import { codeOf, functionsOf, importsOf, type Source } from "./tidy/source.ts";

/** Who may import whom. A folder may also import from itself; the most specific row counts; `!` excepts. */
const mayImport: ImportRules = {
  "mod.ts": ["raft/mod.ts", "kv/mod.ts"],

  // The core is pure: it imports nothing but itself.
  "raft/core/": [],
  "raft/encoding/": ["raft/core/types.ts"],
  "raft/storage/": ["raft/core/types.ts", "raft/core/invariant.ts", "raft/encoding/"],
  // Clock and randomness are ports, as the network is.
  "raft/wire/": [
    "raft/core/types.ts",
    "raft/core/message.ts",
    "raft/encoding/",
    "raft/node/clock.ts",
    "raft/node/random.ts",
  ],
  // The node knows storage and transport as ports, never one of their implementations.
  "raft/node/": ["raft/core/", "raft/storage/storage.ts", "raft/wire/transport.ts"],
  // Who may speak under which identity: between directory, door and driver.
  "raft/rejoin/": [
    "raft/core/configuration.ts",
    "raft/core/invariant.ts",
    "raft/core/types.ts",
    "raft/storage/",
    "raft/wire/",
    "raft/node/clock.ts",
    "raft/node/options.ts",
    "raft/repair/",
  ],
  // Entries that were lost, between a directory and other nodes.
  "raft/repair/": [
    "raft/core/types.ts",
    "raft/encoding/",
    "raft/storage/",
    "raft/wire/",
    "raft/node/clock.ts",
    "raft/node/options.ts",
  ],
  "raft/rsm/": ["raft/node/", "raft/core/types.ts", "raft/core/message.ts", "raft/encoding/"],
  // The class an embedder starts: the one place of the layer that has itself put together.
  "raft/rsm/rsm.ts": [
    "raft/rsm/",
    "raft/node/",
    "raft/core/types.ts",
    "raft/core/message.ts",
    "raft/encoding/",
    "raft/open.ts",
  ],
  // Files and network of a program's own memory, for tests of programs that use Balsa.
  "raft/memory/": [
    "raft/platform.ts",
    "raft/storage/file_system.ts",
    "raft/wire/address.ts",
    "raft/wire/network.ts",
    "raft/node/clock.ts",
    "raft/node/random.ts",
  ],
  // Simulated clocks, networks and disks: nobody in production imports them.
  "raft/testing/": ["raft/"],
  // The one place that names every concrete class, what it is told, and the layer's public face.
  "raft/open.ts": ["raft/", "!raft/testing/"],
  "raft/open_options.ts": ["raft/", "!raft/testing/"],
  "raft/platform.ts": ["raft/", "!raft/testing/"],
  "raft/disk.ts": ["raft/storage/"],
  "raft/mod.ts": ["raft/", "!raft/testing/"],

  "kv/": [
    "raft/mod.ts",
    "raft/open.ts",
    "raft/platform.ts",
    "raft/rsm/",
    "raft/encoding/",
    "raft/wire/rpc.ts",
    "raft/wire/network.ts",
    "raft/node/clock.ts",
    "raft/node/random.ts",
  ],
  "mapreduce/": [
    "raft/mod.ts",
    "raft/open.ts",
    "raft/platform.ts",
    "raft/rsm/",
    "raft/encoding/",
    "raft/wire/rpc.ts",
    "raft/wire/network.ts",
    "raft/node/clock.ts",
    "raft/node/random.ts",
  ],
  "shell/": ["kv/mod.ts", "raft/mod.ts", "mapreduce/mod.ts", "mod.ts"],
  // The version that --version prints stands in one place.
  "shell/program.ts": ["shell/", "kv/mod.ts", "raft/mod.ts", "mapreduce/mod.ts", "mod.ts", "deno.json"],

  "tests/": ["anything"],
  "without_jsr/": [],
};

/** Who may import which packages. What is not named here imports none, so that it can be imported from a URL. */
const mayImportPackages: ImportRules = {
  "raft/": ["node:"],
  "raft/core/": [],
  "kv/": ["node:"],
  "mapreduce/": ["node:"],
  // With "jsr:" in front: a program run from a URL has no import map.
  "shell/": ["node:", "jsr:@cliffy/command@", "jsr:@std/cli@", "jsr:@std/encoding@"],
  "tests/": ["anything"],
  "without_jsr/": ["anything"],
};

/** What a layer may not name. */
const banned: Record<string, RegExp> = {
  // Synchronous, without a clock, without chance, without a world outside.
  "raft/core/":
    /\b(?:await|async|Promise|Deno|Date|performance|console|crypto|setTimeout|setInterval|setImmediate|queueMicrotask|fetch|Math\.random)\b/,
  // What is published works without the stand-ins.
  "mod.ts": /without_jsr/,
  "raft/": /without_jsr/,
  "kv/": /without_jsr/,
  "mapreduce/": /without_jsr/,
};

const mostLinesOfCodeInFile = 450;
const mostLinesInFunction = 80;

/** Every module here is used by an entry point or tested. */
const foldersInUse = ["raft/", "kv/", "mapreduce/", "shell/"];

const root = new URL("../", import.meta.url);
const notOurs = new Set([".git", "node_modules", "balsa-data", "coverage"]);

/** The files of the repository that end in one of the endings. */
async function readSources(endings: RegExp, folder = ""): Promise<Source[]> {
  const sources: Source[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, root))) {
    if (notOurs.has(name)) continue;
    const path = folder + name;
    if (isDirectory) sources.push(...await readSources(endings, `${path}/`));
    else if (endings.test(path)) sources.push({ path, text: await Deno.readTextFile(new URL(path, root)) });
  }
  return sources.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** The modules that are run or imported from outside: the exports of deno.json, what its tasks run, and the tests. */
async function entryPoints(sources: Source[]): Promise<string[]> {
  const text = await Deno.readTextFile(new URL("deno.json", root));
  const named = [...text.matchAll(/[\w./-]+\.ts\b/g)].map(([path]) => path.replace(/^\.\//, ""));
  return [...named, ...sources.map(({ path }) => path).filter((path) => path.endsWith("_test.ts"))];
}

const sources = await readSources(/\.ts$/);
const entries = await entryPoints(sources);
const texts = await readSources(/\.(?:ts|md|json|jsonl|txt|html|sh)$|^\.ci\/run$/);

Deno.test("tidy: files import only what the table allows", () => {
  assertEquals(forbiddenImports(sources, mayImport), []);
});

Deno.test("tidy: packages are imported only where the table allows", () => {
  assertEquals(forbiddenPackages(sources, mayImportPackages), []);
});

Deno.test("tidy: imports name their target", () => {
  // A user's job is the one module whose name nobody knows beforehand.
  const fixed = sources.filter(({ path }) => !path.startsWith("tests/") && path !== "mapreduce/load_job.ts");
  assertEquals(computedImports(fixed), []);
  assertEquals(brokenImports(sources), []);
});

Deno.test("tidy: no files import each other in a circle", () => {
  assertEquals(importCycles(sources), []);
});

Deno.test("tidy: every module is reachable", () => {
  assertEquals(unreachable(sources, foldersInUse, entries), []);
});

Deno.test("tidy: layers name nothing that is banned from them", () => {
  assertEquals(bannedNames(sources, banned), []);
});

Deno.test("tidy: nothing is of type any", () => {
  assertEquals(anyTypes(sources), []);
});

Deno.test("tidy: no test is left out", () => {
  assertEquals(skippedTests(sources), []);
});

Deno.test("tidy: no text names a path of one machine", () => {
  assertEquals(machinePaths(texts), []);
});

Deno.test("tidy: files are short", () => {
  assertEquals(longFiles(sources, mostLinesOfCodeInFile), []);
});

Deno.test("tidy: functions are short", () => {
  assertEquals(longFunctions(sources, mostLinesInFunction), []);
});

// From here on: the checks find what they look for.

/** A file that is not there, for a check to look at. */
function planted(path: string, ...lines: string[]): Source {
  return { path, text: lines.join("\n") };
}

const plantedImports: [path: string, line: string, allowed: boolean][] = [
  ["raft/core/raft.ts", 'import { RaftLog } from "./log.ts";', true],
  ["raft/core/raft.ts", 'import { encode } from "../encoding/cbor.ts";', false],
  ["raft/core/raft.ts", 'import type { Clock } from "../node/clock.ts";', false],
  ["raft/encoding/cbor.ts", 'import type { Entry } from "../core/types.ts";', true],
  ["raft/encoding/cbor.ts", 'import type { Message } from "../core/message.ts";', false],
  ["raft/node/node.ts", 'import type { Storage } from "../storage/storage.ts";', true],
  ["raft/node/node.ts", 'import { FileStorage } from "../storage/file_storage.ts";', false],
  ["raft/node/node.ts", 'export { TcpTransport } from "../wire/tcp_transport.ts";', false],
  ["raft/node/node.ts", 'const wal = await import("../storage/wal.ts");', false],
  ["raft/rsm/rsm.ts", 'import type { Storage } from "../storage/storage.ts";', false],
  ["raft/open.ts", 'import { FileStorage } from "./storage/file_storage.ts";', true],
  ["raft/open.ts", 'import { Simulation } from "./testing/mod.ts";', false],
  ["raft/testing/disk.ts", 'import { Wal } from "../storage/wal.ts";', true],
  ["kv/clerk.ts", 'import { Rpc } from "../raft/wire/rpc.ts";', true],
  ["kv/clerk.ts", 'import {\n  Connection,\n} from "../raft/wire/connection.ts";', false],
  ["kv/clerk.ts", 'export * from "../raft/testing/mod.ts";', false],
  ["kv/shards/controller.ts", 'import { Store } from "../store.ts";', true],
  ["mapreduce/worker.ts", 'import { Clerk } from "../kv/mod.ts";', false],
  ["shell/main.ts", 'import { Clerk } from "../kv/mod.ts";', true],
  ["shell/main.ts", 'import { Clerk } from "../kv/clerk.ts";', false],
  ["mod.ts", 'export * from "./shell/main.ts";', false],
  ["kv/mod.ts", 'import "../without_jsr/std_cli/mod.ts";', false],
  ["tests/kv/store_test.ts", 'import { Store } from "../../kv/store.ts";', true],
  ["elsewhere/new.ts", "", false],
];

Deno.test("tidy: the import rules allow what they should and nothing else", () => {
  for (const [path, line, allowed] of plantedImports) {
    const found = forbiddenImports([planted(path, line)], mayImport);
    assertEquals(found.length, allowed ? 0 : 1, `${path}: ${line}`);
  }
  const [message = ""] = forbiddenImports([planted("mod.ts", 'import "./tests/a.ts";')], mayImport);
  assertEquals(message, "mod.ts: Cannot import tests/a.ts: mod.ts may import only raft/mod.ts, kv/mod.ts.");
});

Deno.test("tidy: the package rules allow what they should and nothing else", () => {
  const plantedPackages: [path: string, specifier: string, allowed: boolean][] = [
    ["raft/storage/record.ts", "node:zlib", true],
    ["raft/core/log.ts", "node:assert", false],
    ["raft/wire/frame.ts", "npm:cbor2", false],
    ["kv/store.ts", "jsr:@std/assert@^1.0.0", false],
    ["kv/store.ts", "https://example.com/mod.ts", false],
    ["mod.ts", "node:fs", false],
    ["shell/main.ts", "jsr:@cliffy/command@^1.2.0", true],
    ["shell/main.ts", "jsr:@cliffy/command@^1.2.0/help", true],
    ["shell/main.ts", "@cliffy/command", false],
    ["shell/main.ts", "jsr:@std/fs@^1.0.0", false],
    ["tests/a_test.ts", "@std/assert", true],
  ];
  for (const [path, specifier, allowed] of plantedPackages) {
    const found = forbiddenPackages([planted(path, `import { a } from "${specifier}";`)], mayImportPackages);
    assertEquals(found.length, allowed ? 0 : 1, `${path}: ${specifier}`);
  }
});

Deno.test("tidy: imports are found in every form, and only where they are code", () => {
  const text = [
    'import a, { type B } from "./1.ts";',
    "import {",
    "  c, // } from nowhere",
    "} from './2.ts';",
    'export * as d from "./3.ts"; import "./4.ts";',
    'const e = await import("./5.ts");',
    'type F = import("./6.ts").F;',
    '// import "./no.ts";',
    '/* export * from "./no.ts"; */',
    'const from = "nothing"; const g = [from, "./no.ts"];',
    "const h = '; import \"./no.ts\";', i = `\nimport './no.ts';\n`;",
    'new Worker(new URL("./7.ts", import.meta.url), { type: "module" });',
  ].join("\n");
  assertEquals(importsOf(text).imported.sort(), [1, 2, 3, 4, 5, 6].map((n) => `./${n}.ts`));
  assertEquals(importsOf(text).named, ["./7.ts"]);
});

Deno.test("tidy: computed and broken imports are found", () => {
  assertEquals(computedImports([planted("kv/a.ts", "await import(name);")]).length, 1);
  assertEquals(computedImports([planted("kv/a.ts", "await import(`./${name}.ts`);")]).length, 1);
  assertEquals(computedImports([planted("kv/a.ts", 'await import("./b.ts"); import.meta.url;')]), []);
  assertEquals(brokenImports([planted("kv/a.ts", 'import "./b.ts";')]).length, 1);
  assertEquals(brokenImports([planted("kv/a.ts", 'import "./b.ts";'), planted("kv/b.ts")]), []);
});

Deno.test("tidy: circles are found", () => {
  const a = planted("kv/a.ts", 'import "./b.ts";');
  const b = planted("kv/b.ts", 'import type { C } from "./shards/c.ts";');
  const c = planted("kv/shards/c.ts", 'export { A } from "../a.ts";');
  assertEquals(importCycles([a, b]), []);
  assertEquals(importCycles([a, b, c]), [
    "Cannot import in a circle: kv/a.ts -> kv/b.ts -> kv/shards/c.ts -> kv/a.ts.",
  ]);
  assertEquals(importCycles([planted("kv/a.ts", 'import "./a.ts";')]).length, 1);
});

Deno.test("tidy: modules that nothing uses are found", () => {
  const files = [
    planted("mod.ts", 'export * from "./kv/a.ts";'),
    planted("kv/a.ts", 'new URL("./worker.ts", import.meta.url);'),
    planted("kv/worker.ts"),
    planted("kv/alone.ts", 'import "./a.ts";'),
    planted("kv/tested.ts"),
    planted("tests/tested_test.ts", 'import "../kv/tested.ts";'),
  ];
  const found = unreachable(files, foldersInUse, ["mod.ts", "tests/tested_test.ts"]);
  assertEquals(found.map((line) => line.split(":")[0]), ["kv/alone.ts"]);
});

Deno.test("tidy: banned names are found in code, and not in words about it", () => {
  const lines = [
    ...["await x;", "async () => {};", "let p: Promise<void>;", "Deno.exit();", "new Date();", "Math.random();"],
    ...["setTimeout(f, 1);", "performance.now();", "console.log(1);", "crypto.randomUUID();", "`${console.log(1)}`;"],
  ];
  for (const line of lines) assertEquals(bannedNames([planted("raft/core/a.ts", line)], banned).length, 1, line);
  assertEquals(bannedNames([planted("raft/node/a.ts", ...lines)], banned), []);
  const fine = [
    "// await Deno",
    'const text = "console.log(new Date())";',
    "Math.max(1, 2);",
    "const update = candidates;",
  ];
  assertEquals(bannedNames([planted("raft/core/a.ts", ...fine)], banned), []);
  assertEquals(bannedNames([planted("kv/a.ts", "", "import without_jsr;")], banned), [
    'kv/a.ts:2: Cannot use this in kv/: found "without_jsr".',
  ]);
});

Deno.test("tidy: the type any is found", () => {
  for (const line of ["let a: any;", "b as any;", "let c: any[];", "let d: Map<string, any>;", "type E = any;"]) {
    assertEquals(anyTypes([planted("a.ts", line)]).length, 1, line);
  }
  const fine = [
    "// any",
    'const a = "any";',
    "Promise.any([]);",
    "const b = { any: 1 };",
    "const many = 1;",
    "any(1);",
  ];
  assertEquals(anyTypes([planted("a.ts", ...fine)]), []);
});

Deno.test("tidy: tests that are left out are found", () => {
  const dot = "."; // So that this file is not found itself.
  for (const line of [`Deno.test${dot}only("a", f);`, `it${dot}skip("a", f);`, `describe${dot}ignore("a", f);`]) {
    assertEquals(skippedTests([planted("a.ts", line)]).length, 1, line);
  }
  assertEquals(skippedTests([planted("a.ts", "Deno.test({ ignore: true, name, fn });")]).length, 1);
  const fine = ["reader.skip(4);", 'Deno.test({ ignore: Deno.build.os === "windows", name, fn });', "isReadOnly: true"];
  assertEquals(skippedTests([planted("a.ts", ...fine)]), []);
});

Deno.test("tidy: paths of one machine are found, in comments too", () => {
  for (const folder of ["home", "work", "tmp", "root", "Users"]) {
    const path = ["", folder, "me"].join("/");
    assertEquals(machinePaths([planted("a.ts", `// see ${path}`)]).length, 1);
    assertEquals(machinePaths([planted("a.ts", `open("${path}");`)]).length, 1);
  }
  assertEquals(machinePaths([planted("a.ts", "https://example.com/home/x", "network/tmp", "./work/a.ts")]), []);
});

Deno.test("tidy: long files are found; comments do not count", () => {
  assertEquals(longFiles([planted("a.ts", "a();", "// b", "", "/* c", "d */", "e();")], 2), []);
  assertMatch(longFiles([planted("a.ts", "a();", "b();", "c();")], 2)[0] ?? "", /^a\.ts: Cannot have 3 lines of code/);
});

Deno.test("tidy: long functions are found, however they are written", () => {
  const heads = [
    "export async function one(a: string, b = { c: 1 }): Promise<{ d: number }> {",
    "function* two<T extends { a: number }>(a: T): Generator<T> {",
    "const three = (a: number): number => {",
    "const four = async a => {",
    "  async five(a: { b: string } = {}, ...c: number[]): Promise<void> {",
    "  get six(): { a: number } {",
    "  static #seven() {",
    "  constructor(readonly a: number) {",
    '  Deno.test("eight", async () => {',
    "  [Symbol.asyncDispose](): Promise<void> {",
    "  nine(a: (b: number) => { c: number }): a is string {",
  ];
  for (const head of heads) {
    const text = `${head}\n  if (a) {\n  }\n  const t = \`}\${"}"}\`; // }\n  const r = /[}/]}/;\n}\nafter();\n`;
    assertEquals(Math.max(...functionsOf(text).map(({ lines }) => lines)), 6, head);
    assertEquals([
      longFunctions([planted("a.ts", text)], 6).length > 0,
      longFunctions([planted("a.ts", text)], 5).length > 0,
    ], [
      false,
      true,
    ], head);
  }
  const notFunctionsAtAll = [
    "  if (a) {\n\n\n  }\n  while (b(c)) {\n\n\n  }",
    "if (a) {\n\n\n}",
    "declare function a(): void;\nclass B {\n\n\n\n}",
    'describe("a", () => {\n\n\n\n});',
  ];
  for (const text of notFunctionsAtAll) assertEquals(longFunctions([planted("a.ts", text)], 3), [], text);
});

Deno.test("tidy: code is told from comments, strings, templates and regular expressions", () => {
  const cases: [text: string, code: string][] = [
    ['a("b//c"); // d', 'a("    ");     '],
    ["'it\\'s' /* x */ + 1", "'     '         + 1"],
    ["`a${b + `c${d}` + {}}e` + f", "` ${b + ` ${d}` + {}} ` + f"],
    ['x = /[/"]/g.test(y) / 2', "x = /      .test(y) / 2".replace("/      .", "/     g.")],
    ["a / b; // c / d", "a / b;         "],
  ];
  for (const [text, code] of cases) assertEquals(codeOf(text), code);
});
