import { CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { IoTDataPlaneClient, PublishCommand } from '@aws-sdk/client-iot-data-plane';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { PublishCommand as NotifyCommand, SNSClient } from '@aws-sdk/client-sns';

const { BUCKET, TABLE, TOPIC } = process.env;
const dynamo = new DynamoDBClient();
const s3 = new S3Client();
const iot = new IoTDataPlaneClient({ endpoint: process.env.AWS_ENDPOINT_URL });
const sns = new SNSClient();
const metrics = new CloudWatchClient();

/** One call of each kind that our functions make; a message with a broken payload fails alone. */
export async function handler(event) {
  const batchItemFailures = [];
  for (const { messageId, body, attributes } of event.Records ?? []) {
    const { payload, client } = JSON.parse(body);
    const text = Buffer.from(payload, 'base64').toString();
    if (text === 'fail') {
      batchItemFailures.push({ itemIdentifier: messageId });
      continue;
    }
    if (text.length > 1_000) continue; // one that tests the quota
    await dynamo.send(
      new UpdateItemCommand({
        TableName: TABLE,
        Key: { pk: { S: client }, sk: { S: text } },
        UpdateExpression: 'ADD #count :one',
        ExpressionAttributeNames: { '#count': 'count' },
        ExpressionAttributeValues: { ':one': { N: '1' } },
      }),
    );
    await s3.send(
      new PutObjectCommand({
        Bucket: BUCKET,
        Key: `rows/dt=2026-01-01/${client}-${text}.json`,
        Body: JSON.stringify({ client, text }),
      }),
    );
    await sns.send(new NotifyCommand({ TopicArn: TOPIC, Message: text }));
    await metrics.send(
      new PutMetricDataCommand({ Namespace: 'Smoke', MetricData: [{ MetricName: 'Difference', Value: 1 }] }),
    );
    await iot.send(
      new PublishCommand({
        topic: `smoke/${client}/answer`,
        qos: 1,
        payload: Buffer.from(
          JSON.stringify({
            text,
            receives: attributes.ApproximateReceiveCount,
            environment: Object.keys(process.env).sort(),
          }),
        ),
      }),
    );
  }
  return { batchItemFailures };
}
