/** Provisioning cannot go on; `message` says why and what to do. */
export class ProvisionError extends Error {}
