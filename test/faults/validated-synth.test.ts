import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from '@jest/globals';

const ROOT = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'headwater-validated-'));
afterAll(() => rmSync(folder, { recursive: true }));

/**
 * The real command line with all of CDK's own checks of what CloudFormation takes, and cdk-nag. It takes the bundles
 * as they are: `npm run test:faults` has built them.
 */
test.each(['small-factory', 'smart-building', 'oil-platform', 'smart-city'])(
  '%s passes a validated synth',
  async (name) => {
    const out = join(folder, name);
    const args = ['synth', '--quiet', '--strict', '--build', '', '--output', out, '-c', `fleet=fleets/${name}.yaml`];
    const cdk = join(ROOT, 'node_modules/aws-cdk/bin/cdk');
    const { CDK_VALIDATION: _off, ...env } = process.env;
    const started = performance.now();
    await promisify(execFile)(process.execPath, [cdk, ...args], {
      cwd: ROOT,
      env: { ...env, CDK_VALIDATION: 'true', NODE_OPTIONS: '' },
    });
    process.stdout.write(`${name}: synth with the command line ${Math.round(performance.now() - started)} ms\n`);
    expect(readdirSync(out).filter((file) => file.endsWith('.template.json'))).toHaveLength(3);
  },
);
