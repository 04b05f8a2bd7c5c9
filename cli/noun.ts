import type { Command } from "commander";

/** The command of a noun, made when its first verb asks for it. */
export function nounOf(program: Command, noun: string, description: string): Command {
  const known = program.commands.find((command) => command.name() === noun);
  if (known) return known;
  return program.command(noun).description(description).copyInheritedSettings(program);
}
