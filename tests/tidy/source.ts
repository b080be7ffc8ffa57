/** Reads TypeScript as text: what is code, what it imports, where its functions begin and end. */

/** A file of the repository; the path is relative to its root. */
export interface Source {
  path: string;
  text: string;
}

/** After these, a slash begins a regular expression and does not divide. */
const beforeRegExp =
  /(?:^|[([{}=,;:!&|?+\-*%~^<>]|=>|\b(?:return|typeof|case|in|of|do|else|void|throw|await|yield))\s*$/;

const tokens = {
  lineComment: /\/\/[^\n]*/y,
  blockComment: /\/\*[^]*?\*\//y,
  string: /"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'/y,
  regExp: /\/(?![*/])(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y,
  templatePart: /(?:[^`\\$]|\\[^]|\$(?!\{))*/y,
};

function matchAt(pattern: RegExp, text: string, index: number): string | undefined {
  pattern.lastIndex = index;
  return pattern.exec(text)?.[0];
}

/** The same text with spaces for comments, and, unless `keepStrings`, for what is inside of strings; lines stay. */
export function codeOf(text: string, { keepStrings = false } = {}): string {
  let code = "";
  /** For each template we are inside of: how many braces are open in its current `${…}`. */
  const templates: number[] = [];
  const blank = (part: string) => part.replace(/[^\n]/g, " ");
  const inside = (part: string) => keepStrings ? part : part.slice(0, 1) + blank(part.slice(1, -1)) + part.slice(-1);
  const template = () => {
    const part = matchAt(tokens.templatePart, text, code.length) ?? "";
    code += keepStrings ? part : blank(part);
    if (text.startsWith("${", code.length)) {
      code += "${";
      templates.push(0);
    } else {
      code += text.slice(code.length, code.length + 1);
    }
  };
  while (code.length < text.length) {
    const index = code.length;
    const character = text.charAt(index);
    const open = templates.at(-1);
    const comment = matchAt(tokens.lineComment, text, index) ?? matchAt(tokens.blockComment, text, index);
    const string = matchAt(tokens.string, text, index);
    const regExp = character === "/" && beforeRegExp.test(code.slice(-40)) && matchAt(tokens.regExp, text, index);
    if (comment !== undefined) code += blank(comment);
    else if (string !== undefined) code += inside(string);
    else if (regExp) code += inside(regExp);
    else {
      code += character;
      if (character === "`") template();
      else if (open !== undefined && character === "{") templates.push((templates.pop() ?? 0) + 1);
      else if (open !== undefined && character === "}") {
        templates.pop();
        if (open === 0) template();
        else templates.push(open - 1);
      }
    }
  }
  return code;
}

/** What a file imports or re-exports, as it is written there; and the modules it names by URL, as for a worker. */
export function importsOf(text: string): { imported: string[]; named: string[] } {
  const code = codeOf(text, { keepStrings: true });
  const codeAlone = codeOf(text);
  // What looks like an import inside of a string is blank in the code alone.
  const isCode = (match: RegExpExecArray) =>
    /\b(?:import|export|new)\b/.test(codeAlone.slice(match.index, match.index + match[0].length));
  const find = (pattern: RegExp) => [...code.matchAll(pattern)].filter(isCode).map((match) => match[1] ?? "");
  return {
    imported: [
      ...find(/(?:^|[;}\n])\s*(?:import|export)\b[^"'`;=(]*?\bfrom\s*["']([^"']+)["']/g),
      ...find(/(?:^|[;}\n])\s*import\s*["']([^"']+)["']/g),
      ...find(/\bimport\s*\(\s*["']([^"']+)["']/g),
    ],
    named: [
      ...find(/\bnew URL\(\s*["'](\.[^"']+\.ts)["'],\s*import\.meta\.url/g),
      ...find(/\bimport\.meta\.resolve\(\s*["'](\.[^"']+\.ts)["']/g),
    ],
  };
}

/** The path, from the root, of what `from` imports as `specifier`; `undefined` for what is no file of the repository. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

/** The index after the bracket that closes the one at `start`. */
function closing(code: string, start: number): number {
  let depth = 0;
  for (let index = start; index < code.length; index++) {
    const character = code.charAt(index);
    if ("([{".includes(character)) depth++;
    else if (")]}".includes(character) && --depth === 0) return index + 1;
  }
  return code.length;
}

/** Where the body begins of a function whose parameters end at `end`: after its return type; -1 where there is none. */
function bodyStart(code: string, end: number): number {
  for (let index = end; index < code.length; index++) {
    const character = code.charAt(index);
    if (character === ";" || character === "}" || character === ")") return -1;
    if (character === "(" || character === "[") index = closing(code, index) - 1;
    if (character !== "{") continue;
    const before = code.slice(end, index).trimEnd();
    // A brace after these opens an object type, as in `: Promise<{ a: number }>`; any other one is the body.
    if (!/[:|&<,(]$|=>$/.test(before)) return index;
    index = closing(code, index) - 1;
  }
  return -1;
}

const functionHeads = [
  /\bfunction\b\s*\*?\s*([\w$]*)\s*(?=[(<])/g,
  /^[ \t]+(?:(?:public|private|protected|static|override|async|get|set)\s+)*\*?\s*([\w$#]+|\[[\w.]+\])\s*(?=[(<])/gm,
  /(?:(?:const|let)\s+([\w$]+)[^=\n]*=\s*)?(?:\([^()]*\)|[\w$]+)(?:\s*:\s*[^=;{}()]+)?\s*=>\s*(?=\{)/g,
];

const notFunctions = new Set(["if", "for", "while", "switch", "catch", "return", "function", "with", "await", "super"]);

/** A function and its length in lines, its first and last line among them. */
export interface FunctionLength {
  name: string;
  line: number;
  lines: number;
}

/** The functions of a file that have a body. */
export function functionsOf(text: string): FunctionLength[] {
  const code = codeOf(text);
  const lineAt = (index: number) => code.slice(0, index).split("\n").length;
  const found: FunctionLength[] = [];
  for (const [kind, pattern] of functionHeads.entries()) {
    for (const match of code.matchAll(pattern)) {
      const name = match[1] || "(arrow function)";
      if (notFunctions.has(name)) continue;
      const head = match.index + match[0].length;
      const isArrow = kind === 2;
      // What `describe` is given is a list of tests, each a function of its own.
      if (isArrow && /\bdescribe\(\s*["'`][^"'`]*["'`],\s*$/.test(code.slice(0, match.index))) continue;
      const parameters = isArrow ? head : code.indexOf("(", head);
      const start = isArrow ? head : bodyStart(code, closing(code, parameters));
      if (start < 0 || (!isArrow && parameters < 0)) continue;
      const line = lineAt(match.index + match[0].search(/\S/));
      found.push({ name, line, lines: lineAt(closing(code, start) - 1) - line + 1 });
    }
  }
  return found;
}
