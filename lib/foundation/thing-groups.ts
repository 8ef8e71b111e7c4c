import * as iot from 'aws-cdk-lib/aws-iot';
import { Construct } from 'constructs';
import { fleetGroupNameOf, siteGroupNameOf } from '../../core/cloud-names.ts';
import type { Fleet } from '../../core/fleet.ts';

/**
 * One group for the fleet and one for each site below it. Nodes are registered by `provision`, never by a stack: ten
 * thousand nodes are ten thousand members, not ten thousand resources.
 */
export class ThingGroups extends Construct {
  readonly fleetGroupName: string;

  constructor(scope: Construct, id: string, props: { fleet: Pick<Fleet, 'name' | 'sites'> }) {
    super(scope, id);
    const { name, sites } = props.fleet;
    this.fleetGroupName = fleetGroupNameOf(name);
    const fleetGroup = new iot.CfnThingGroup(this, 'Fleet', {
      thingGroupName: this.fleetGroupName,
      thingGroupProperties: { thingGroupDescription: `Nodes of the fleet ${name}` },
    });
    for (const site of Object.keys(sites)) {
      new iot.CfnThingGroup(this, `Site-${site}`, {
        thingGroupName: siteGroupNameOf(name, site),
        parentGroupName: this.fleetGroupName,
        thingGroupProperties: { thingGroupDescription: `Nodes of the site ${site}` },
      }).addResourceDependency(fleetGroup);
    }
  }
}
