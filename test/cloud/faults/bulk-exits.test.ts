import { exitsAtEachCall } from './exits.ts';

await exitsAtEachCall('bulk-exits', 2);
