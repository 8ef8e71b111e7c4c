import { checkCommand } from './commands/check.ts';
import { deadLettersCommand } from './commands/dead-letters.ts';
import { deployCommand } from './commands/deploy.ts';
import { hubCommand } from './commands/hub.ts';
import { initCommand } from './commands/init.ts';
import { keysCommand } from './commands/keys.ts';
import { ledgerCommand } from './commands/ledger.ts';
import { nodeCommand } from './commands/node.ts';
import { provisionCommand } from './commands/provision.ts';
import { pullCommand } from './commands/pull.ts';
import { quarantineCommand } from './commands/quarantine.ts';
import { queryCommand } from './commands/query.ts';
import { schemaCommand } from './commands/schema.ts';
import { startCommand } from './commands/start.ts';
import { runProgram } from './program.ts';

const COMMANDS = [
  startCommand(),
  initCommand(),
  checkCommand(),
  schemaCommand(),
  hubCommand(),
  nodeCommand(),
  queryCommand(),
  ledgerCommand(),
  quarantineCommand(),
  deadLettersCommand(),
  pullCommand(),
  keysCommand(),
  deployCommand(),
  provisionCommand(),
];

process.exitCode = await runProgram(COMMANDS, process.argv.slice(2));
