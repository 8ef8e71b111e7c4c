import { type ReadingRefusal, show } from '../reading.ts';
import type { ClientRights, ListenPlan } from './client-rights.ts';
import { matchTopic, parseTopicPattern, type TopicPattern } from './topic-pattern.ts';

/** Where a message belongs, or why it belongs nowhere; a refusal is counted for a group all the same. */
export type Route =
  | { ok: true; plan: ListenPlan; device: string; stream: string | undefined }
  | { ok: false; source: string; reason: ReadingRefusal; detail: string };

/** Finds the group, device and stream of a message by its topic, for the groups of one port. */
export function createRouter(
  plans: readonly ListenPlan[],
  rights: ClientRights,
): (client: string, topic: string) => Route {
  const groups = plans.map((plan) => ({ plan, pattern: patternOf(plan), devices: new Set(plan.devices) }));
  return (client, topic) => {
    const refuse = (reason: ReadingRefusal, detail: string): Route => {
      return { ok: false, source: rights.homeOf(client), reason, detail };
    };
    let device: string | undefined;
    for (const group of groups) {
      const parts = matchTopic(group.pattern, topic);
      if (!parts) continue;
      device ??= parts.device;
      if (group.devices.has(parts.device) && rights.mayPublishFor(client, parts.device)) {
        return { ok: true, plan: group.plan, ...parts };
      }
    }
    const named = device;
    if (named !== undefined && !rights.mayPublishFor(client, named)) {
      return refuse('not-its-own', `topic ${show(topic)}: ${client} may not publish for it`);
    }
    if (named !== undefined && !groups.some(({ devices }) => devices.has(named))) {
      return refuse('unknown-device', `topic ${show(topic)} of ${client}: no such device on this port`);
    }
    const allowed = [...new Set(plans.map(({ config }) => config.topic))].join(', ');
    return refuse('unknown-topic', `topic ${show(topic)} of ${client}, expected ${allowed}`);
  };
}

/** The fleet file was checked. */
function patternOf({ config }: ListenPlan): TopicPattern {
  const parsed = parseTopicPattern(config.topic);
  if (!parsed.ok) throw new Error(`topic ${config.topic}: ${parsed.detail}`);
  return parsed.pattern;
}
