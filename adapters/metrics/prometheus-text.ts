import { Counter, Gauge, Registry } from 'prom-client';
import type { MetricFamily } from '../../core/ledger-metrics.ts';

/** Enters the families, all names with the product's prefix. */
export function registerFamilies(registry: Registry, families: readonly MetricFamily[]): void {
  for (const { name, help, type, samples } of families) {
    const labelNames = [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))];
    const config = { name: `headwater_${name}`, help, labelNames, registers: [registry] };
    if (type === 'counter') {
      const counter = new Counter(config);
      for (const { labels, value } of samples) counter.inc(labels, value);
    } else {
      const gauge = new Gauge(config);
      for (const { labels, value } of samples) gauge.set(labels, value);
    }
  }
}

/** Prometheus' text format, from a registry of its own: the totals are in what is shown, there are no others. */
export async function prometheusText(
  families: readonly MetricFamily[],
): Promise<{ contentType: string; body: string }> {
  const registry = new Registry();
  registerFamilies(registry, families);
  return { contentType: registry.contentType, body: await registry.metrics() };
}
