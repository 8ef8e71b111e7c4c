import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { packageRoot } from './package-root.ts';
import { unknownCommand } from './unknown-command.ts';

/** Exit codes of every command. */
export const EXIT = { ok: 0, problem: 1, usage: 2 } as const;

const EXAMPLES = `
Examples:
  $ headwater init --size small-factory        write a commented fleet file
  $ headwater check fleet.yaml                 report everything that is wrong with it
  $ headwater schema > fleet.schema.json       JSON Schema for your editor

Exit codes: 0 all is well, 1 the command found a problem, 2 it was called wrongly.`;

/** Runs the command line; resolves to the exit code. Commands set process.exitCode themselves to report a problem. */
export async function runProgram(commands: readonly Command[], args: readonly string[]): Promise<number> {
  // `headwater schema | head` closes the pipe early: no reason for a stack trace.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT.ok);
  });
  const program = await createProgram(commands);
  const unknown = unknownCommand(program, args);
  if (unknown !== undefined) {
    process.stderr.write(`error: ${unknown}\n(headwater --help lists the commands)\n`);
    return EXIT.usage;
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    process.stderr.write(`headwater: ${explain(error as NodeJS.ErrnoException)}\n`);
    // What a command that failed half way left behind, such as a timer, must not keep the process alive.
    process.exit(EXIT.problem);
  }
}

/** One line for people; HEADWATER_DEBUG=1 shows where it was thrown. */
function explain(error: NodeJS.ErrnoException & { address?: string; port?: number }): string {
  if (process.env.HEADWATER_DEBUG === '1') return error.stack ?? error.message;
  if (error.code === 'EADDRINUSE') {
    return `${error.address}:${error.port} is in use by another program: --port and --mqtt-port choose other ports, 0 = any free one`;
  }
  return error.message;
}

async function createProgram(commands: readonly Command[]): Promise<Command> {
  const { version, description } = await readPackage();
  const program = new Command('headwater')
    .description(description)
    .version(version)
    .exitOverride()
    .showHelpAfterError('(add --help for the options and examples)')
    .addHelpText('after', EXAMPLES);
  // A command made elsewhere knows nothing of the program's settings until it is given them.
  for (const command of commands) {
    inherit(command, program);
    program.addCommand(command);
  }
  return program;
}

function inherit(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const below of command.commands) inherit(below, command);
}

async function readPackage(): Promise<{ version: string; description: string }> {
  return JSON.parse(await readFile(join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string;
    description: string;
  };
}
