import { Validations } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';

/**
 * Says why a role's resource may hold a wildcard. Each is named by itself, so that a new one is found by the checks.
 *
 * @param resource as the checks print it
 */
export function acknowledgeWildcard(role: iam.Role, resource: string, reason: string): void {
  Validations.of(role).acknowledge({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason });
}
