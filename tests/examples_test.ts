/**
 * Every example in the README and in the documentation of the sources is a program: it is type-checked and run, each in a
 * process of its own, against the sources of this checkout.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { freePorts } from "./e2e/free_ports.ts";

const root = new URL("../", import.meta.url);

/** A code block marked `ts`. */
interface Example {
  /** Where it stands, as `file:line`. */
  readonly place: string;
  readonly code: string;
}

/** The blocks of a Markdown text, or of the comments of a source file. */
function examplesIn(path: string, text: string): Example[] {
  const examples: Example[] = [];
  const isSource = path.endsWith(".ts");
  let code: string[] | null = null;
  let firstLine = 0;
  for (const [position, line] of text.split("\n").entries()) {
    const content = isSource ? line.replace(/^\s*\* ?/, "") : line;
    if (code === null) {
      if (/^\s*```ts\b/.test(content) && (!isSource || /^\s*\*/.test(line))) {
        code = [];
        firstLine = position + 1;
      }
    } else if (/^\s*```\s*$/.test(content)) {
      examples.push({ place: `${path}:${firstLine}`, code: code.join("\n") });
      code = null;
    } else code.push(content);
  }
  return examples;
}

async function sourcesIn(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, root))) {
    if (isDirectory) paths.push(...await sourcesIn(`${folder}${name}/`));
    else if (name.endsWith(".ts")) paths.push(`${folder}${name}`);
  }
  return paths.sort();
}

/** Works on programs in an empty directory with nothing but this package in its import map; their names are 0.ts, 1.ts, …. */
async function deno(command: readonly string[], programs: readonly string[]): Promise<{ code: number; text: string }> {
  const directory = await Deno.makeTempDir({ prefix: "balsa-example-" });
  try {
    const { exports, compilerOptions } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
    const imports = Object.fromEntries(
      Object.entries(exports).map(([name, path]) => [`@balsa/balsa${name.slice(1)}`, new URL(String(path), root).href]),
    );
    await Deno.writeTextFile(`${directory}/deno.json`, JSON.stringify({ imports, compilerOptions, lock: false }));
    for (const [index, code] of programs.entries()) await Deno.writeTextFile(`${directory}/${index}.ts`, code);
    const args = [...command, ...programs.keys().map((index) => `${index}.ts`)];
    // What an example keeps in a directory for temporary files goes with ours.
    const env = { NO_COLOR: "1", TMPDIR: directory };
    const output = await new Deno.Command(Deno.execPath(), { args, cwd: directory, env }).output();
    const decoder = new TextDecoder();
    return { code: output.code, text: decoder.decode(output.stdout) + decoder.decode(output.stderr) };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Types of many programs are checked at once: each would bring the whole package along. */
function check(programs: readonly string[]): Promise<{ code: number; text: string }> {
  return deno(["check", "--quiet"], programs);
}

function run(program: string): Promise<{ code: number; text: string }> {
  return deno(["run", "--quiet", "--no-check", "-A"], [program]);
}

const folders = ["raft/", "kv/", "mapreduce/"];
const paths = ["README.md", "mod.ts", ...(await Promise.all(folders.map(sourcesIn))).flat()];
const examples: Example[] = [];
for (const path of paths) {
  for (const { place, code } of examplesIn(path, await Deno.readTextFile(new URL(path, root)))) {
    // The example of a module that is not exported imports its neighbours.
    examples.push({ place, code: code.replaceAll('from "./', `from "${new URL("./", new URL(path, root)).href}`) });
  }
}

Deno.test("examples: they are found", () => {
  for (const start of ["README.md", "raft/mod.ts", "kv/clerk.ts", "mapreduce/mod.ts"]) {
    assert(examples.some(({ place }) => place.startsWith(start)), `no example in ${start}`);
  }
  assertEquals(examplesIn("x.ts", "/**\n * ```ts\n * a();\n *\n * b();\n * ```\n */"), [{
    place: "x.ts:2",
    code: "a();\n\nb();",
  }]);
});

Deno.test("examples: one that fails is noticed", async () => {
  assertEquals((await run("throw new Error('planted')")).code, 1);
  assertEquals((await check(["export {};", "const text: string = 1; console.log(text)"])).code, 1);
});

Deno.test("examples: their types are right", async () => {
  const { code, text } = await check(examples.map((example) => example.code));
  assertEquals(code, 0, `${text}\n${examples.map(({ place }, index) => `${index}.ts is ${place}`).join("\n")}`);
});

/** An example names the ports that a reader would; here they may be taken. `free` finds others. */
function withFreePorts(code: string, free: (count: number) => readonly number[] = freePorts): string {
  const address = /(?<=127\.0\.0\.1:)[1-9]\d{3,4}/g;
  const named = [...new Set(code.match(address))];
  const ports = free(named.length);
  return code.replace(address, (port) => `${ports[named.indexOf(port)]}`);
}

Deno.test("examples: each port becomes another one, also where that one is named, too", () => {
  const code = "127.0.0.1:7001 127.0.0.1:7002 127.0.0.1:7001 127.0.0.1:0";
  const free = (count: number): number[] => [7002, 7003].slice(0, count);
  assertEquals(withFreePorts(code, free), "127.0.0.1:7002 127.0.0.1:7003 127.0.0.1:7002 127.0.0.1:0");
});

for (const { place, code } of examples) {
  Deno.test(`example ${place}`, async () => {
    const result = await run(withFreePorts(code));
    assertEquals(result.code, 0, result.text);
  });
}
