import { createHash } from 'node:crypto';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { Clients } from './clients.ts';

/** Every key that starts so, in order. */
export async function listKeys({ s3 }: Clients, bucket: string, prefix = ''): Promise<string[]> {
  const keys: string[] = [];
  let next: string | undefined;
  do {
    const page = await s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ...(next && { ContinuationToken: next }) }),
    );
    keys.push(...(page.Contents ?? []).map(({ Key }) => Key!));
    next = page.NextContinuationToken;
  } while (next !== undefined);
  return keys;
}

export async function readObject({ s3 }: Clients, bucket: string, key: string): Promise<Uint8Array> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return await Body!.transformToByteArray();
}

/** SHA-256 of an object's bytes. */
export const digestObject = async (clients: Clients, bucket: string, key: string): Promise<string> =>
  createHash('sha256')
    .update(await readObject(clients, bucket, key))
    .digest('hex');
