import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, expect, test } from '@jest/globals';
import { clientOptions } from '../../../adapters/aws/client-options.ts';
import { createS3Objects } from '../../../adapters/aws/s3-objects.ts';
import { type CannedAnswer, type SeenRequest, startFakeService } from '../../helpers/fake-service.ts';

const KEY = 'landing/dt=2025-01-01/batch-1.parquet';
const xml = (body: string, status = 200): CannedAnswer => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: `<?xml version="1.0" encoding="UTF-8"?>${body}`,
});
const failure = (code: string, status: number) =>
  xml(`<Error><Code>${code}</Code><Message>no</Message></Error>`, status);

const opened: { close: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function setUp(answer: (request: SeenRequest, number: number) => CannedAnswer | 'silence', over = {}) {
  const service = await startFakeService(answer);
  const client = new S3Client({ ...clientOptions(), ...service.options, ...over });
  opened.push({
    close: async () => {
      client.destroy();
      await service.close();
    },
  });
  return { objects: createS3Objects(client, 'cold'), requests: service.requests };
}

test('puts the bytes under their key', async () => {
  const { objects, requests } = await setUp(() => ({}));
  await objects.put(KEY, Uint8Array.of(0, 255, 7));
  expect(requests).toHaveLength(1);
  expect(requests[0]!.method).toBe('PUT');
  expect(decodeURIComponent(requests[0]!.url)).toContain(`/cold/${KEY}?`);
  expect([...requests[0]!.body]).toEqual([0, 255, 7]);
});

test('gets bytes, undefined for what is not there, and throws for the rest', async () => {
  const answers = [
    { body: Uint8Array.of(1, 2, 3) },
    failure('NoSuchKey', 404),
    failure('AccessDenied', 403),
    failure('NoSuchBucket', 404),
  ];
  const { objects } = await setUp((_, number) => answers[number - 1]!);
  expect(await objects.get(KEY)).toEqual(Uint8Array.of(1, 2, 3));
  expect(await objects.get(KEY)).toBeUndefined();
  await expect(objects.get(KEY)).rejects.toThrow();
  await expect(objects.get(KEY)).rejects.toThrow();
});

test('copies within the bucket; a missing source is a value', async () => {
  const copied = xml('<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>');
  // An error can come with status 200: the copy begins to answer before it is done.
  const answers = [copied, failure('NoSuchKey', 404), failure('AccessDenied', 403), failure('SlowDown', 200)];
  const { objects, requests } = await setUp((_, number) => answers[number - 1]!, { maxAttempts: 1 });
  expect(await objects.copy('staging/b/dt=2025-01-01.parquet', KEY)).toBe('copied');
  expect(requests[0]!.headers['x-amz-copy-source']).toBe('cold/staging/b/dt%3D2025-01-01.parquet');
  expect(await objects.copy('gone', KEY)).toBe('missing');
  await expect(objects.copy('denied', KEY)).rejects.toThrow();
  await expect(objects.copy('slow', KEY)).rejects.toThrow();
});

test('deletes a thousand at a time, and says what was not deleted', async () => {
  const { objects, requests } = await setUp((_, number) =>
    xml(
      number < 3
        ? '<DeleteResult/>'
        : '<DeleteResult><Error><Key>staging/x</Key><Code>InternalError</Code></Error></DeleteResult>',
    ),
  );
  await objects.delete(Array.from({ length: 1_001 }, (_, at) => `staging/${at}`));
  expect(requests.map(({ body }) => body.toString().split('<Key>').length - 1)).toEqual([1_000, 1]);
  await objects.delete([]);
  expect(requests).toHaveLength(2);
  await expect(objects.delete(['staging/x'])).rejects.toThrow(
    '1 objects not deleted, the first: staging/x, InternalError',
  );
});

test('lists page by page, from a key on', async () => {
  const page = (keys: string[], next?: string) =>
    xml(
      `<ListBucketResult>${next ? `<IsTruncated>true</IsTruncated><NextContinuationToken>${next}</NextContinuationToken>` : ''}${keys
        .map(
          (key) =>
            `<Contents><Key>${key}</Key><Size>7</Size><LastModified>2025-01-01T00:00:00.000Z</LastModified></Contents>`,
        )
        .join('')}</ListBucketResult>`,
    );
  const { objects, requests } = await setUp((_, number) =>
    number === 1 ? page(['p/2', 'p/3'], 'more') : page(['p/4']),
  );
  const found = [];
  for await (const object of objects.list('p/', 'p/1')) found.push(object);
  expect(found.map(({ key }) => key)).toEqual(['p/2', 'p/3', 'p/4']);
  expect(found[0]).toEqual({ key: 'p/2', bytes: 7, modifiedMs: Date.UTC(2025, 0, 1) });
  expect(requests[0]!.url).toContain('prefix=p%2F&start-after=p%2F1');
  expect(requests[1]!.url).toContain('continuation-token=more');
});

test('a service in trouble is asked three times', async () => {
  const { objects, requests } = await setUp((_, number) => (number < 3 ? failure('SlowDown', 503) : {}));
  await objects.put(KEY, Uint8Array.of(1));
  expect(requests).toHaveLength(3);
});

test('a service that never answers is given up', async () => {
  const options = clientOptions();
  const requestHandler = { ...options.requestHandler, requestTimeout: 50, socketTimeout: 0 };
  const { objects } = await setUp(() => 'silence', { requestHandler, maxAttempts: 1 });
  await expect(objects.put(KEY, Uint8Array.of(1))).rejects.toThrow(/timed? ?out/i);
});
