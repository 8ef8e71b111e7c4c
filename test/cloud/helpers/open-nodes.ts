import { afterAll } from '@jest/globals';
import { type CloudNode, type FleetCloud, joinFleet } from './fleet-cloud.ts';

/** The nodes of one test file. */
export interface OpenNodes {
  join(name: string): Promise<CloudNode>;
  /** group-001, then group-002 …: each name is used once. */
  joinNext(group: string): Promise<CloudNode>;
  /** Called after the last test, in this order; the nodes' connections are among them. */
  closing: (() => Promise<void>)[];
}

/** To be called where a test file or a describe begins: what it opens is closed at its end. */
export function openNodes(fleet: FleetCloud): OpenNodes {
  const closing: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const close of closing) await close();
  });
  let numbered = 0;
  const join = async (name: string): Promise<CloudNode> => {
    const node = await joinFleet(fleet, name);
    closing.push(node.device.close);
    return node;
  };
  return { join, joinNext: (group) => join(`${group}-${String(++numbered).padStart(3, '0')}`), closing };
}
