import { createMemoryUplink } from '../../../adapters/memory/uplink.ts';
import { describeUplink } from '../../contracts/uplink.ts';

describeUplink('memory', async (ingest, node) => {
  const uplink = createMemoryUplink(ingest, node);
  return {
    uplink,
    cut: async () => uplink.setLink(false),
    restore: async () => uplink.setLink(true),
    dispose: () => uplink.close(),
  };
});
