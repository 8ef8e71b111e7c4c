import {
  BillingMode,
  CreateTableCommand,
  DeleteTableCommand,
  KeyType,
  ScalarAttributeType,
  ScanCommand,
} from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { openDynamoItems } from '../../../adapters/aws/dynamo-items.ts';
import { createS3Objects } from '../../../adapters/aws/s3-objects.ts';
import type { Attribute, ItemTable } from '../../../core/item-table.ts';
import type { ObjectStore } from '../../../core/object-store.ts';
import { type CloudData, emptyCloud } from '../../helpers/cloud-store.ts';
import type { Clients } from './clients.ts';

/** A bucket and a table of their own in the emulated account. */
export interface Account {
  objects: ObjectStore;
  /** As a new process opens it. */
  openTable(): Promise<ItemTable>;
  /** Everything in both, copied into memory, where it can be looked at. */
  contents(): Promise<CloudData>;
  remove(): Promise<void>;
}

let accounts = 0;

export async function createAccount({ s3, dynamo }: Clients): Promise<Account> {
  const name = `contract-${process.pid}-${accounts++}`;
  await s3.send(new CreateBucketCommand({ Bucket: name }));
  await dynamo.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: BillingMode.PAY_PER_REQUEST,
      AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({
        AttributeName,
        AttributeType: ScalarAttributeType.S,
      })),
      KeySchema: [
        { AttributeName: 'pk', KeyType: KeyType.HASH },
        { AttributeName: 'sk', KeyType: KeyType.RANGE },
      ],
    }),
  );
  const objects = createS3Objects(s3, name);
  return {
    objects,
    openTable: () => openDynamoItems(dynamo, name),
    contents: async () => {
      const copy = emptyCloud();
      for await (const { key } of objects.list('')) await copy.objects.put(key, (await objects.get(key))!);
      const { Items = [] } = await dynamo.send(new ScanCommand({ TableName: name, ConsistentRead: true }));
      for (const { pk, sk, ...rest } of Items) {
        const set = Object.entries(rest).map(([attribute, { S, N }]): [string, Attribute] => [
          attribute,
          N === undefined ? S! : Number(N),
        ]);
        await copy.table.write({ key: { pk: pk!.S!, sk: sk!.S! }, set: Object.fromEntries(set) });
      }
      return copy;
    },
    remove: async () => {
      await dynamo.send(new DeleteTableCommand({ TableName: name }));
    },
  };
}
