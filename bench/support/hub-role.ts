import { type Role, startRole } from './processes.ts';

export interface HubConfig {
  directory: string;
  nodes: readonly string[];
  /** 0 = any free one. */
  mqttPort: number;
}
export interface HubReady {
  mqttPort: number;
  /** Folder of each node's credentials. */
  credentials: Record<string, string>;
}
export interface HubUsage {
  /** All threads, since the process started. */
  cpuUs: number;
  rss: number;
  /** Records in the index, by node. */
  stored: Record<string, number>;
}
export type HubRole = Role<HubReady, HubUsage>;

export const startHubRole = (config: HubConfig): Promise<HubRole> => startRole<HubReady, HubUsage>('hub', config);
