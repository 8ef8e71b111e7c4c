import { type IoTDataPlaneClient, PublishCommand } from '@aws-sdk/client-iot-data-plane';

/**
 * Publishes to devices, at least once for those that are connected. A lost answer costs one more sending, so nothing is
 * retained.
 */
export const createIotAnswers =
  (client: IoTDataPlaneClient) =>
  async (topic: string, payload: Uint8Array): Promise<void> => {
    await client.send(new PublishCommand({ topic, payload, qos: 1 }));
  };
