/** What stood on the other side when an outer interface was proven. */
export const PROOFS = {
  real: 'the real thing',
  emulator: 'an emulator (MiniStack 1.5.33 with our launcher)',
  double: 'a double of ours',
  static: 'read, not run',
} as const;
export type Proof = keyof typeof PROOFS;

export interface Evidence {
  interface: string;
  proof: Proof;
  /** An npm script. */
  command: string;
  /** Test files or benches that prove it, relative to the root. */
  files: readonly string[];
  /** What this does not show. */
  gap: string;
}

/** Each outer interface of Headwater, once for each way in which it was proven. */
export const EVIDENCE: readonly Evidence[] = [
  {
    interface: 'disk of a node and of the hub',
    proof: 'real',
    command: 'npm run test:faults',
    files: ['test/faults/kill.test.ts', 'test/faults/full-disk.test.ts'],
    gap: 'processes killed, disks full; no power cut',
  },
  {
    interface: 'disk: power cuts, torn and rotten blocks',
    proof: 'double',
    command: 'npm run test:simulator',
    files: ['simulator/virtual-disk.ts', 'simulator/bit-rot.ts'],
    gap: 'what a real disk does with its own cache',
  },
  {
    interface: 'MQTT over mutual TLS, node to hub',
    proof: 'real',
    command: 'npm test',
    files: ['test/adapters/mqtt/broker.test.ts', 'test/features/commands.test.ts'],
    gap: 'networks other than this machine',
  },
  {
    interface: 'DuckDB, Parquet files of the hub',
    proof: 'real',
    command: 'npm test',
    files: ['test/adapters/embedded/duckdb-store.test.ts', 'test/hub/ledger.test.ts'],
    gap: '',
  },
  {
    interface: 'Parquet files of the functions',
    proof: 'real',
    command: 'npm test',
    files: ['test/adapters/parquet/landing-rows.test.ts'],
    gap: 'read by DuckDB and hyparquet; not by Athena or Trino',
  },
  {
    interface: 'IoT Core: connection, certificates, policies',
    proof: 'emulator',
    command: 'npm run test:cloud',
    files: ['test/cloud/strangers.test.ts', 'test/cloud/failures-certificates.test.ts'],
    gap: 'policies are enforced by the emulator as far as our launcher makes it',
  },
  {
    interface: 'IoT Core: limits of a connection',
    proof: 'double',
    command: 'npm test',
    files: ['test/adapters/mqtt/pace.test.ts', 'test/adapters/mqtt/iot-core-uplink.test.ts'],
    gap: 'the emulator has no throttling; size and depth of topics are checked by our launcher',
  },
  {
    interface: 'IoT Core: topic rules, their SQL, Basic Ingest',
    proof: 'emulator',
    command: 'npm run test:cloud',
    files: ['test/cloud/main-job.test.ts'],
    gap: "only functions that the emulator was seen to execute are used; AWS's own rule engine was not asked",
  },
  {
    interface: 'IoT Core: registry (provision)',
    proof: 'emulator',
    command: 'npm run test:cloud',
    files: ['test/cloud/main-job.test.ts'],
    gap: '',
  },
  {
    interface: 'SQS, Lambda event sources',
    proof: 'emulator',
    command: 'npm run test:cloud',
    files: ['test/cloud/faults/bulk-exits.test.ts', 'test/cloud/failures-queue.test.ts'],
    gap: 'functions run on Node 20 on x64 there, not on Node 24 on arm64; memory is not limited; no throttling',
  },
  {
    interface: 'S3 and DynamoDB as the store of record',
    proof: 'emulator',
    command: 'npm run test:cloud',
    files: ['test/cloud/contracts.test.ts'],
    gap: 'the emulator serialises transactions: conflicts are injected',
  },
  {
    interface: 'S3 and DynamoDB that refuse, delay, conflict and die',
    proof: 'double',
    command: 'npm run test:simulator',
    files: ['simulator/cloud-far-side.ts', 'test/adapters/aws/store-interruptions.test.ts'],
    gap: '',
  },
  {
    interface: 'Athena SQL over the cold tables',
    proof: 'emulator',
    command: 'npm run test:cloud',
    files: ['test/cloud/main-job.test.ts'],
    gap: 'the emulator is DuckDB with Athena names; grammar of the shipped queries is checked with a Trino parser',
  },
  {
    interface: 'Athena: partition projection',
    proof: 'double',
    command: 'npm run test:cloud',
    files: ['core/partition-projection.ts', 'test/cloud/main-job.test.ts'],
    gap: 'our own evaluator of the rules that AWS documents; the emulator ignores them',
  },
  {
    interface: 'SNS, CloudWatch metrics and alarms, Scheduler',
    proof: 'emulator',
    command: 'npm run test:cloud',
    files: ['test/cloud/failures-derived.test.ts', 'test/cloud/main-job.test.ts'],
    gap: 'metric filters count nothing there; schedules are started by hand',
  },
  {
    interface: 'KMS encryption',
    proof: 'static',
    command: 'npm test',
    files: ['test/lib/data-is-safe.test.ts'],
    gap: 'keys are accepted by the emulator, and nothing is encrypted with them',
  },
  {
    interface: 'IAM roles and policies',
    proof: 'static',
    command: 'npm test',
    files: ['test/lib/roles.test.ts', 'test/lib/least-privilege.test.ts'],
    gap: 'the emulator does not enforce them',
  },
  {
    interface: 'IAM: calls that functions made, against their rights',
    proof: 'double',
    command: 'npm run test:cloud',
    files: ['test/cloud/rights.test.ts'],
    gap: 'our own reading of the policies; conditions such as kms:ViaService were not evaluated by AWS',
  },
  {
    interface: 'CloudFormation through the CDK CLI',
    proof: 'emulator',
    command: 'npm run test:cloud',
    files: ['test/cloud/deployment.test.ts'],
    gap: 'the CLI is real; some resource types are only accepted: the launcher lists them',
  },
  {
    interface: 'CloudFormation: validity of the templates',
    proof: 'static',
    command: 'npm run test:faults',
    files: ['test/faults/validated-synth.test.ts'],
    gap: "the CDK's own validation and cdk-nag",
  },
  {
    interface: 'CloudFormation: cfn-lint over the templates of all fleets',
    proof: 'static',
    command: 'npm run test:cloud',
    files: ['test/cloud/template-lint.test.ts'],
    gap: 'rules of the pinned release',
  },
];

/** The table, sorted as it stands. */
export function evidenceTable(): string {
  return [
    '| Interface | Proven against | By | What this does not show |',
    '|---|---|---|---|',
    ...EVIDENCE.map(
      ({ interface: name, proof, command, files, gap }) =>
        `| ${name} | ${PROOFS[proof]} | \`${command}\`: ${files.map((file) => `[${file}](../${file})`).join(', ')} | ${gap} |`,
    ),
    '',
  ].join('\n');
}
