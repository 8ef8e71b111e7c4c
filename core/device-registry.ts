/** Where the cloud keeps who a device is: things, groups, certificates. IoT Core, or memory in tests. */

export interface Thing {
  name: string;
  attributes: Readonly<Record<string, string>>;
}

export interface RegisteredCertificate {
  id: string;
  /** What policies and things are attached to. */
  arn: string;
  /** ACTIVE is the only one that lets a device in. */
  status: string;
  pem: string;
}

export interface DeviceRegistry {
  findThing(name: string): Promise<Thing | undefined>;
  /** All things whose attribute `fleet` has this value; undefined = whose attribute `fleet` has any. */
  listThings(fleet: string | undefined): Promise<Thing[]>;
  createThing(thing: Thing): Promise<void>;
  /** Replaces the attributes named, keeps the others. */
  setAttributes(thing: Thing): Promise<void>;
  groupsOf(thing: string): Promise<string[]>;
  addToGroup(thing: string, group: string): Promise<void>;
  removeFromGroup(thing: string, group: string): Promise<void>;
  hasPolicy(policy: string): Promise<boolean>;
  /** Active from the start. `csr` is PEM. */
  createCertificate(csr: string): Promise<RegisteredCertificate>;
  findCertificate(id: string): Promise<RegisteredCertificate | undefined>;
  /** ARNs of the certificates that are attached to the thing. */
  certificatesOf(thing: string): Promise<string[]>;
  policiesOf(certificateArn: string): Promise<string[]>;
  attachPolicy(policy: string, certificateArn: string): Promise<void>;
  detachPolicy(policy: string, certificateArn: string): Promise<void>;
  attachToThing(certificateArn: string, thing: string): Promise<void>;
  detachFromThing(certificateArn: string, thing: string): Promise<void>;
  /** No device gets in with it any more; those that are connected are thrown out. */
  revoke(certificateId: string): Promise<void>;
  /** Host of the account's device data endpoint. */
  findEndpoint(): Promise<string>;
}

/** The id in a certificate's ARN. */
export const certificateIdOf = (arn: string): string => arn.slice(arn.indexOf('cert/') + 'cert/'.length);

export const REGISTRY_TROUBLES = [
  'no-credentials',
  'no-region',
  'access-denied',
  'throttled',
  'unreachable',
  'not-found',
  'refused',
] as const;
export type RegistryTrouble = (typeof REGISTRY_TROUBLES)[number];

/** The registry did not do what was asked; `message` says why and what to do, and never holds a secret. */
export class RegistryError extends Error {
  readonly reason: RegistryTrouble;
  constructor(reason: RegistryTrouble, message: string) {
    super(message);
    this.reason = reason;
  }
}
