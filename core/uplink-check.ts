import type { Fleet } from './fleet.ts';
import type { FleetProblem } from './fleet-problem.ts';
import { planUplinks, type UplinkPlan } from './node-plan.ts';

/** Beyond the window in which the cloud collects messages: queue, function and the way back. */
const ANSWER_MARGIN_MS = 60_000;

/** What is wrong with the list of uplinks: two of one name, two ways to one place, patience shorter than an answer takes. */
export function checkUplinks(fleet: Fleet): FleetProblem[] {
  const plans = planUplinks(fleet);
  const problems = [...doubled(plans, 'name', ({ name }) => name), ...doubled(plans, 'place to deliver to', placeOf)];
  const needed = fleet.cloud.bulkWindow + ANSWER_MARGIN_MS;
  if (plans.length > 1 && plans.some(({ type }) => type === 'iot-core') && fleet.failover.silentFor < needed) {
    const message = `${seconds(fleet.failover.silentFor)}, allowed at least ${seconds(needed)}: the cloud collects messages for ${seconds(fleet.cloud.bulkWindow)} (cloud.bulkWindow) before it answers`;
    problems.push({ path: ['failover', 'silentFor'], message });
  }
  return problems;
}

function doubled(plans: readonly UplinkPlan[], what: string, key: (plan: UplinkPlan) => string): FleetProblem[] {
  return plans.flatMap((plan, at) => {
    const first = plans.findIndex((other) => key(other) === key(plan));
    if (first === at) return [];
    return [
      { path: ['uplink', at], message: `the same ${what} as uplink ${first + 1}, ${key(plan)}; each must differ` },
    ];
  });
}

const placeOf = (plan: UplinkPlan): string =>
  plan.type === 'hub'
    ? `the hub at ${plan.host}:${plan.port}`
    : `IoT Core at ${plan.endpoint ?? "the account's endpoint"}`;

const seconds = (ms: number): string => `${ms / 1_000}s`;
