import { systemClock } from '../../adapters/embedded/system-clock.ts';
import { startHub } from '../../hub/hub.ts';
import type { HubConfig, HubReady, HubUsage } from '../support/hub-role.ts';
import { warningsOnly } from '../support/logger.ts';
import { playRole, roleConfig } from '../support/processes.ts';
import { benchFleet } from '../support/small-factory.ts';

/** A whole hub in a process of its own. */
const { directory, nodes, mqttPort } = roleConfig<HubConfig>();
const audit = { record: () => undefined };
const hub = await startHub(
  { clock: systemClock, logger: warningsOnly, audit },
  { fleet: benchFleet(nodes), directory, listenOn: '127.0.0.1', mqttPort, httpPort: 0, nodes },
);
const ready: HubReady = {
  mqttPort: hub.mqttPort,
  credentials: Object.fromEntries(nodes.map((node) => [node, hub.credentialsOf(node)])),
};
await playRole<HubUsage>(
  ready,
  async () => {
    const { user, system } = process.cpuUsage();
    const { nodes: statuses } = await hub.status();
    const stored = statuses.map(({ name, stored: lanes }) => [name, Object.values(lanes).reduce((a, b) => a + b, 0)]);
    return { cpuUs: user + system, rss: process.memoryUsage.rss(), stored: Object.fromEntries(stored) };
  },
  () => hub.close(),
);
