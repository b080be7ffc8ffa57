/**
 * The `help` command.
 *
 * @module
 */
import { Command } from "./command.ts";
import { unknownCommand } from "./errors.ts";

/** `help [command]`: shows the help of its parent, or of a command beside it. */
export class HelpCommand extends Command<void, void, void, [commandName?: string]> {
  constructor() {
    super();
    this.arguments("[command:string]")
      .description("Show this help or the help of a sub-command.")
      .noGlobals()
      .action((_, name) => {
        const parent = this.getGlobalParent();
        const command = name === undefined ? parent : parent?.getCommand(name);
        if (command) return command.showHelp();
        const known = parent?.getCommands().map((one) => one.getName()) ?? [];
        throw unknownCommand(
          name ?? "",
          known.filter((one) => one !== this.getName()),
        );
      });
  }
}
