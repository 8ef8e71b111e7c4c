import { setTimeout as pause } from 'node:timers/promises';
import {
  type AttributeValue,
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  QueryCommand,
  type QueryCommandInput,
  TransactionCanceledException,
  TransactionConflictException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import {
  type Attribute,
  type Condition,
  type ItemKey,
  type ItemTable,
  type ItemWrite,
  type KeyedItem,
  MAX_TRANSACTION_ITEMS,
  type SortBounds,
} from '../../core/item-table.ts';

/** Quota of BatchGetItem. */
const MAX_BATCH_KEYS = 100;
const MAX_TRIES = 6;
const FIRST_PAUSE_MS = 25;
/** Why a transaction did not happen that means: read again and plan anew. */
const CONFLICTS: readonly (string | undefined)[] = ['ConditionalCheckFailed', 'TransactionConflict'];

type Attributes = Record<string, AttributeValue>;

/**
 * A DynamoDB table with partition key `pk` and sort key `sk`, both strings.
 *
 * @throws if the table cannot be described
 */
export async function openDynamoItems(client: DynamoDBClient, tableName: string): Promise<ItemTable> {
  const { Table: table } = await client.send(new DescribeTableCommand({ TableName: tableName }));
  if (table?.TableId === undefined) throw new Error(`table ${tableName} has no id: is it being made?`);

  async function getBatch(keys: readonly ItemKey[]): Promise<KeyedItem[]> {
    const found: KeyedItem[] = [];
    let asked = keys.map(attributesOf);
    for (let tries = 0; asked.length > 0; tries++) {
      if (tries === MAX_TRIES)
        throw new Error(`${asked.length} of ${keys.length} items not read in ${MAX_TRIES} tries`);
      if (tries > 0) await pause(FIRST_PAUSE_MS * 2 ** tries);
      const request = { RequestItems: { [tableName]: { Keys: asked, ConsistentRead: true } } };
      const answer = await client.send(new BatchGetItemCommand(request));
      found.push(...(answer.Responses?.[tableName] ?? []).map(itemOf));
      asked = answer.UnprocessedKeys?.[tableName]?.Keys ?? [];
    }
    return found;
  }

  async function* pages(input: Partial<QueryCommandInput>) {
    let start: Attributes | undefined;
    do {
      const page = await client.send(
        new QueryCommand({ TableName: tableName, ConsistentRead: true, ExclusiveStartKey: start, ...input }),
      );
      yield page;
      start = page.LastEvaluatedKey;
    } while (start !== undefined);
  }

  async function write(one: ItemWrite): Promise<'done' | 'conflict'> {
    const { Delete, Update } = transactItem(tableName, one);
    for (let tries = 1; ; tries++) {
      try {
        if (Delete) await client.send(new DeleteItemCommand(Delete));
        else await client.send(new UpdateItemCommand(Update!));
        return 'done';
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return 'conflict';
        // A transaction is on the item right now: that says nothing about the conditions.
        if (!(error instanceof TransactionConflictException) || tries === MAX_TRIES) throw error;
        await pause(FIRST_PAUSE_MS * 2 ** tries);
      }
    }
  }

  return {
    id: table.TableId,
    write,
    get: async (keys) => {
      const distinct = [...new Map(keys.map((key) => [textOf(key), key])).values()];
      const found = new Map<string, KeyedItem>();
      for (let at = 0; at < distinct.length; at += MAX_BATCH_KEYS) {
        for (const item of await getBatch(distinct.slice(at, at + MAX_BATCH_KEYS))) found.set(textOf(item), item);
      }
      return keys.map((key) => found.get(textOf(key)));
    },
    query: async (pk, bounds) => {
      const items: KeyedItem[] = [];
      for await (const page of pages(queryInput(pk, bounds))) {
        items.push(...(page.Items ?? []).map(itemOf));
        if (bounds.limit !== undefined && items.length >= bounds.limit) return items.slice(0, bounds.limit);
      }
      return items;
    },
    count: async (pk, prefix) => {
      let count = 0;
      const input = {
        KeyConditionExpression: '#pk = :pk AND begins_with(#sk, :prefix)',
        ExpressionAttributeNames: { '#pk': 'pk', '#sk': 'sk' },
        ExpressionAttributeValues: { ':pk': { S: pk }, ':prefix': { S: prefix } },
      };
      for await (const page of pages({ ...input, Select: 'COUNT' })) count += page.Count ?? 0;
      return count;
    },
    transact: async (writes) => {
      if (writes.length > MAX_TRANSACTION_ITEMS) {
        throw new RangeError(`transaction of ${writes.length} items, allowed ${MAX_TRANSACTION_ITEMS}`);
      }
      try {
        const items = writes.map((one) => transactItem(tableName, one));
        await client.send(new TransactWriteItemsCommand({ TransactItems: items }));
        return 'done';
      } catch (error) {
        if (error instanceof TransactionCanceledException && onlyConflicts(error)) return 'conflict';
        throw error;
      }
    },
  };
}

/** Every reason is a conflict or nothing: throttling and bad requests are another matter. */
function onlyConflicts({ CancellationReasons: reasons = [] }: TransactionCanceledException): boolean {
  const codes = reasons.map(({ Code }) => Code).filter((code) => code !== undefined && code !== 'None');
  return codes.length > 0 && codes.every((code) => CONFLICTS.includes(code));
}

function transactItem(tableName: string, { key, set = {}, add = {}, delete: gone, when = [] }: ItemWrite) {
  const names = new Map<string, string>();
  const values: Attributes = {};
  const nameOf = (attribute: string): string => {
    const name = `#${attribute}`;
    names.set(name, attribute);
    return name;
  };
  const placeOf = (value: Attribute): string => {
    const name = `:v${Object.keys(values).length}`;
    values[name] = attributeOf(value);
    return name;
  };
  const conditions = when.map((condition) => conditionText(condition, nameOf, placeOf));
  const sets = Object.entries(set).map(([attribute, value]) => `${nameOf(attribute)} = ${placeOf(value)}`);
  const adds = Object.entries(add).map(([attribute, value]) => `${nameOf(attribute)} ${placeOf(value)}`);
  const update = [sets.length > 0 && `SET ${sets.join(', ')}`, adds.length > 0 && `ADD ${adds.join(', ')}`];
  const common = {
    TableName: tableName,
    Key: attributesOf(key),
    ...(conditions.length > 0 && { ConditionExpression: conditions.join(' AND ') }),
    ...(names.size > 0 && { ExpressionAttributeNames: Object.fromEntries(names) }),
    ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
  };
  return gone ? { Delete: common } : { Update: { ...common, UpdateExpression: update.filter(Boolean).join(' ') } };
}

function conditionText(
  condition: Condition,
  nameOf: (attribute: string) => string,
  placeOf: (value: Attribute) => string,
): string {
  const name = nameOf(condition.attribute);
  if (condition.is === 'absent') return `attribute_not_exists(${name})`;
  if (condition.is === 'equal') return `${name} = ${placeOf(condition.value)}`;
  return `(attribute_not_exists(${name}) OR ${name} <= ${placeOf(condition.value)})`;
}

function queryInput(pk: string, { from, to, descending, limit, attributes }: SortBounds): Partial<QueryCommandInput> {
  const bounds = [
    ['>=', ':from', from],
    ['<=', ':to', to],
  ].filter(([, , value]) => value !== undefined) as [string, string, string][];
  // DynamoDB takes one condition on the sort key: two bounds are a BETWEEN.
  const sort =
    bounds.length === 2
      ? ' AND #sk BETWEEN :from AND :to'
      : bounds.map(([sign, name]) => ` AND #sk ${sign} ${name}`).join('');
  const asked = attributes === undefined ? [] : ['pk', 'sk', ...attributes];
  return {
    KeyConditionExpression: `#pk = :pk${sort}`,
    ...(asked.length > 0 && { ProjectionExpression: asked.map((name) => `#${name}`).join(', ') }),
    ExpressionAttributeNames: {
      '#pk': 'pk',
      ...(bounds.length > 0 && { '#sk': 'sk' }),
      ...Object.fromEntries(asked.map((name) => [`#${name}`, name])),
    },
    ExpressionAttributeValues: {
      ':pk': { S: pk },
      ...Object.fromEntries(bounds.map(([, name, value]) => [name, { S: value }])),
    },
    ScanIndexForward: !descending,
    ...(limit !== undefined && { Limit: limit }),
  };
}

const textOf = ({ pk, sk }: ItemKey): string => `${pk}\n${sk}`;
const attributeOf = (value: Attribute): AttributeValue =>
  typeof value === 'number' ? { N: String(value) } : { S: value };
const attributesOf = ({ pk, sk }: ItemKey): Attributes => ({ pk: { S: pk }, sk: { S: sk } });
const itemOf = (attributes: Attributes): KeyedItem =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name,
      value.N === undefined ? (value.S ?? '') : Number(value.N),
    ]),
  ) as KeyedItem;
