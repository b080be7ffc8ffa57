/**
 * Prints the flag that makes Deno use the stand-ins of this folder where JSR cannot be reached, and nothing where it can:
 * `deno run $(deno run -qA without_jsr/config.ts) …`. Packages that are in Deno's cache already need no network.
 * With the argument `shell`, it asks for the packages of the shell only, and not for those of the tests.
 */
const shellPackages = [
  "jsr:@cliffy/command@^1.2.0",
  "jsr:@cliffy/command@^1.2.0/completions",
  "jsr:@cliffy/command@^1.2.0/help",
];
const testPackages = [
  "jsr:@std/assert@^1.0.0",
  "jsr:@std/cli@^1.0.0",
  "jsr:@std/encoding@^1.0.0",
  "jsr:@std/testing@^1.0.0/bdd",
];

/** How long JSR may take to answer before it counts as out of reach. */
const patienceMs = 1_500;

/** Whether a program that imports the packages starts when it may not use the network. */
async function areCached(packages: string[]): Promise<boolean> {
  const program = packages.map((name) => `import "${name}";`).join("");
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--cached-only",
      "--no-config",
      "--no-lock",
      `data:text/javascript,${program}`,
    ],
    stdout: "null",
    stderr: "null",
  }).output();
  return success;
}

async function isReachable(): Promise<boolean> {
  const registry = Deno.env.get("JSR_URL") ?? "https://jsr.io";
  try {
    const signal = AbortSignal.timeout(patienceMs);
    const response = await fetch(new URL("/@cliffy/command/meta.json", registry), { signal });
    // A page saying that the site is blocked may well come with status 200; only the package's own page names versions.
    return response.ok && "versions" in await response.json();
  } catch {
    return false;
  }
}

const packages = Deno.args[0] === "shell" ? shellPackages : [...shellPackages, ...testPackages];
if (!await areCached(packages) && !await isReachable()) console.log("--config=without_jsr/deno.json");
