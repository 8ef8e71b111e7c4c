export const LINK_TROUBLES = [
  'unreachable',
  'foreign-hub',
  'wrong-host-name',
  'hub-certificate-dates',
  'no-tls',
  'certificate-refused',
  'client-refused',
  'lost',
  // IoT Core only:
  'foreign-endpoint',
  'clock',
  'not-let-in',
  'subscription-refused',
] as const;
/** Why there is no link to the far side. */
export type LinkTrouble = (typeof LINK_TROUBLES)[number];

/** How a connection ended. */
export interface LinkEnd {
  /** The first error, if there was any. */
  error: (Error & { code?: string | number }) | undefined;
  /** Whether TLS was agreed on, whether the far side accepted the client, and then its subscription. */
  secured: boolean;
  accepted: boolean;
  listening: boolean;
}

export interface ExplainedEnd {
  trouble: LinkTrouble;
  /** For an operator. */
  advice: string;
}

/** What is wrong between a node and its hub, and what an operator should do about it. */
export function explainLinkEnd(
  { error, secured, accepted }: LinkEnd,
  { host, port, node }: { host: string; port: number; node: string },
): ExplainedEnd {
  const code = error?.code;
  if (accepted) {
    return { trouble: 'lost', advice: `the connection to ${host} port ${port} was lost; it is tried again` };
  }
  // Numbers are CONNACK codes (MQTT 3.1.1, 3.2.2.3).
  if (typeof code === 'number') {
    const advice = `the hub refuses client ${node} (${error?.message}): is the node in the hub's fleet file, and are these its credentials?`;
    return { trouble: 'client-refused', advice };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const advice = `the hub's certificate is not made out to ${host}: set hub.host to the name that nodes dial and restart the hub`;
    return { trouble: 'wrong-host-name', advice };
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    const advice = `the hub's certificate is not valid at this machine's time (${code}): check the clocks of both, then restart the hub`;
    return { trouble: 'hub-certificate-dates', advice };
  }
  if (isUntrusted(code)) {
    const advice = `${host} port ${port} shows a certificate of another authority (${code}): copy this hub's credentials to the node, or correct the address`;
    return { trouble: 'foreign-hub', advice };
  }
  // An alert comes from the hub; in TLS 1.3 it may follow after our side believed the handshake done, or get lost.
  if (code?.includes('_ALERT_') || secured) {
    const advice = `the hub closed the connection (${code ?? 'no reason given'}): it may hold this node's certificate for foreign or expired; copy the node's credentials from the hub again, and see the hub's log`;
    return { trouble: 'certificate-refused', advice };
  }
  if (code?.startsWith('ERR_SSL_') || code === 'EPROTO') {
    return {
      trouble: 'no-tls',
      advice: `${host} port ${port} does not speak TLS (${code}): is it the hub's MQTT port?`,
    };
  }
  const seen = code ?? error?.message ?? 'closed';
  return {
    trouble: 'unreachable',
    advice: `no hub at ${host} port ${port} (${seen}): is it running, and the way free?`,
  };
}

export const isUntrusted = (code: string | number | undefined): boolean =>
  typeof code === 'string' && UNTRUSTED.has(code);

/** OpenSSL's verdicts on a chain that does not end in our authority. */
const UNTRUSTED: ReadonlySet<string> = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'INVALID_PURPOSE',
  'INVALID_CA',
]);
