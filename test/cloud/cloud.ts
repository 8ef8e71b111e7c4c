import { readFileSync } from 'node:fs';
import type { Emulator } from './emulator/start.ts';

/** What set-up.ts made and deployed, as test files find it. */
export interface Cloud extends Emulator {
  /** Of this run; removed after it. */
  directory: string;
  /** The emulator's Python, which cfn-lint runs on too. */
  python: string;
  /** The fleet file that was deployed. */
  fleetFile: string;
  fleet: string;
  /** By stack and output name. */
  outputs: Record<string, Record<string, string>>;
}

/** Where set-up.ts says where it wrote it: jest's workers inherit the environment. */
export const CLOUD_FILE = 'HEADWATER_CLOUD';

/** @throws outside `npm run test:cloud` */
export function readCloud(): Cloud {
  const file = process.env[CLOUD_FILE];
  if (file === undefined) throw new Error(`${CLOUD_FILE} is not set: these tests run by "npm run test:cloud"`);
  return JSON.parse(readFileSync(file, 'utf8'));
}
