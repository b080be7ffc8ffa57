import type { OptionDefinition } from "./definition.ts";
import type { CommandNode } from "./node.ts";

/** Rows of cells as aligned lines, indented by two spaces. */
function table(rows: string[][]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => widths[i] = Math.max(widths[i] ?? 0, cell.length));
  }
  return rows.map((row) =>
    `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")}`
      .trimEnd()
  ).join("\n");
}

function section(title: string, body: string): string {
  return body === "" ? "" : `\n${title}:\n\n${body}\n`;
}

/** `<key:string>` as help shows it: `<key>`. */
function withoutTypes(definition: string): string {
  return definition.replace(/:[^\]>\s]*(\[\])?(?=[\]>])/g, "");
}

function hints(option: OptionDefinition): string {
  const found: string[] = [];
  if (option.required) found.push("required");
  const value = typeof option.default === "function" ? option.default() : option.default;
  const shown = typeof option.defaultText === "function" ? option.defaultText(value) : option.defaultText ?? value;
  if (shown !== undefined) found.push(`Default: ${JSON.stringify(shown)}`);
  return found.length === 0 ? "" : `(${found.join(", ")})`;
}

/** The help page of a command. */
export function helpText<Face>(command: CommandNode<Face>): string {
  const facts = Object.entries(command.meta).map(([name, value]) => `${name}: ${value}\n`).join("");
  const version = command.getVersion();
  return `\nUsage:   ${`${command.getPath()} ${withoutTypes(command.getUsage())}`.trimEnd()}\n` +
    (version === undefined ? "" : `Version: ${version}\n`) +
    (facts === "" ? "" : `\n${facts}`) +
    section(
      "Description",
      command.getDescription().trim().split("\n").map((line) => `  ${line}`.trimEnd()).join("\n"),
    ) +
    section(
      "Options",
      table(
        command.getOptions().map((option) => [
          option.flags.join(", "),
          withoutTypes(option.typeDefinition),
          `- ${option.description}`,
          hints(option),
        ]),
      ),
    ) +
    section(
      "Commands",
      table(
        command.getCommands().map((one) => [
          [one.name, ...one.aliases].join(", "),
          withoutTypes(one.getArgumentsDefinition()),
          `- ${one.getShortDescription()}`,
        ]),
      ),
    ) +
    section(
      "Examples",
      table(
        command.examples.map((
          { name, description },
        ) => [name, description]),
      ),
    );
}
