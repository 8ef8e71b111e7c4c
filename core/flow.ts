import type { Lane } from './priority.ts';

/**
 * Every hop, its topic, its producer, its consumer. Topic rights at the hub, and later recipes, IoT policies and
 * topic rules, are made from this table; nothing else spells a topic.
 */
export const FLOW = [
  {
    hop: 'critical',
    topic: 'headwater/{node}/critical',
    from: 'node',
    to: 'far-side',
    carries: 'envelopes of lane critical, questions about it',
  },
  {
    hop: 'bulk',
    topic: 'headwater/{node}/bulk',
    from: 'node',
    to: 'far-side',
    carries: 'all other envelopes and questions',
  },
  {
    hop: 'answer',
    topic: 'headwater/{node}/answer',
    from: 'far-side',
    to: 'node',
    carries: 'acknowledgements, refusals, answers',
  },
] as const;

export type Hop = (typeof FLOW)[number]['hop'];

/** The topic of a hop for one node. */
export const topicOf = (hop: Hop, node: string): string =>
  FLOW.find((row) => row.hop === hop)!.topic.replace('{node}', node);

/** Topics that a node may publish to (`node`) or listen on (`far-side`). */
export const topicsFrom = (sender: 'node' | 'far-side', node: string): string[] =>
  FLOW.filter((row) => row.from === sender).map((row) => topicOf(row.hop, node));

/** The hop that a topic of this node belongs to. */
export const hopOf = (topic: string, node: string): Hop | undefined =>
  FLOW.find((row) => topicOf(row.hop, node) === topic)?.hop;

/** Envelopes and questions travel in one of two classes, each with its own topic (docs/adr/0005-sending.md). */
export type TrafficClass = Exclude<Hop, 'answer'>;
export const trafficClassOf = (lane: Lane): TrafficClass => (lane === 0 ? 'critical' : 'bulk');
