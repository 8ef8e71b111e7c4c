import {
  type DeviceRegistry,
  type RegisteredCertificate,
  RegistryError,
  type Thing,
} from '../../core/device-registry.ts';

export interface MemoryRegistry extends DeviceRegistry {
  things: Map<string, Thing>;
  certificates: Map<string, RegisteredCertificate>;
  /** Thing → names of its groups. */
  memberships: Map<string, Set<string>>;
  /** Thing → ARNs of its certificates. */
  principals: Map<string, Set<string>>;
  /** Certificate's ARN → names of its policies. */
  attached: Map<string, Set<string>>;
  /** Names of the calls that changed something, in order. */
  changes: string[];
  /** Called before each call that changes something: what it throws, the call throws. */
  beforeChange: (call: string) => void;
}

export interface MemoryRegistryConfig {
  policies: readonly string[];
  groups: readonly string[];
  endpoint: string;
  /** Makes the certificate, PEM, and its id. */
  sign: (csr: string) => Promise<{ id: string; pem: string }>;
}

/** A registry of devices in memory, with the rules of IoT Core that matter to who uses it. */
export function createMemoryRegistry(config: MemoryRegistryConfig): MemoryRegistry {
  const { policies, groups } = config;
  const setIn = (map: Map<string, Set<string>>, key: string): Set<string> => {
    const found = map.get(key) ?? new Set();
    map.set(key, found);
    return found;
  };
  const change = (call: string): void => {
    registry.beforeChange(call);
    registry.changes.push(call);
  };
  const need = (what: string, isThere: boolean): void => {
    if (!isThere) throw new RegistryError('not-found', `${what} not found`);
  };
  const registry: MemoryRegistry = {
    things: new Map(),
    certificates: new Map(),
    memberships: new Map(),
    principals: new Map(),
    attached: new Map(),
    changes: [],
    beforeChange: () => {},
    findThing: async (name) => registry.things.get(name),
    listThings: async (fleet) =>
      [...registry.things.values()].filter(
        ({ attributes }) => attributes.fleet !== undefined && attributes.fleet === (fleet ?? attributes.fleet),
      ),
    async createThing(thing) {
      change('createThing');
      registry.things.set(thing.name, thing);
    },
    async setAttributes({ name, attributes }) {
      change('setAttributes');
      const thing = registry.things.get(name);
      need(`thing ${name}`, thing !== undefined);
      registry.things.set(name, { name, attributes: { ...thing?.attributes, ...attributes } });
    },
    groupsOf: async (thing) => [...setIn(registry.memberships, thing)],
    async addToGroup(thing, group) {
      change('addToGroup');
      need(`thing group ${group}`, groups.includes(group));
      setIn(registry.memberships, thing).add(group);
    },
    async removeFromGroup(thing, group) {
      change('removeFromGroup');
      setIn(registry.memberships, thing).delete(group);
    },
    hasPolicy: async (policy) => policies.includes(policy),
    async createCertificate(csr) {
      change('createCertificate');
      const { id, pem } = await config.sign(csr);
      const certificate = { id, arn: `arn:aws:iot:eu-central-1:123456789012:cert/${id}`, pem, status: 'ACTIVE' };
      registry.certificates.set(id, certificate);
      return certificate;
    },
    findCertificate: async (id) => registry.certificates.get(id),
    certificatesOf: async (thing) => [...setIn(registry.principals, thing)],
    policiesOf: async (arn) => [...setIn(registry.attached, arn)],
    async attachPolicy(policy, arn) {
      change('attachPolicy');
      need(`policy ${policy}`, policies.includes(policy));
      setIn(registry.attached, arn).add(policy);
    },
    async detachPolicy(policy, arn) {
      change('detachPolicy');
      setIn(registry.attached, arn).delete(policy);
    },
    async attachToThing(arn, thing) {
      change('attachToThing');
      need(`thing ${thing}`, registry.things.has(thing));
      setIn(registry.principals, thing).add(arn);
    },
    async detachFromThing(arn, thing) {
      change('detachFromThing');
      setIn(registry.principals, thing).delete(arn);
    },
    async revoke(id) {
      change('revoke');
      const certificate = registry.certificates.get(id);
      need(`certificate ${id}`, certificate !== undefined);
      if (certificate) registry.certificates.set(id, { ...certificate, status: 'REVOKED' });
    },
    findEndpoint: async () => config.endpoint,
  };
  return registry;
}
