export default {
  testEnvironment: 'node',
  // By default jest leaves one processor idle: half of a small machine.
  maxWorkers: '100%',
  // A loaded machine is slow; what must be fast is asserted by order, not by seconds.
  testTimeout: 60_000,
  setupFiles: ['<rootDir>/test/helpers/seed.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: [
    '/node_modules/',
    ...['faults', 'cloud', 'brokers'].map((slow) => `<rootDir>/test/${slow}/`),
  ],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/cdk.out/', '<rootDir>/.headwater/'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'es6' }, sourceMaps: 'inline' },
    ],
  },
};
