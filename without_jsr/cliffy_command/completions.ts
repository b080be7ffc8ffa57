/**
 * The `completions` command.
 *
 * @module
 */
import { Command } from "./command.ts";

type AnyCommand = Pick<Command, "getOptions"> & {
  getCommands(): (AnyCommand & Pick<Command, "getName">)[];
};

/** Every word that may follow the names of a command, by those names joined with spaces. */
function wordsByPath(command: AnyCommand, path = ""): Map<string, string[]> {
  const flags = command.getOptions().flatMap((option) => option.flags);
  const words = new Map([[path, [
    ...command.getCommands().map((one) => one.getName()),
    ...flags,
  ]]]);
  for (const sub of command.getCommands()) {
    for (
      const [subPath, subWords] of wordsByPath(
        sub,
        `${path} ${sub.getName()}`.trim(),
      )
    ) words.set(subPath, subWords);
  }
  return words;
}

/** A shell `case` that sets `words` by the names typed so far, which stand in `path`. */
function cases(command: AnyCommand): string {
  return [...wordsByPath(command)]
    .map(([path, words]) => `    "${path}") words="${words.join(" ")}" ;;`)
    .join("\n");
}

function bashScript(name: string, command: AnyCommand): string {
  const id = name.replace(/\W/g, "_");
  return `# bash completion for ${name}
_${id}() {
  local word words="" path=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ "$word" == -* ]] || path="\${path:+$path }$word"
  done
  case "$path" in
${cases(command)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _${id} -o bashdefault -o default ${name}`;
}

function zshScript(name: string, command: AnyCommand): string {
  const id = name.replace(/\W/g, "_");
  return `#compdef ${name}
_${id}() {
  local word candidates="" path_so_far=""
  for word in "\${(@)words[2,CURRENT-1]}"; do
    [[ "$word" == -* ]] || path_so_far="\${path_so_far:+$path_so_far }$word"
  done
  case "$path_so_far" in
${cases(command).replaceAll('words="', 'candidates="')}
  esac
  compadd -- \${=candidates}
}
compdef _${id} ${name}`;
}

function fishScript(name: string, command: AnyCommand): string {
  const lines = [...wordsByPath(command)].map(([path, words]) => {
    const condition = path === "" ? "__fish_use_subcommand" : `__fish_seen_subcommand_from ${path.split(" ").at(-1)}`;
    return `complete -c ${name} -n '${condition}' -a '${words.join(" ")}'`;
  });
  return [`# fish completion for ${name}`, ...lines].join("\n");
}

/** `completions bash|fish|zsh`: prints a script that completes the names of commands and options. */
export class CompletionsCommand extends Command<void, void, void, [], { name: string }> {
  constructor() {
    super();
    this.description(() => {
      const path = this.getMainCommand().getPath();
      return `Generate shell completions.\n\n` +
        `To enable shell completions for this program add the following line to your ~/.bashrc or similar:\n\n` +
        `    source <(${path} completions [shell])`;
    }).noGlobals().action(() => this.showHelp());
    for (
      const [shell, script] of Object.entries({
        bash: bashScript,
        fish: fishScript,
        zsh: zshScript,
      })
    ) {
      this.command(shell, `Generate shell completions for ${shell}.`)
        .noGlobals()
        .option("-n, --name <command-name>", "The name of the main command.")
        .action(({ name }) => {
          const main = this.getMainCommand();
          console.log(script(name ?? main.getName(), main));
        });
    }
    this.reset();
  }
}
