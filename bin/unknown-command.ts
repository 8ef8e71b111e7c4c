import type { Command } from 'commander';
import { nearNames } from './near-names.ts';

/**
 * What is wrong if a command was named that there is not; undefined if all are known. Commander shows the help of the
 * command above instead, as soon as `--help` is among the arguments, and calls that success.
 */
export function unknownCommand(program: Command, args: readonly string[]): string | undefined {
  let command = program;
  for (const arg of args) {
    if (arg.startsWith('-') || arg === 'help' || command.commands.length === 0) return undefined;
    const below = command.commands.find((one) => one.name() === arg || one.aliases().includes(arg));
    if (!below) {
      const names = command.commands.map((one) => one.name());
      const near = nearNames(arg, names);
      const advice = near.length > 0 ? `did you mean ${near.join(' or ')}?` : `known are ${names.join(', ')}`;
      return `unknown command '${arg}': ${advice}`;
    }
    command = below;
  }
  return undefined;
}
