import type { SourceConfig } from '../../core/fleet.ts';
import type { SourcePlan } from '../../core/node-plan.ts';
import type { Clock, Logger, Source } from '../../core/ports.ts';
import { createLinuxMetrics } from './linux-metrics.ts';
import { createPortableMetrics, createTemperature } from './portable-metrics.ts';
import { SYSTEM_STREAMS, type SystemMetrics, type SystemStream } from './system-metrics.ts';
import { latestTick, nextTick } from './wait.ts';

/** How samples are taken; replaced in tests. @default this machine */
export interface SystemProbes {
  metrics: SystemMetrics;
  /** °C, undefined = no reading this time. */
  temperature: (nowMs: number) => Promise<number | undefined>;
}

/**
 * The machine that the node runs on, as one device. A sample that cannot be taken is logged and gives no readings; so
 * do streams that this machine does not know.
 */
export function createSystemSource(
  plan: SourcePlan & { config: Extract<SourceConfig, { type: 'system' }> },
  ports: { clock: Clock; logger: Logger },
  probes: SystemProbes = thisMachine(),
): Source {
  const { clock, logger } = ports;
  const everyMs = plan.config.every;
  const device = plan.devices[0]!;
  const streams = plan.streams.map(({ name }) => name).filter(isSystemStream);
  const wantsTemperature = streams.includes('cpu-temperature');

  const sample = async (): Promise<{ stream: SystemStream; value: number }[]> => {
    const nowMs = clock.monotonicMs();
    const values = await probes.metrics(nowMs);
    const temperature = wantsTemperature ? await probes.temperature(nowMs) : undefined;
    const all = temperature === undefined ? values : { ...values, 'cpu-temperature': temperature };
    return streams.flatMap((stream) => {
      const value = all[stream];
      return value !== undefined && Number.isFinite(value) ? [{ stream, value }] : [];
    });
  };

  return {
    canWait: false,
    run: async (sink, position, signal) => {
      if (position !== undefined) {
        logger.warn({ source: plan.name, position }, 'source: last position is of another type; not used');
      }
      const unknown = plan.streams.map(({ name }) => name).filter((name) => !isSystemStream(name));
      if (unknown.length > 0) {
        logger.warn(
          { source: plan.name, unknown, known: SYSTEM_STREAMS },
          'system source: streams that it does not know',
        );
      }
      let failing = false;
      for (
        let tick = latestTick(clock, everyMs);
        !signal.aborted;
        tick = await nextTick(clock, everyMs, tick, signal)
      ) {
        const values = await sample().catch((error: unknown) => {
          // Every tick would say the same.
          if (!failing) logger.error({ source: plan.name, error: String(error) }, 'system source: no sample');
          return undefined;
        });
        failing = values === undefined;
        if (!values || values.length === 0 || signal.aborted) continue;
        await sink.offer({ readings: values.map(({ stream, value }) => ({ device, stream, value })) });
      }
    },
  };
}

const isSystemStream = (name: string): name is SystemStream => SYSTEM_STREAMS.some((stream) => stream === name);

const thisMachine = (): SystemProbes => ({
  metrics: process.platform === 'linux' ? createLinuxMetrics() : createPortableMetrics(),
  temperature: createTemperature(),
});
