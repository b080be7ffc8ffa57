/**
 * Stands in for `@std/testing/bdd` where JSR cannot be reached: `describe`, `it` and their hooks, over `Deno.test`.
 * A suite is one test, and what is in it are its steps, as in the real package.
 *
 * @module
 */

type Hook = () => void | Promise<void>;
type Body = (context: Deno.TestContext) => void | Promise<void>;
type HookName = "beforeAll" | "beforeEach" | "afterEach" | "afterAll";

interface Suite {
  parent: Suite | undefined;
  hooks: Record<HookName, Hook[]>;
  members: { name: string; run: Body }[];
}

let current: Suite | undefined;

/** Runs the hooks, and at the end throws what the first of those that failed has thrown. */
async function runAll(hooks: Hook[]): Promise<void> {
  const errors: unknown[] = [];
  for (const hook of hooks) {
    try {
      await hook();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/** The suites around a test, the outermost first. */
function pathTo(suite: Suite | undefined): Suite[] {
  return suite ? [...pathTo(suite.parent), suite] : [];
}

async function runSuite(suite: Suite, context: Deno.TestContext): Promise<void> {
  try {
    for (const hook of suite.hooks.beforeAll) await hook();
    for (const { name, run } of suite.members) await context.step(name, run);
  } finally {
    await runAll(suite.hooks.afterAll);
  }
}

async function runCase(suite: Suite, body: Body, context: Deno.TestContext): Promise<void> {
  const path = pathTo(suite);
  try {
    for (const { hooks } of path) for (const hook of hooks.beforeEach) await hook();
    await body(context);
  } finally {
    await runAll(path.toReversed().flatMap(({ hooks }) => hooks.afterEach));
  }
}

function register(name: string, run: Body): void {
  if (current) current.members.push({ name, run });
  else Deno.test(name, run);
}

/** Declares a suite: the tests and suites that `declare` declares. */
export function describe(name: string, declare: () => void): void {
  const suite: Suite = {
    parent: current,
    hooks: { beforeAll: [], beforeEach: [], afterEach: [], afterAll: [] },
    members: [],
  };
  register(name, (context) => runSuite(suite, context));
  current = suite;
  try {
    declare();
  } finally {
    current = suite.parent;
  }
}

/** Declares a test. */
export function it(name: string, body: Body): void {
  const suite = current;
  register(name, (context) => suite ? runCase(suite, body, context) : body(context));
}

function addHook(name: HookName, hook: Hook): void {
  if (!current) throw new Error(`Cannot add ${name} here: current suite is none. Call it inside describe(…).`);
  current.hooks[name].push(hook);
}

/** Runs `hook` once, before the suite's tests. */
export function beforeAll(hook: Hook): void {
  addHook("beforeAll", hook);
}

/** Runs `hook` before each test of the suite and of the suites in it. */
export function beforeEach(hook: Hook): void {
  addHook("beforeEach", hook);
}

/** Runs `hook` after each test of the suite and of the suites in it, also after one that failed. */
export function afterEach(hook: Hook): void {
  addHook("afterEach", hook);
}

/** Runs `hook` once, after the suite's tests, also when one has failed. */
export function afterAll(hook: Hook): void {
  addHook("afterAll", hook);
}
