import { farSideContract } from '../../contracts/far-side.ts';
import { createMemoryFarSide } from '../../helpers/memory-far-side.ts';

farSideContract('ingest on the store in memory', createMemoryFarSide);
