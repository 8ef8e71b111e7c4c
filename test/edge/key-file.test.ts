import { expect, test } from '@jest/globals';
import { keyFileOf, type PlainNodeConfig } from '../../edge/plain-node.ts';
import { nodePlan } from '../helpers/edge-node.ts';

const config = (keyDirectory?: string): PlainNodeConfig => {
  const plan = nodePlan([]);
  return {
    plan: { ...plan, journal: { ...plan.journal, keyDirectory } },
    directory: '/var/lib/headwater/nodes/node-1',
    uplinks: [],
    fleetDirectory: '/etc/headwater',
    speed: 1,
  };
};

test.each([
  [undefined, '/var/lib/headwater/nodes/node-1/keys.json'],
  ['/mnt/usb', '/mnt/usb/node-1.keys.json'],
  ['keys', '/etc/headwater/keys/node-1.keys.json'],
  ['../keys', '/etc/keys/node-1.keys.json'],
])('keyDirectory %s: %s, wherever the command was called', (keyDirectory, file) => {
  expect(keyFileOf(config(keyDirectory))).toBe(file);
});
