/** One bucket, as the logic sees it: S3 in the cloud, memory in tests and in the simulator. Whatever fails throws. */
export interface ObjectStore {
  put(key: string, body: Uint8Array): Promise<void>;
  /** undefined = there is no such object. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Within the bucket; replaces what is there. */
  copy(from: string, to: string): Promise<'copied' | 'missing'>;
  /** Deleting what is not there does nothing. */
  delete(keys: readonly string[]): Promise<void>;
  /** In the order of the keys, from the first one after `after`. */
  list(prefix: string, after?: string): AsyncIterable<StoredObject>;
}

export interface StoredObject {
  key: string;
  bytes: number;
  /** ms since 1970, by the store's clock. */
  modifiedMs: number;
}
