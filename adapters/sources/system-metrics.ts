/** What this machine says about itself, by stream name. A value that is not known (yet) is absent. */
export const SYSTEM_STREAMS = [
  'cpu-load',
  'memory-used',
  'disk-used',
  'disk-read',
  'disk-written',
  'network-received',
  'network-sent',
  'cpu-temperature',
  'load-average',
  'uptime',
] as const;
/**
 * cpu-load, memory-used, disk-used: %; disk-read, disk-written, network-received, network-sent: bytes/s since the
 * sample before; cpu-temperature: °C; load-average: runnable tasks over one minute; uptime: s.
 */
export type SystemStream = (typeof SYSTEM_STREAMS)[number];
export type SystemSample = Partial<Record<SystemStream, number>>;

/** Takes a sample; `nowMs` is monotonic, rates are per second of it. */
export type SystemMetrics = (nowMs: number) => Promise<SystemSample>;

/** Time that processors worked and time in all, in any unit, since some moment. */
export interface CpuCounters {
  busy: number;
  total: number;
}

/** Bytes since some moment; NaN = not known. */
export interface TransferCounters {
  atMs: number;
  diskRead: number;
  diskWritten: number;
  networkReceived: number;
  networkSent: number;
}

export function cpuLoad(before: CpuCounters, after: CpuCounters): SystemSample {
  const total = after.total - before.total;
  const busy = after.busy - before.busy;
  return total > 0 && busy >= 0 ? { 'cpu-load': rounded((100 * busy) / total, 1) } : {};
}

/** Rates between two samples; none for a counter that went back, as when a disk or a network card is gone. */
export function transferRates(before: TransferCounters, after: TransferCounters): SystemSample {
  const seconds = (after.atMs - before.atMs) / 1_000;
  const sample: SystemSample = {};
  const rate = (stream: SystemStream, from: number, to: number): void => {
    if (seconds > 0 && to >= from) sample[stream] = rounded((to - from) / seconds, 0);
  };
  rate('disk-read', before.diskRead, after.diskRead);
  rate('disk-written', before.diskWritten, after.diskWritten);
  rate('network-received', before.networkReceived, after.networkReceived);
  rate('network-sent', before.networkSent, after.networkSent);
  return sample;
}

export function rounded(value: number, decimals: number): number {
  const scale = 10 ** decimals;
  return Math.round(value * scale) / scale;
}
