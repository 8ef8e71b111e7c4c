import base from './jest.config.js';

/** Faults on real processes: killed, cut off, out of disk. Minutes, not seconds. */
export default {
  ...base,
  testMatch: ['<rootDir>/test/faults/**/*.test.ts', '<rootDir>/test/brokers/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  maxWorkers: 2,
  testTimeout: 300_000,
};
