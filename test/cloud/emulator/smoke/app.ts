import {
  App,
  aws_athena as athena,
  CfnOutput,
  aws_cloudwatch as cloudwatch,
  Duration,
  aws_dynamodb as dynamodb,
  aws_glue as glue,
  aws_iam as iam,
  aws_iot as iot,
  aws_kms as kms,
  aws_lambda as lambda,
  Stack,
  aws_s3 as s3,
  aws_scheduler as scheduler,
  aws_sns as sns,
  aws_lambda_event_sources as sources,
  aws_sqs as sqs,
  aws_sns_subscriptions as subscriptions,
  aws_scheduler_targets as targets,
} from 'aws-cdk-lib';

/** One of each thing that the cloud path is made of, as small as it can be. */
const app = new App();
const stack = new Stack(app, 'Smoke', { env: { account: '123456789012', region: 'eu-west-1' } });
/** Changed by the test of an update. */
const memorySize = Number(app.node.tryGetContext('memory') ?? 128);
const out = (name: string, value: string): CfnOutput => new CfnOutput(stack, `${name}Output`, { value, key: name });

const key = new kms.Key(stack, 'Key', { enableKeyRotation: true });
const bucket = new s3.Bucket(stack, 'Bucket', {
  encryption: s3.BucketEncryption.KMS,
  encryptionKey: key,
  bucketKeyEnabled: true,
  enforceSSL: true,
});
const table = new dynamodb.Table(stack, 'Table', {
  partitionKey: { name: 'pk', type: dynamodb.AttributeType.STRING },
  sortKey: { name: 'sk', type: dynamodb.AttributeType.STRING },
  timeToLiveAttribute: 'expires',
});
const topic = new sns.Topic(stack, 'Topic', { masterKey: key });
const heard = new sqs.Queue(stack, 'Heard');
topic.addSubscription(new subscriptions.SqsSubscription(heard, { rawMessageDelivery: true }));

const deadLetters = new sqs.Queue(stack, 'DeadLetters');
const queue = new sqs.Queue(stack, 'Queue', {
  encryptionMasterKey: key,
  visibilityTimeout: Duration.seconds(10),
  deadLetterQueue: { queue: deadLetters, maxReceiveCount: 3 },
});
const handler = new lambda.Function(stack, 'Function', {
  runtime: lambda.Runtime.NODEJS_24_X,
  architecture: lambda.Architecture.ARM_64,
  handler: 'index.handler',
  code: lambda.Code.fromAsset(app.node.getContext('bundle') as string),
  timeout: Duration.seconds(10),
  memorySize,
  environment: { BUCKET: bucket.bucketName, TABLE: table.tableName, TOPIC: topic.topicArn },
});
handler.addEventSource(
  new sources.SqsEventSource(queue, {
    batchSize: 10,
    maxConcurrency: 2,
    reportBatchItemFailures: true,
  }),
);
const ruleRole = new iam.Role(stack, 'RuleRole', { assumedBy: new iam.ServicePrincipal('iot.amazonaws.com') });
queue.grantSendMessages(ruleRole);
const rule = new iot.CfnTopicRule(stack, 'Rule', {
  topicRulePayload: {
    sql: "SELECT encode(*, 'base64') AS payload, clientid() AS client, topic() AS topic, timestamp() AS at",
    awsIotSqlVersion: '2016-03-23',
    actions: [{ sqs: { queueUrl: queue.queueUrl, roleArn: ruleRole.roleArn, useBase64: false } }],
  },
});
const policy = new iot.CfnPolicy(stack, 'DevicePolicy', {
  policyDocument: {
    Version: '2012-10-17',
    Statement: [
      ['iot:Connect', `client/\${iot:Connection.Thing.ThingName}`],
      ['iot:Publish', `topic/$aws/rules/${rule.ref}/smoke/\${iot:Connection.Thing.ThingName}/*`],
      ['iot:Subscribe', `topicfilter/smoke/\${iot:Connection.Thing.ThingName}/answer`],
      ['iot:Receive', `topic/smoke/\${iot:Connection.Thing.ThingName}/answer`],
    ].map(([action, resource]) => ({
      Effect: 'Allow',
      Action: action,
      Resource: `arn:aws:iot:${stack.region}:${stack.account}:${resource}`,
    })),
  },
});

const database = new glue.CfnDatabase(stack, 'Database', {
  catalogId: stack.account,
  databaseInput: { name: 'smoke' },
});
const rows = new glue.CfnTable(stack, 'Rows', {
  catalogId: stack.account,
  databaseName: 'smoke',
  tableInput: {
    name: 'rows',
    partitionKeys: [{ name: 'dt', type: 'string' }],
    storageDescriptor: {
      location: `s3://${bucket.bucketName}/rows/`,
      columns: ['client', 'text'].map((name) => ({ name, type: 'string' })),
      inputFormat: 'org.apache.hadoop.mapred.TextInputFormat',
      outputFormat: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
      serdeInfo: { serializationLibrary: 'org.openx.data.jsonserde.JsonSerDe' },
    },
  },
});
rows.addResourceDependency(database);
const workGroup = new athena.CfnWorkGroup(stack, 'WorkGroup', {
  name: 'smoke',
  workGroupConfiguration: { resultConfiguration: { outputLocation: `s3://${bucket.bucketName}/results/` } },
});
const query = new athena.CfnNamedQuery(stack, 'Query', {
  database: 'smoke',
  name: 'rows',
  queryString: `SELECT client FROM rows WHERE dt = '2026-01-01' LIMIT ${memorySize}`,
  workGroup: workGroup.name,
});
query.addResourceDependency(workGroup);

const alarm = new cloudwatch.Metric({
  namespace: 'Smoke',
  metricName: 'Difference',
  statistic: 'Sum',
  period: Duration.minutes(1),
});
const difference = alarm.createAlarm(stack, 'Alarm', {
  threshold: 0,
  evaluationPeriods: 1,
  comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
});
new scheduler.Schedule(stack, 'Schedule', {
  schedule: scheduler.ScheduleExpression.rate(Duration.hours(1)),
  target: new targets.LambdaInvoke(handler, { retryAttempts: 0 }),
});

out('Bucket', bucket.bucketName);
out('Table', table.tableName);
out('QueueUrl', queue.queueUrl);
out('DeadLettersUrl', deadLetters.queueUrl);
out('HeardUrl', heard.queueUrl);
out('Function', handler.functionName);
out('Rule', rule.ref);
out('Policy', policy.ref);
out('Alarm', difference.alarmName);
out('Query', query.attrNamedQueryId);
