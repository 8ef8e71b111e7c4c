import { Command } from 'commander';
import type { CsrOptions } from '../running/run-csr.ts';
import type { DeviceOptions, ListOptions, RevokeOptions } from '../running/run-provision.ts';
import type { ListenerOptions } from '../running/run-provision-listener.ts';

const CSR_EXAMPLES = `
Example, on the node:
  $ headwater provision csr pump-01 --fleet fleet.yaml --out /etc/headwater/pump-01
then carry node.csr, and only that, to whoever provisions.`;

const DEVICE_EXAMPLES = `
Examples, with AWS credentials of the account that the fleet is deployed to:
  $ headwater provision device pump-01 --fleet fleet.yaml --csr node.csr --out pump-01     the key stays on the node
  $ headwater provision device pump-01 --fleet fleet.yaml --out pump-01                    the key is made here
then carry the folder to the node and run there
  $ headwater node fleet.yaml --node pump-01 --credentials DIR
A second run finishes what a first one began, and otherwise changes nothing.`;

const LISTENER_EXAMPLES = `
Example, for a node whose device groups have "source: { type: listen }":
  $ headwater provision listener pump-01 --fleet fleet.yaml --host pump-01.plant.example
makes listener/pump-01 beside the fleet file: an authority (keep ca.key here and secret), listener.crt and listener.key
for the node, and in credentials/ a folder for each device and gateway, to be carried there.
A second run makes what is missing, and renews what ends within 30 days.`;

const LIST_EXAMPLES = `
Examples:
  $ headwater provision list                        every node that Headwater registered in this account and region
  $ headwater provision list --fleet fleet.yaml     the nodes of one fleet, those not yet provisioned among them`;

const REVOKE_EXAMPLES = `
Example:
  $ headwater provision revoke pump-01 --yes
The thing stays, so the name keeps its history. To let the node in again, provision it with a new key.`;

const provisioning = (): Promise<typeof import('../running/run-provision.ts')> => import('../running/run-provision.ts');

/** `headwater provision csr|device|listener|list|revoke`: plain nodes in AWS IoT Core, and devices of nodes that listen. */
export function provisionCommand(): Command {
  const csr = new Command('csr')
    .description("make a node's key and its request for a certificate; run it on the node, the key never leaves it")
    .argument('<node>', 'a node of the fleet file')
    .requiredOption('--fleet <file>', 'fleet file (YAML)')
    .requiredOption('--out <dir>', "the node's folder: node.key and node.csr go there")
    .addHelpText('after', CSR_EXAMPLES)
    .action(async (node: string, options: CsrOptions) => (await import('../running/run-csr.ts')).runCsr(node, options));
  const device = inAccount(new Command('device'))
    .description('register a node with AWS IoT Core and write the folder that it needs')
    .argument('<node>', 'a node of the fleet file')
    .requiredOption('--fleet <file>', 'fleet file (YAML)')
    .requiredOption('--out <dir>', 'the folder to write: ca.crt, node.crt, uplink.json, and node.key without --csr')
    .option('--csr <file>', "the node's request (default: a key is made in --out)")
    .option(
      '--endpoint-address <host[:port]>',
      "what the node dials (default: the fleet file's uplink, then the account's endpoint)",
    )
    .option('--ca <file>', 'roots that certify the endpoint, PEM (default: the four Amazon roots)')
    .option('--json', 'one JSON document')
    .option('--data <dir>', 'data directory, for the audit log', '.headwater')
    .addHelpText('after', DEVICE_EXAMPLES)
    .action(async (node: string, options: DeviceOptions) => (await provisioning()).runDevice(node, options));
  const listener = new Command('listener')
    .description("certificates for a node that listens: its own, and its devices'; no AWS account needed")
    .argument('<node>', 'a node of the fleet file')
    .requiredOption('--fleet <file>', 'fleet file (YAML)')
    .option('--host <host>', 'name or address under which devices dial the node', 'localhost')
    .option('--out <dir>', 'the folder to write (default: source.credentials of the fleet file)')
    .addHelpText('after', LISTENER_EXAMPLES)
    .action(async (node: string, options: ListenerOptions) =>
      (await import('../running/run-provision-listener.ts')).runProvisionListener(node, options),
    );
  const list = inAccount(new Command('list'))
    .description('registered nodes and their certificates')
    .option('--fleet <file>', 'only this fleet, and what is missing of it')
    .option('--json', 'one JSON document')
    .addHelpText('after', LIST_EXAMPLES)
    .action(async (options: ListOptions) => (await provisioning()).runList(options));
  const revoke = inAccount(new Command('revoke'))
    .description('shut a node out: its certificates are revoked and detached')
    .argument('<node>', 'a registered node')
    .option('--fleet <file>', 'refuse if it is not of this fleet')
    .option('--yes', 'do it; without, it is only said what would be done')
    .option('--data <dir>', 'data directory, for the audit log', '.headwater')
    .addHelpText('after', REVOKE_EXAMPLES)
    .action(async (node: string, options: RevokeOptions) => (await provisioning()).runRevoke(node, options));
  const all = new Command('provision').description(
    'certificates: of plain nodes in AWS IoT Core, of devices that a node listens to',
  );
  for (const command of [csr, device, listener, list, revoke]) all.addCommand(command);
  return all;
}

const inAccount = (command: Command): Command =>
  command
    .option('--region <region>', 'AWS region (default: AWS_REGION or the profile)')
    .option('--profile <name>', 'AWS profile (default: AWS_PROFILE, then the usual chain)');
