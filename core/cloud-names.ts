import { type TrafficClass, topicOf } from './flow.ts';

/**
 * Names that device and cloud must spell alike. Devices hold them for years, so they follow from the fleet file alone.
 */

/** IoT rule names know letters, digits and underscores only. */
export const ruleNameOf = (fleet: string, traffic: TrafficClass): string =>
  `headwater_${fleet.replaceAll('-', '_')}_${traffic}`;

/**
 * The Basic Ingest topic: no broker in between, no message charge; the rule sees `topicOf(traffic, node)`.
 * https://docs.aws.amazon.com/iot/latest/developerguide/iot-basic-ingest.html
 */
export const basicIngestTopic = (fleet: string, traffic: TrafficClass, node: string): string =>
  `$aws/rules/${ruleNameOf(fleet, traffic)}/${topicOf(traffic, node)}`;

/** A classic nucleus may connect as `<thing>#2`; names of things hold no `#`. */
export const thingOf = (clientId: string): string => clientId.replace(/#\d+$/, '');

/** CloudFormation takes letters, digits and hyphens. */
export const stackNameOf = (fleet: string, stack: 'Foundation' | 'Storage' | 'Ingest'): string =>
  `Headwater-${fleet.replaceAll('_', '-')}-${stack}`;

/** The IoT policy of the fleet's plain nodes; `provision` attaches it to each certificate. */
export const nodePolicyNameOf = (fleet: string): string => `headwater_${fleet}_node`;

/** Names of fleets and sites hold no colon, so no two groups can be spelled alike. */
export const fleetGroupNameOf = (fleet: string): string => `headwater:${fleet}`;
/** A group below the fleet's; a thing belongs to the group of its site only. */
export const siteGroupNameOf = (fleet: string, site: string): string => `${fleetGroupNameOf(fleet)}:${site}`;

/** The Glue database: lower case, digits and underscores, so that no query needs quotes. */
export const databaseNameOf = (fleet: string): string => `headwater_${fleet.replaceAll('-', '_')}`;
/** The Athena workgroup. */
export const workGroupNameOf = (fleet: string): string => `headwater-${fleet}`;
/** The CloudWatch namespace of what Headwater counts itself. */
export const metricNamespaceOf = (fleet: string): string => `Headwater/${fleet}`;

/** Metric: without dimensions the sum over the fleet; with Node and Priority only where there is a difference. */
export const LEDGER_DIFFERENCE = 'LedgerDifference';
