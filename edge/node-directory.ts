import { join } from 'node:path';

/** Where a node keeps everything durable within the data directory: journal, quarantine. */
export const nodeDirectory = (data: string, node: string): string => join(data, 'nodes', node);
