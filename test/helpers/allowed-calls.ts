import type { Right } from './rights.ts';

/** A call to AWS as it went over the wire. The emulator takes any; AWS asks the role. */
export interface AwsCall {
  /** As in the signature: s3, dynamodb, sqs, sns, iotdata, monitoring. */
  service: string;
  operation: string;
  /** With the query; S3's begins with the bucket. */
  path: string;
}

/** What an operation needs where its action is called otherwise. A copy's source is named in a header, not seen here. */
const ACTIONS: Readonly<Record<string, string>> = {
  's3 CopyObject': 's3:PutObject',
  's3 DeleteObjects': 's3:DeleteObject',
  's3 HeadObject': 's3:GetObject',
  's3 ListObjectsV2': 's3:ListBucket',
  'dynamodb TransactWriteItems': 'dynamodb:UpdateItem',
  'iotdata Publish': 'iot:Publish',
  'monitoring PutMetricData': 'cloudwatch:PutMetricData',
};

/** The calls that a role has no right to, as far as a path shows what they are about. */
export function refusedCalls(rights: readonly Right[], role: string, calls: readonly AwsCall[]): AwsCall[] {
  const own = rights.filter(({ who }) => who === role);
  return calls.filter((call) => !own.some((right) => allows(right, call)));
}

function allows({ action, on, only }: Right, call: AwsCall): boolean {
  const { service, operation, path } = call;
  if (action !== (ACTIONS[`${service} ${operation}`] ?? `${service}:${operation}`)) return false;
  const url = new URL(path, 'http://aws');
  const name = decodeURIComponent(url.pathname);
  if (operation === 'ListObjectsV2') {
    const prefix = url.searchParams.get('prefix') ?? '';
    return only
      .replace(/^s3:prefix /, '')
      .split(' or ')
      .some((pattern) => matches(pattern, prefix));
  }
  // The keys of DeleteObjects and what DynamoDB, SQS, SNS and CloudWatch are asked for stand in the body.
  if (operation === 'DeleteObjects') return true;
  if (service === 's3') return matches(on.replace(/^Storage\/Cold\//, ''), name.replace(/^\/[^/]+\//, ''));
  if (service === 'iotdata') return matches(on.replace(/^iot:topic\//, ''), name.replace(/^\/topics\//, ''));
  return true;
}

/** As IAM matches: `*` stands for anything, slashes too. */
const matches = (pattern: string, text: string): boolean =>
  new RegExp(`^${pattern.split('*').map(literal).join('.*')}$`).test(text);
const literal = (text: string): string => text.replace(/[.?+^$()[\]{}|\\]/g, '\\$&');
