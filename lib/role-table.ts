/**
 * Who may do what in an account, and why. Nothing is made from this table: it is what we mean, and a test compares it
 * with the templates in both directions. Resources are named by their construct's path; docs/security.md shows it.
 */
export interface RoleRow {
  who: readonly string[];
  actions: readonly string[];
  on: readonly string[];
  /** The condition that must hold, as IAM names it. @default none */
  only?: string;
  why: string;
}

const INGEST = ['Ingest/Critical/Ingest/Role', 'Ingest/Bulk/Ingest/Role'];
const AGGREGATE = ['Ingest/Summaries/Aggregate/Role'];
const SWEEP = ['Ingest/Sweeping/Sweep/Role'];
const COMPARE = ['Ingest/Comparing/Compare/Role'];
const RULES = ['Ingest/Critical/Rule/Role', 'Ingest/Bulk/Rule/Role'];
const NODE = ['Foundation/Node/Policy'];

const DATA_KEY = ['Foundation/Keys/Data'];
const through = (service: string): string => `kms:ViaService ${service}.{region}.amazonaws.com`;
const READ_ITEMS = ['dynamodb:BatchGetItem', 'dynamodb:DescribeTable', 'dynamodb:Query'];
const RECEIVE = ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'];

export const ROLE_TABLE: readonly RoleRow[] = [
  // A plain node, whose name follows from its certificate
  {
    who: NODE,
    actions: ['iot:Connect'],
    on: ['iot:client/{own name}'],
    only: 'iot:Connection.Thing.IsAttached true',
    why: 'A node connects under the name that its certificate is attached to, and no other.',
  },
  {
    who: NODE,
    actions: ['iot:Publish'],
    on: [
      'iot:topic/$aws/rules/headwater_{fleet}_critical/headwater/{own name}/critical',
      'iot:topic/$aws/rules/headwater_{fleet}_bulk/headwater/{own name}/bulk',
    ],
    why: 'It delivers its envelopes and questions, straight into the rules: no other client can listen there.',
  },
  {
    who: NODE,
    actions: ['iot:Subscribe'],
    on: ['iot:topicfilter/headwater/{own name}/answer'],
    why: 'It asks for its own answers; wildcards match nothing here.',
  },
  { who: NODE, actions: ['iot:Receive'], on: ['iot:topic/headwater/{own name}/answer'], why: 'It hears them.' },

  // Topic rules
  {
    who: ['Ingest/Critical/Rule/Role'],
    actions: ['sqs:SendMessage'],
    on: ['Ingest/Critical/Messages/Queue'],
    why: 'The rule hands messages over.',
  },
  {
    who: ['Ingest/Bulk/Rule/Role'],
    actions: ['sqs:SendMessage'],
    on: ['Ingest/Bulk/Messages/Queue'],
    why: 'The rule hands messages over.',
  },
  {
    who: RULES,
    actions: ['sqs:SendMessage'],
    on: ['Ingest/RuleErrors/Queue'],
    why: 'What a rule could not hand over is kept.',
  },
  {
    who: RULES,
    actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
    on: DATA_KEY,
    only: through('sqs'),
    why: 'The queues are encrypted.',
  },

  // Ingest
  {
    who: ['Ingest/Critical/Ingest/Role'],
    actions: RECEIVE,
    on: ['Ingest/Critical/Messages/Queue'],
    why: 'Lambda feeds the function in its name.',
  },
  {
    who: ['Ingest/Bulk/Ingest/Role'],
    actions: RECEIVE,
    on: ['Ingest/Bulk/Messages/Queue'],
    why: 'Lambda feeds the function in its name.',
  },
  {
    who: INGEST,
    actions: ['s3:PutObject'],
    on: ['Storage/Cold/staging/*'],
    why: 'It stages records before the index knows them.',
  },
  {
    who: INGEST,
    actions: ['s3:PutObject'],
    on: ['Storage/Cold/landing/*', 'Storage/Cold/aside/*'],
    why: 'Records land; what can never be taken is kept aside. It can read neither.',
  },
  {
    who: [...INGEST, ...SWEEP],
    actions: ['s3:GetObject'],
    on: ['Storage/Cold/staging/*'],
    why: 'A copy from staging to landing reads.',
  },
  {
    who: [...INGEST, ...SWEEP],
    actions: ['s3:DeleteObject'],
    on: ['Storage/Cold/staging/*', 'Storage/Cold/landing/*'],
    why: 'What landed leaves staging; a batch that lost an object is taken back before it counts. The bucket keeps versions, and none of them can be deleted.',
  },
  {
    who: INGEST,
    actions: ['s3:ListBucket'],
    on: ['Storage/Cold'],
    only: 's3:prefix staging/*',
    why: 'Without it a missing staged object looks like a missing right.',
  },
  {
    who: [...INGEST, ...SWEEP],
    actions: [...READ_ITEMS, 'dynamodb:DeleteItem', 'dynamodb:UpdateItem'],
    on: ['Storage/Index/Table'],
    why: 'The index, batch records and counters, changed in transactions; the id of the table names the store.',
  },
  {
    who: [...INGEST, ...SWEEP],
    actions: ['sqs:SendMessage'],
    on: ['Ingest/Summaries/Landed/Queue'],
    why: 'Landed objects are told to aggregate.',
  },
  {
    who: INGEST,
    actions: ['iot:Publish'],
    on: ['iot:topic/headwater/*/answer'],
    why: 'It answers whichever node sent the message; nodes come and go without a deployment.',
  },
  {
    who: ['Ingest/Critical/Ingest/Role'],
    actions: ['sns:Publish'],
    on: ['Ingest/CriticalRecords/Topic'],
    why: 'Critical records are told once they are stored.',
  },
  {
    who: ['Ingest/Critical/Ingest/Role'],
    actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
    on: DATA_KEY,
    only: through('sns'),
    why: 'The topic is encrypted.',
  },
  {
    who: [...INGEST, ...SWEEP],
    actions: [
      'kms:Decrypt',
      'kms:DescribeKey',
      'kms:Encrypt',
      'kms:GenerateDataKey',
      'kms:ReEncryptFrom',
      'kms:ReEncryptTo',
    ],
    on: DATA_KEY,
    only: through('dynamodb'),
    why: 'The table is encrypted.',
  },
  {
    who: [...INGEST, ...SWEEP],
    actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
    on: DATA_KEY,
    only: through('sqs'),
    why: 'The queues are encrypted.',
  },
  {
    who: [...INGEST, ...SWEEP, ...AGGREGATE],
    actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
    on: DATA_KEY,
    only: through('s3'),
    why: 'The bucket is encrypted, and a copy reads and writes.',
  },

  // Aggregate
  {
    who: AGGREGATE,
    actions: RECEIVE,
    on: ['Ingest/Summaries/Landed/Queue'],
    why: 'Lambda feeds the function in its name.',
  },
  { who: AGGREGATE, actions: ['kms:Decrypt'], on: DATA_KEY, only: through('sqs'), why: 'The queue is encrypted.' },
  { who: AGGREGATE, actions: ['s3:GetObject'], on: ['Storage/Cold/landing/*'], why: 'It reads what landed.' },
  { who: AGGREGATE, actions: ['s3:PutObject'], on: ['Storage/Cold/partials/*'], why: 'It writes summaries.' },
  {
    who: AGGREGATE,
    actions: ['s3:ListBucket'],
    on: ['Storage/Cold'],
    only: 's3:prefix landing/*',
    why: 'Without it an object that is gone looks like a missing right.',
  },

  // Sweep
  {
    who: SWEEP,
    actions: ['s3:PutObject'],
    on: ['Storage/Cold/landing/*'],
    why: 'It lands batches that were cut off after they were staged.',
  },
  {
    who: SWEEP,
    actions: ['s3:ListBucket'],
    on: ['Storage/Cold'],
    only: 's3:prefix staging/* or landing/* or partials/*',
    why: 'It looks for landed objects without a summary.',
  },

  // Compare
  { who: COMPARE, actions: READ_ITEMS, on: ['Storage/Index/Table'], why: 'It reads counters, index and statements.' },
  {
    who: COMPARE,
    actions: ['kms:Decrypt', 'kms:DescribeKey'],
    on: DATA_KEY,
    only: through('dynamodb'),
    why: 'The table is encrypted.',
  },
  {
    who: COMPARE,
    actions: ['cloudwatch:PutMetricData'],
    on: ['*'],
    only: 'cloudwatch:namespace Headwater/{fleet}',
    why: 'It reports differences. The action knows no resources; the namespace is the bound.',
  },

  // Each function its own log, each schedule its own function
  ...[...INGEST, ...AGGREGATE, ...SWEEP, ...COMPARE].map((role) => ({
    who: [role],
    actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    on: [role.replace(/Role$/, 'Log')],
    why: 'It writes its own log.',
  })),
  {
    who: ['Ingest/Sweeping/Hourly/Role'],
    actions: ['lambda:InvokeFunction'],
    on: ['Ingest/Sweeping/Sweep/Function'],
    why: 'The schedule starts the sweep.',
  },
  {
    who: ['Ingest/Comparing/Often/Role'],
    actions: ['lambda:InvokeFunction'],
    on: ['Ingest/Comparing/Compare/Function'],
    why: 'The schedule starts the comparison.',
  },

  // Services and the account
  {
    who: ['logs.{region}.amazonaws.com'],
    actions: ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
    on: ['Foundation/Keys/Operations'],
    only: 'kms:EncryptionContext:aws:logs:arn logs:log-group:*',
    why: 'CloudWatch Logs encrypts the logs of this account; it cannot use the data key.',
  },
  {
    who: ['cloudwatch.amazonaws.com'],
    actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
    on: ['Foundation/Keys/Operations'],
    only: 'aws:SourceAccount {account}',
    why: 'Alarms of this account speak through an encrypted topic.',
  },
  {
    who: ['cloudwatch.amazonaws.com'],
    actions: ['sns:Publish'],
    on: ['Ingest/Alarms/Topic'],
    only: 'aws:SourceAccount {account}',
    why: 'Alarms of this account are told.',
  },
  {
    who: ['iam:root of the account'],
    actions: ['kms:*'],
    on: ['Foundation/Keys/Data', 'Foundation/Keys/Operations'],
    why: "The account's own IAM policies decide who else may use and manage the keys; without this nobody could.",
  },
];
