import { tsImport } from 'tsx/esm/api';
import base from './jest.config.js';

// The SDK says on each start that it will want a newer Node one day.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

let said = false; // jest reads its configuration twice

/** The deployed stacks in an emulator of AWS: see test/cloud/set-up.ts. Skipped as a whole where Python is absent. */
export default async () => {
  const { findPython } = await tsImport('./test/cloud/emulator/python.ts', import.meta.url);
  const python = await findPython();
  if (!python.ok && !said) console.error(`test:cloud is skipped: ${python.reason}`);
  said = true;
  return {
    ...base,
    testMatch: ['<rootDir>/test/cloud/**/*.test.ts'],
    testPathIgnorePatterns: python.ok ? ['/node_modules/'] : ['/'],
    passWithNoTests: !python.ok,
    ...(python.ok && {
      globalSetup: '<rootDir>/test/cloud/global-set-up.mjs',
      globalTeardown: '<rootDir>/test/cloud/global-tear-down.mjs',
    }),
    // Files wait for the emulator more than they compute.
    maxWorkers: 3,
    testTimeout: 120_000,
  };
};
