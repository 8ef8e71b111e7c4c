import { isEnvelope, peekIdentity } from '../core/envelope-codec.ts';
import type { NodeModel } from './node-model.ts';
import type { VirtualLink } from './virtual-network.ts';

/** The link, whose envelopes are counted as they leave the node. */
export function watched(link: VirtualLink, model: NodeModel): VirtualLink {
  const { uplinkOf } = link;
  link.uplinkOf = (life) => {
    const uplink = uplinkOf(life);
    return {
      ...uplink,
      send(traffic, payload) {
        const identity = isEnvelope(payload) ? peekIdentity(payload) : undefined;
        if (identity) model.sent(identity.epoch, identity.lane, identity);
        return uplink.send(traffic, payload);
      },
    };
  };
  return link;
}
