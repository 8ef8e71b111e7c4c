import { bytes } from '../bytes.ts';
import { cloud } from '../cloud.ts';
import { deploy } from '../deploy.ts';
import { drain } from '../drain.ts';
import { filter } from '../filter.ts';
import { journal } from '../journal.ts';
import { loss } from '../loss.ts';
import { mainJob } from '../main-job.ts';
import { memoryStart } from '../memory-start.ts';
import { nats } from '../nats.ts';
import { planner } from '../planner.ts';
import type { Claim } from './section.ts';

/** All claims, in the order of the document. A new claim is one file in bench/ and one line here. */
export const CLAIMS: readonly Claim[] = [
  mainJob,
  bytes,
  memoryStart,
  journal,
  nats,
  loss,
  drain,
  planner,
  filter,
  cloud,
  deploy,
];
