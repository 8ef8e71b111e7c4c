import { nodePolicyNameOf } from '../../core/cloud-names.ts';
import { type ExplainedEnd, isUntrusted, type LinkEnd } from './link-trouble.ts';

/**
 * What is wrong between a node and IoT Core and what an operator should do about it. IoT Core gives no reasons: what it
 * does not allow it closes, so each kind of closing names all that may stand behind it, the usual first.
 */
export function explainIotCoreEnd(
  { error, secured, accepted, listening }: LinkEnd,
  { host, port, node }: { host: string; port: number; node: string },
  fleet: string,
): ExplainedEnd {
  const code = error?.code;
  const seen = code ?? error?.message ?? 'closed';
  const policy = nodePolicyNameOf(fleet);
  if (accepted && listening) {
    const advice = `the connection to IoT Core (${host} port ${port}) was lost (${seen}); it is tried again. If it is lost again each time: does another process use the name ${node}, and does policy ${policy} let it publish?`;
    return { trouble: 'lost', advice };
  }
  if (accepted) {
    const advice = `IoT Core closed the connection when ${node} subscribed to its answers (${seen}): policy ${policy} does not allow it; deploy the fleet again (headwater deploy)`;
    return { trouble: 'subscription-refused', advice };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const advice = `the certificate of ${host} port ${port} is not made out to that name: correct the endpoint (aws iot describe-endpoint --endpoint-type iot:Data-ATS)`;
    return { trouble: 'wrong-host-name', advice };
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    const advice = `by this machine's clock the certificate of ${host} is not valid (${code}): set the clock of this machine`;
    return { trouble: 'clock', advice };
  }
  if (isUntrusted(code)) {
    const advice = `${host} port ${port} shows a certificate that ca.crt does not vouch for (${code}): is it an endpoint of IoT Core (its name has "-ats.iot."), and does a proxy open TLS on the way? Provision again with --ca FILE if it is meant`;
    return { trouble: 'foreign-endpoint', advice };
  }
  // Numbers are CONNACK codes (MQTT 3.1.1, 3.2.2.3). An alert may get lost, then only the closing is seen.
  if (typeof code === 'number' || code?.includes('_ALERT_') || secured) {
    const advice = `IoT Core does not let ${node} in (${seen}): the certificate may be inactive, revoked or of another account or region (headwater provision list), the policy ${policy} not attached, or the node not a thing of fleet ${fleet}; headwater provision device ${node} mends the last two`;
    return { trouble: 'not-let-in', advice };
  }
  if (code?.startsWith('ERR_SSL_') || code === 'EPROTO') {
    return { trouble: 'no-tls', advice: `${host} port ${port} does not speak TLS (${code}): correct the endpoint` };
  }
  const advice =
    code === 'ENOTFOUND'
      ? `no such host as ${host}: correct the endpoint, or see to this machine's name service`
      : `IoT Core cannot be reached at ${host} port ${port} (${seen}): is the network up, and the way out to that port free? Where only 443 is, provision with --endpoint-address ${host}:443`;
  return { trouble: 'unreachable', advice };
}
