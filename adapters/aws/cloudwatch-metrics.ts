import { type CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';

/** Limit of PutMetricData. */
const MAX_POINTS_AT_ONCE = 1_000;

/** One value of a metric, counted. Each combination of dimensions is a metric of its own, and is billed as one. */
export interface MetricPoint {
  name: string;
  value: number;
  dimensions: Readonly<Record<string, string>>;
}

/** Puts points into one namespace. */
export const createCloudWatchMetrics =
  (client: CloudWatchClient, namespace: string) =>
  async (points: readonly MetricPoint[], atMs: number): Promise<void> => {
    for (let at = 0; at < points.length; at += MAX_POINTS_AT_ONCE) {
      const MetricData = points.slice(at, at + MAX_POINTS_AT_ONCE).map(({ name, value, dimensions }) => ({
        MetricName: name,
        Value: value,
        Unit: 'Count' as const,
        Timestamp: new Date(atMs),
        Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
      }));
      await client.send(new PutMetricDataCommand({ Namespace: namespace, MetricData }));
    }
  };
