import * as z from 'zod';
import { bounded } from '../bounded.ts';
import { durationScalar as duration } from '../scalars.ts';
import { MAX_ARRAY_SAMPLES } from '../value.ts';

/** Mean times of the models divide: zero would make no sense. */
const meanTime = bounded(duration, (ms) => ms >= 1_000, 'at least 1s');
const wording = z.string().min(1).max(200);

const analogModel = z
  .strictObject({
    shape: z.literal('analog'),
    base: z.number().describe('The value around which the signal moves.'),
    daily: z.number().min(0).default(0).describe('Amplitude of the daily cycle, in the unit of the stream.'),
    noise: z.number().min(0).default(0).describe('Standard deviation of the measuring noise.'),
    drift: z.number().min(0).default(0).describe('Amplitude of the slow drift over days.'),
    step: z.number().min(0).default(0).describe('Size of the steps between operating points.'),
    stepEvery: meanTime.prefault('1h').describe('Mean time between steps.'),
    faultEvery: meanTime.optional().describe('Mean time between faults: spikes, stuck values, drop-outs.'),
    decimals: z.int().min(0).max(9).default(2).describe('Decimals that the instrument reports.'),
    minimum: z.number().optional().describe('The instrument shows nothing below this.'),
  })
  .describe('A measured quantity: operating point, daily cycle, drift, noise, faults.');
const statesModel = z
  .strictObject({
    shape: z.literal('states'),
    states: z.array(z.string().min(1).max(64)).min(2).max(32).describe('The states, the usual one first.'),
    dwell: meanTime.prefault('10m').describe('Mean time in a state.'),
  })
  .describe('A machine state (text).');
const switchModel = z
  .strictObject({
    shape: z.literal('switch'),
    dwell: meanTime.prefault('10m').describe('Mean time in a position.'),
    onShare: z
      .number()
      .min(0.001)
      .max(0.999)
      .default(0.5)
      .describe('Share of the time that it is on: 0.01 for an alarm. Default: 0.5.'),
  })
  .describe('On or off (boolean).');
const waveformModel = z
  .strictObject({
    shape: z.literal('waveform'),
    samples: z.int().min(16).max(MAX_ARRAY_SAMPLES).default(1_024).describe('Samples of a window. Default: 1024.'),
    rate: z.number().positive().max(1e6).default(4_096).describe('Samples a second. Default: 4096.'),
    hertz: z
      .number()
      .positive()
      .max(1e5)
      .default(25)
      .describe('The fundamental, such as a shaft that turns. Default: 25.'),
    amplitude: z.number().positive().default(1).describe('Of the fundamental, in the unit of the stream. Default: 1.'),
    noise: z.number().min(0).default(0.05).describe('Standard deviation of the measuring noise. Default: 0.05.'),
    decimals: z.int().min(0).max(9).default(3).describe('Decimals that the instrument reports. Default: 3.'),
    windowEvery: meanTime.prefault('10m').describe('Time between two windows. Default: 10m.'),
  })
  .describe('Windows of a vibration (array): a fundamental, its harmonics, noise.');
const logModel = z
  .strictObject({
    shape: z.literal('log'),
    lines: z
      .array(wording)
      .min(1)
      .max(64)
      .describe('What the lines say; `{}` stands for a number from 0 to 999, drawn anew each time.'),
    lineEvery: meanTime.prefault('1m').describe('Mean time between two lines. Default: 1m.'),
  })
  .describe('Log lines, one now and then (log).');
const eventsModel = z
  .strictObject({
    shape: z.literal('events'),
    events: z.array(wording).min(1).max(64).describe('Names of events.'),
    eventEvery: meanTime.prefault('5m').describe('Mean time between two events. Default: 5m.'),
  })
  .describe('Events with name, severity and duration, one now and then (json).');

/** The `simulate:` of a stream. */
export const simulateModel = z.discriminatedUnion('shape', [
  analogModel,
  statesModel,
  switchModel,
  waveformModel,
  logModel,
  eventsModel,
]);
export type SimulateModel = z.output<typeof simulateModel>;

/** Mean time between two readings of a model that has one only now and then, ms; 0 = it has one at every tick. */
export function meanIntervalMs(model: SimulateModel | undefined): number {
  switch (model?.shape) {
    case 'waveform':
      return model.windowEvery;
    case 'log':
      return model.lineEvery;
    case 'events':
      return model.eventEvery;
    default:
      return 0;
  }
}
