import os from 'node:os';
import {
  cpuLoad,
  rounded,
  type SystemMetrics,
  type SystemSample,
  type TransferCounters,
  transferRates,
} from './system-metrics.ts';

/** Disk, network and temperature cost processes: they are asked this often at most. */
const SLOW_EVERY_MS = 10_000;

/**
 * The CPU's temperature in °C, at most every ten seconds: undefined in between, and where the machine has no such
 * sensor.
 */
export function createTemperature(): (nowMs: number) => Promise<number | undefined> {
  return atMostEvery(SLOW_EVERY_MS, async () => {
    const { main } = await (await import('systeminformation')).cpuTemperature();
    return typeof main === 'number' && Number.isFinite(main) ? rounded(main, 1) : undefined;
  });
}

/** Any machine, by way of the systeminformation package: slower and coarser than reading /proc. */
export function createPortableMetrics(): SystemMetrics {
  let cpuBefore: ReturnType<typeof cpuCounters> | undefined;
  let transfersBefore: TransferCounters | undefined;
  const slow = atMostEvery(SLOW_EVERY_MS, slowSample);
  return async (nowMs) => {
    const cpu = cpuCounters();
    const sample: SystemSample = {
      ...(cpuBefore ? cpuLoad(cpuBefore, cpu) : {}),
      'memory-used': rounded(100 * (1 - os.freemem() / os.totalmem()), 1),
      'load-average': os.loadavg()[0]!,
      uptime: rounded(os.uptime(), 0),
    };
    cpuBefore = cpu;
    const fresh = await slow(nowMs);
    if (!fresh) return sample;
    const rates = transfersBefore ? transferRates(transfersBefore, fresh.transfers) : {};
    transfersBefore = fresh.transfers;
    return { ...sample, ...rates, ...fresh.used };
  };
}

async function slowSample(nowMs: number): Promise<{ used: SystemSample; transfers: TransferCounters }> {
  const { fsSize, fsStats, networkStats } = await import('systeminformation');
  const [sizes, disk, network] = await Promise.all([fsSize(), fsStats(), networkStats('*')]);
  const [root] = sizes;
  return {
    used: root && root.size > 0 ? { 'disk-used': rounded((100 * root.used) / root.size, 1) } : {},
    transfers: {
      atMs: nowMs,
      // Windows has no such counters: NaN gives no rate.
      diskRead: disk?.rx ?? Number.NaN,
      diskWritten: disk?.wx ?? Number.NaN,
      networkReceived: network.reduce((total, one) => total + one.rx_bytes, 0),
      networkSent: network.reduce((total, one) => total + one.tx_bytes, 0),
    },
  };
}

function cpuCounters(): { busy: number; total: number } {
  const times = os.cpus().map(({ times }) => times);
  const idle = times.reduce((total, { idle }) => total + idle, 0);
  const busy = times.reduce((total, { user, nice, sys, irq }) => total + user + nice + sys + irq, 0);
  return { busy, total: busy + idle };
}

/** Asks no more often than this; undefined when it is too early. */
function atMostEvery<T>(
  everyMs: number,
  ask: (nowMs: number) => Promise<T>,
): (nowMs: number) => Promise<T | undefined> {
  let lastMs = Number.NEGATIVE_INFINITY;
  return async (nowMs) => {
    if (nowMs - lastMs < everyMs) return undefined;
    lastMs = nowMs;
    return ask(nowMs);
  };
}
