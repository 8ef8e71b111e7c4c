import { exitsAtEachCall } from './exits.ts';

await exitsAtEachCall('critical-exits', 0);
