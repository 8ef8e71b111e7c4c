import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import type { ObjectStore, StoredObject } from '../../core/object-store.ts';

/** Limit of DeleteObjects. */
const MAX_DELETED_AT_ONCE = 1_000;

/** A bucket; encryption is the bucket's own default. Missing objects are told only to who may list the bucket. */
export function createS3Objects(client: S3Client, bucket: string): ObjectStore {
  return {
    put: async (key, body) => {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
    },
    get: async (key) => {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
        if (Body === undefined) throw new Error(`object ${key} came without a body`);
        return await Body.transformToByteArray();
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    copy: async (from, to) => {
      const source = `${bucket}/${from}`.split('/').map(encodeURIComponent).join('/');
      try {
        await client.send(new CopyObjectCommand({ Bucket: bucket, Key: to, CopySource: source }));
        return 'copied';
      } catch (error) {
        if (isMissing(error)) return 'missing';
        throw error;
      }
    },
    delete: async (keys) => {
      for (let at = 0; at < keys.length; at += MAX_DELETED_AT_ONCE) {
        const Objects = keys.slice(at, at + MAX_DELETED_AT_ONCE).map((Key) => ({ Key }));
        const { Errors = [] } = await client.send(
          new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
        );
        const [first] = Errors;
        if (first) throw new Error(`${Errors.length} objects not deleted, the first: ${first.Key}, ${first.Code}`);
      }
    },
    async *list(prefix, after): AsyncGenerator<StoredObject> {
      let next: string | undefined;
      do {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, StartAfter: after, ContinuationToken: next }),
        );
        for (const { Key, Size, LastModified } of page.Contents ?? []) {
          yield { key: Key!, bytes: Size ?? 0, modifiedMs: LastModified?.getTime() ?? 0 };
        }
        next = page.NextContinuationToken;
      } while (next !== undefined);
    },
  };
}

/** CopyObject has no error class of its own for a source that is not there. A missing bucket is another matter. */
const isMissing = (error: unknown): boolean =>
  error instanceof NoSuchKey || (error instanceof S3ServiceException && error.name === 'NoSuchKey');
