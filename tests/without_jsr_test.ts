/**
 * The stand-in for `@cliffy/command` behaves as the real package, in the part that Balsa uses: what is checked here passes
 * with the real one too, and with either the same source type-checks. And `config.ts` knows when to use the stand-ins.
 */
import { Command, EnumType, ValidationError } from "@cliffy/command";
import { CompletionsCommand } from "@cliffy/command/completions";
import { HelpCommand } from "@cliffy/command/help";
import {
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertFalse,
  assertLess,
  assertMatch,
  assertNotMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { stripVTControlCharacters } from "node:util";

/** What the actions of {@link program} have been given, in order. */
type Calls = unknown[][];

function program(calls: Calls) {
  return new Command()
    .name("balsa")
    .version("1.2.3")
    .description("A light raft.\nWith a second line.")
    .throwErrors()
    .noExit()
    .globalType("role", new EnumType(["leader", "follower"]))
    .globalOption("-s, --servers <list:string>", "Where the nodes listen.", { default: "a,b" })
    .globalOption("--verbose", "Says more.")
    .command("get <key:string>", "Reads a key.").alias("g")
    .option("--json", "Prints JSON.")
    .option("--role <role:role>", "Asks only such a node.")
    .example("Read a key", "balsa get color")
    .action((options, key) => {
      const servers: string = options.servers;
      const json: true | undefined = options.json;
      const role: "leader" | "follower" | undefined = options.role;
      const typedKey: string = key;
      calls.push(["get", { servers, ...(json && { json }), ...(role && { role }) }, typedKey]);
    })
    .command("put <key:string> [value:string]", "Writes a key.")
    .action((_, key, value) => {
      const typedValue: string | undefined = value;
      calls.push(["put", key, typedValue]);
    })
    .command("count <from:integer> [factor:number]", "Counts.")
    .action((_, from, factor) => {
      const sum: number = from + (factor ?? 0);
      calls.push(["count", sum]);
    })
    .command("many <...keys:string>", "Reads many keys.")
    .option("-t, --tag <tag:string>", "Marks them.", { collect: true })
    .action((options, ...keys) => {
      const tags: string[] | undefined = options.tag;
      const typedKeys: string[] = keys;
      calls.push(["many", tags, ...typedKeys]);
    })
    .command("run [words...:string]", "Passes words on.").stopEarly()
    .option("--json", "Prints JSON.")
    .action((options, ...words) => {
      calls.push(["run", options.json, ...words]);
    })
    .command("node", "Runs a node.")
    .option("--id <id:string>", "Its name.", { required: true })
    .option("--peers <peers:string[]>", "All nodes.")
    .option("-p, --port <port:integer>", "Where it listens.", { default: 7001 })
    .option("--max-size [bytes:number]", "How large it may grow.")
    .option("--no-color", "Leaves colors out.")
    .option("-q, --quiet", "Says less.")
    .option("-x", "Extra.")
    .option("--upper <text:string>", "In capitals.", (text: string) => text.toUpperCase())
    .option("--data <dir:string>", "Where it keeps data.", { hidden: true })
    .option("--flush", "Needs quiet.", { depends: ["quiet"] })
    .option("--loud", "Not with quiet.", { conflicts: ["quiet"] })
    .option("--sync <sync:boolean>", "Whether to sync.")
    .action((options) => {
      const id: string = options.id;
      const peers: string[] | undefined = options.peers;
      const port: number = options.port;
      const maxSize: number | true | undefined = options.maxSize;
      const color: boolean = options.color;
      const upper: string | undefined = options.upper;
      calls.push(["node", { id, peers, port, maxSize, color, upper, quiet: options.quiet, sync: options.sync }]);
    })
    .command("demo", "Shows all.").hidden()
    .action(() => {
      calls.push(["demo"]);
    })
    .command("disk", diskCommand(calls))
    .command("help", new HelpCommand())
    .command("completions", new CompletionsCommand())
    .reset();
}

/** A command made apart, with a command of its own. */
function diskCommand(calls: Calls): Command<{ servers: string }> {
  return new Command<{ servers: string }>().description("About disks.").command("check <dir:string>", "Checks one.")
    .action((options, dir) => {
      const servers: string = options.servers;
      calls.push(["disk check", servers, dir]);
    })
    .reset();
}

/** A command made apart, for a parent that has the option `servers`. */
function clerkCommand(calls: Calls): Command<{ servers: string }> {
  return new Command<{ servers: string }>().description("Talks.").action(({ servers }) => {
    calls.push(["clerk", servers]);
  });
}

const node = { id: "n1", peers: undefined, port: 7001, maxSize: undefined, color: true, upper: undefined };
const quietNode = { ...node, quiet: true, sync: undefined };
const plainNode = { ...node, quiet: undefined, sync: undefined };

const understood: [commandLine: string, ...calls: unknown[]][] = [
  ["get k", "get", { servers: "a,b" }, "k"],
  ["g k", "get", { servers: "a,b" }, "k"],
  ["get --json k", "get", { servers: "a,b", json: true }, "k"],
  ["get k --json --role leader", "get", { servers: "a,b", json: true, role: "leader" }, "k"],
  ["--servers x get k", "get", { servers: "x" }, "k"],
  ["get -s x k", "get", { servers: "x" }, "k"],
  ["get k --servers=x", "get", { servers: "x" }, "k"],
  ["--verbose get k", "get", { servers: "a,b" }, "k"],
  ["get --jsn", "get", { servers: "a,b" }, "--jsn"],
  ["get k -- rest", "get", { servers: "a,b" }, "k"],
  ["put k", "put", "k", undefined],
  ["put k -5", "put", "k", "-5"],
  ["put k -v", "put", "k", "-v"],
  ["put k -", "put", "k", "-"],
  ["count 1 2.5", "count", 3.5],
  ["many a", "many", undefined, "a"],
  ["many a --tag x -t y b", "many", ["x", "y"], "a", "b"],
  ["run", "run", undefined],
  ["run --json a b", "run", true, "a", "b"],
  ["run a --json -z", "run", undefined, "a", "--json", "-z"],
  ["node --id n1", "node", plainNode],
  ["node --id=n1 --peers a,b,c", "node", { ...plainNode, peers: ["a", "b", "c"] }],
  ["node --id n1 -p 8", "node", { ...plainNode, port: 8 }],
  ["node --id n1 -p8", "node", { ...plainNode, port: 8 }],
  ["node --id n1 -p=8", "node", { ...plainNode, port: 8 }],
  ["node --id n1 --max-size", "node", { ...plainNode, maxSize: true }],
  ["node --id n1 --max-size 5", "node", { ...plainNode, maxSize: 5 }],
  ["node --id n1 --no-color", "node", { ...plainNode, color: false }],
  ["node --id n1 -xqp 9", "node", { ...quietNode, port: 9 }],
  ["node --id n1 --upper abc", "node", { ...plainNode, upper: "ABC" }],
  ["node --id n1 --data d", "node", plainNode],
  ["node --id n1 --flush --quiet", "node", quietNode],
  ["node --id n1 --sync 0", "node", { ...plainNode, sync: false }],
  ["node --id -x", "node", { ...plainNode, id: "-x" }],
  ["demo", "demo"],
  ["disk check d", "disk check", "a,b", "d"],
  ["--servers x disk check d", "disk check", "x", "d"],
  ["disk --servers x check d", "disk check", "x", "d"],
  ["node --id n1 --port=", "node", plainNode],
];

const mistaken: [commandLine: string, message: string][] = [
  ["got k", 'Unknown command "got". Did you mean command "get"?'],
  ["disk chek", 'Unknown command "chek". Did you mean command "check"?'],
  ["help nods", 'Unknown command "nods". Did you mean command "node"?'],
  ["get", "Missing argument(s): key"],
  ["disk check", "Missing argument(s): dir"],
  ["get -- k", "Missing argument(s): key"],
  ["many", "Missing argument(s): keys"],
  ["get k x y", "Too many arguments: x y"],
  ["node --id n1 more", 'No arguments allowed for command "balsa node".'],
  ["get k --jsn", 'Unknown option "--jsn". Did you mean option "--json"?'],
  ["--hlp", 'Unknown option "--hlp". Did you mean option "--help"?'],
  ["get k -j", 'Unknown option "-j". Did you mean option "-h"?'],
  ["completions bash --servers x", 'Unknown option "--servers". Did you mean option "--help"?'],
  ["node", 'Missing required option "--id".'],
  ["node --id", 'Missing value for option "--id".'],
  ["-s", 'Missing value for option "--servers".'],
  ["node --id n1 --id n2", 'Option "--id" can only occur once, but was found several times.'],
  ["--servers x get k --servers y", 'Option "--servers" can only occur once, but was found several times.'],
  ["node --id n1 --quiet=yes", 'Option "--quiet" doesn\'t take a value, but got "yes".'],
  ["node --id n1 --port 1.5", 'Option "--port" must be of type "integer", but got "1.5".'],
  ["count x", 'Argument "from" must be of type "integer", but got "x".'],
  ["count 1 x", 'Argument "factor" must be of type "number", but got "x".'],
  [
    "get k --role king",
    'Option "--role" must be of type "role", but got "king". Expected values: "leader", "follower"',
  ],
  ["node --id n1 --flush", 'Option "--flush" depends on option "--quiet".'],
  ["node --id n1 --loud --quiet", 'Option "--loud" conflicts with option "--quiet".'],
];

/** What `run` prints with `console.log`, without colors. */
async function printedBy(run: () => unknown): Promise<string> {
  const { log } = console;
  const lines: unknown[] = [];
  console.log = (...parts: unknown[]) => lines.push(parts.join(" "));
  try {
    await run();
  } finally {
    console.log = log;
  }
  return stripVTControlCharacters(lines.join("\n"));
}

describe("Command", () => {
  const calls: Calls = [];
  const balsa = program(calls); // One tree parses line after line, as in the shell.

  beforeEach(() => {
    calls.length = 0;
  });

  for (const [commandLine, ...call] of understood) {
    it(`understands: ${commandLine}`, async () => {
      await balsa.parse(commandLine.split(" "));
      assertEquals(calls, [call]);
    });
  }

  for (const [commandLine, message] of mistaken) {
    it(`refuses: ${commandLine}`, async () => {
      const error = await assertRejects(() => balsa.parse(commandLine.split(" ")), ValidationError);
      assertEquals([error.message, error.exitCode, calls], [message, 2, []]);
    });
  }

  it("resolves to what it has understood", async () => {
    const { options, args, literal, cmd } = await balsa.parse(["get", "k", "--", "a", "-b"]);
    assertEquals<unknown>([options, args, literal, cmd.getName()], [{ servers: "a,b" }, ["k"], ["a", "-b"], "get"]);
  });

  it("takes a command made apart, which sees the options of its parent", async () => {
    await program(calls).command("clerk", clerkCommand(calls)).reset().parse(["clerk", "--servers", "x"]);
    assertEquals(calls, [["clerk", "x"]]);
  });

  it("runs the default command where nothing is given", async () => {
    await program(calls).default("demo").parse([]);
    assertEquals(calls, [["demo"]]);
  });

  it("shows nothing where only options are given, and help where nothing is", async () => {
    assertEquals(await printedBy(() => balsa.parse(["--verbose"])), "");
    assertEquals(await printedBy(() => balsa.parse(["--servers", "x"])), "");
    assertStringIncludes(await printedBy(() => balsa.parse([])), "Commands:");
  });

  it("takes an empty optional argument as none, and a default through the value handler", async () => {
    const command = new Command().throwErrors().arguments("<first:string> [second:string] [third:string]")
      .option("--double <n:integer>", "Doubles.", { default: 4, value: (n: number) => 2 * n })
      .action((options, ...words) => {
        calls.push([options.double, ...words]);
      });
    await command.parse(["", "", "c"]);
    await command.parse(["a", "--double", "5"]);
    assertEquals(calls, [[8, "", undefined, "c"], [10, "a"]]);
  });

  it("stops early also where it takes a fixed number of arguments", async () => {
    const command = new Command().throwErrors().arguments("<first:string>").stopEarly().action(() => {});
    await assertRejects(() => command.parse(["a", "-z"]), ValidationError, "Too many arguments: -z");
  });

  it("keeps a type to its command, unless it is global", async () => {
    const command = new Command().throwErrors().type("own", new EnumType(["a"])).command("sub <value:own>", "Sub.")
      .action(() => {}).reset();
    await assertRejects(() => command.parse(["sub", "a"]), Error, 'Unknown type "own".');
  });

  it("passes an action's own error on as it is", async () => {
    const command = new Command().throwErrors().action(() => {
      throw new RangeError("too far");
    });
    await assertRejects(() => command.parse([]), RangeError, "too far");
  });

  it("takes a type as a function, which may refuse", async () => {
    const command = new Command().throwErrors()
      .type("even", ({ label, name, value }): number => {
        if (Number(value) % 2 !== 0) throw new ValidationError(`${label} ${name}: ${value} is odd.`, { exitCode: 3 });
        return Number(value);
      })
      .arguments("<n:even>")
      .action((_, n) => {
        const typed: number = n;
        calls.push([typed]);
      });
    await command.parse(["4"]);
    assertEquals(calls, [[4]]);
    const error = await assertRejects(() => command.parse(["3"]), ValidationError, "Argument n: 3 is odd.");
    assertEquals(error.exitCode, 3);
  });

  it("shows help: of the root, of a command, through the help command", async () => {
    const root = await printedBy(() => balsa.parse(["--help"]));
    assertMatch(root, /Usage: +balsa\n/);
    assertMatch(root, /Version: +1\.2\.3/);
    assertMatch(root, /--servers +<list> +- Where the nodes listen\. +\(Default: "a,b"\)/);
    assertMatch(root, /get, g +<key> +- Reads a key\./);
    assertNotMatch(root, /demo/);
    assertEquals(await printedBy(() => balsa.parse([])), root);
    assertEquals(await printedBy(() => balsa.parse(["help"])), root);
    const get = await printedBy(() => balsa.parse(["get", "--help"]));
    assertMatch(get, /Usage: +balsa get <key>/);
    assertMatch(get, /Read a key +balsa get color/);
    // A tree of its own: the real help command shows for ever what it was first asked for.
    assertEquals(await printedBy(() => program(calls).parse(["help", "get"])), get);
    const nodeHelp = await printedBy(() => balsa.parse(["node", "-h"]));
    assertMatch(nodeHelp, /Usage: +balsa node --id <id>/);
    assertMatch(nodeHelp, /--id +<id> +- Its name\. +\(required\)/);
    assertNotMatch(nodeHelp, /--data/);
    assertEquals(calls, []);
  });

  it("shows the version", async () => {
    assertStringIncludes(await printedBy(() => balsa.parse(["--version"])), "balsa 1.2.3");
    assertEquals(await printedBy(() => balsa.parse(["-V"])), "1.2.3");
  });

  it("prints completions for the shells", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const script = await printedBy(() => balsa.parse(["completions", shell]));
      for (const word of ["balsa", "get", "json", "servers"]) assertStringIncludes(script, word);
      assertFalse(script.includes("demo"));
    }
  });

  it("tells what it knows about itself", () => {
    const names = balsa.getCommands().map((one) => one.getName());
    assertEquals(names, ["get", "put", "count", "many", "run", "node", "disk", "help", "completions"]);
    assertEquals(balsa.getCommands(true).length, names.length + 1);
    const get = balsa.getCommand("g");
    assertExists(get);
    assertEquals([get.getName(), get.getPath(), get.getArgsDefinition()], ["get", "balsa get", "<key:string>"]);
    assertEquals(get.getAliases(), ["g"]);
    assertArrayIncludes(get.getOptions().map((option) => option.name), ["json", "role", "servers"]);
    assertEquals([balsa.getShortDescription(), balsa.getVersion()], ["A light raft.", "1.2.3"]);
  });

  it("ends the process after a mistake, unless told to throw", async () => {
    const { exit } = Deno;
    const { error } = console;
    const errors: unknown[] = [];
    let exitCode: number | undefined;
    Deno.exit = (code) => {
      exitCode = code;
      throw new Error("The process has ended.");
    };
    console.error = (...parts: unknown[]) => errors.push(parts.join(" "));
    try {
      const command = new Command().name("one").arguments("<key:string>").action(() => {});
      const help = await printedBy(() => assertRejects(() => command.parse([])));
      assertStringIncludes(help, "one <key>");
    } finally {
      Deno.exit = exit;
      console.error = error;
    }
    assertEquals(exitCode, 2);
    assertStringIncludes(stripVTControlCharacters(errors.join("\n")), "error: Missing argument(s): key");
  });
});

/** What `without_jsr/config.ts` prints, in a process with its own cache, where JSR is at `registry`. */
async function configFor(registry: string, cacheDir: string): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-qA", "--no-lock", new URL("../without_jsr/config.ts", import.meta.url).href, "shell"],
    env: { JSR_URL: registry, DENO_DIR: cacheDir },
    stderr: "inherit",
  }).output();
  return new TextDecoder().decode(stdout).trim();
}

const version = {
  manifest: {
    "/mod.ts": { size: 10, checksum: "sha256-2e29cd9a98755c46896f7a2d56524db2d6d96b248e36db46de14c30bf47c8d05" },
  },
  exports: { ".": "./mod.ts", "./help": "./mod.ts", "./completions": "./mod.ts" },
};

/** A registry that has the package, as far as anyone asks. */
function registryAnswer(request: Request): Response {
  const { pathname } = new URL(request.url);
  if (pathname.endsWith("_meta.json")) return Response.json(version);
  if (pathname.endsWith("/meta.json")) {
    return Response.json({ scope: "cliffy", name: "command", latest: "1.2.1", versions: { "1.2.1": {} } });
  }
  return new Response("export {};", { headers: { "content-type": "application/typescript" } });
}

const standIns = "--config=without_jsr/deno.json";

const situations: [name: string, answer: (request: Request) => Response | Promise<Response>, printed: string][] = [
  ["answers", registryAnswer, ""],
  ["is blocked by a friendly page", () => new Response("<h1>Blocked</h1>"), standIns],
  ["refuses", () => new Response("no", { status: 403 }), standIns],
  ["never answers", () => new Promise(() => {}), standIns],
];

for (const [name, answer, printed] of situations) {
  Deno.test(`config.ts: where JSR ${name}, it prints ${printed || "nothing"}`, async () => {
    const cacheDir = await Deno.makeTempDir();
    const stop = new AbortController();
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, signal: stop.signal, onListen() {} }, answer);
    const startMs = performance.now();
    assertEquals(await configFor(`http://127.0.0.1:${server.addr.port}`, cacheDir), printed);
    assertLess(performance.now() - startMs, 10_000);
    stop.abort();
    await server.finished;
    await Deno.remove(cacheDir, { recursive: true });
  });
}

Deno.test("config.ts: where JSR is out of reach but its packages are cached, it prints nothing", async () => {
  const cacheDir = await Deno.makeTempDir();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, registryAnswer);
  const registry = `http://127.0.0.1:${server.addr.port}`;
  const names = ["", "/help", "/completions"].map((path) => `import "jsr:@cliffy/command@^1.2.0${path}";`);
  const args = ["run", "-q", "--no-config", "--no-lock", `data:text/javascript,${names.join("")}`];
  const env = { JSR_URL: registry, DENO_DIR: cacheDir };
  const { success } = await new Deno.Command(Deno.execPath(), { args, env, stderr: "inherit" }).output();
  await server.shutdown();
  assertEquals([success, await configFor(registry, cacheDir)], [true, ""]);
  assertEquals(await configFor(registry, `${cacheDir}/other`), standIns);
  await Deno.remove(cacheDir, { recursive: true });
});
