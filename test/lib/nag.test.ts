import { expect, test } from '@jest/globals';
import { type App, Stack, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { AwsSolutionsChecks } from 'cdk-nag';
import { fleetFile, synthesise } from '../helpers/fleet-templates.ts';

const fleet = await fleetFile('small-factory');
const check = (app: App): void => Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

/** What the checks were told not to mind, with the reason. */
function acknowledgements(app: App): { where: string; id: string; reason: string }[] {
  return app.node.findAll().flatMap((construct) =>
    construct.node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) =>
        Object.entries(data as Record<string, string>).map(([id, reason]) => ({
          where: construct.node.path,
          id,
          reason,
        })),
      ),
  );
}

test('cdk-nag AwsSolutions has nothing to say that is not answered with a reason', () => {
  let seen: ReturnType<typeof acknowledgements> = [];
  expect(() =>
    synthesise(fleet, (app) => {
      check(app);
      seen = acknowledgements(app);
    }),
  ).not.toThrow();
  // Three buckets, the error queue, and each wildcard of each role by itself.
  expect(seen.length).toBeGreaterThan(10);
  expect(seen.filter(({ reason }) => reason.length < 30)).toEqual([]);
  expect(seen.filter(({ id }) => /IAM(4|5)$/.test(id))).toEqual([]);
});

test('a wildcard that nobody answered for is found', () => {
  expect(() =>
    synthesise(fleet, (app) => {
      check(app);
      const stack = app.node.children.find((child): child is Stack => child instanceof Stack)!;
      const role = new iam.Role(stack, 'Planted', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
      role.addToPolicy(new iam.PolicyStatement({ actions: ['s3:GetObject'], resources: ['*'] }));
    }),
  ).toThrow('AwsSolutions-IAM5');
});
