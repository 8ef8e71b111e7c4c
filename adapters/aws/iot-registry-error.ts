import { RegistryError, type RegistryTrouble } from '../../core/device-registry.ts';

/** What the SDK and AWS call the ways to have no usable credentials. */
const CREDENTIAL_ERRORS: ReadonlySet<string> = new Set([
  'CredentialsProviderError',
  'TokenProviderError',
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'MissingAuthenticationTokenException',
]);
const DENIALS: ReadonlySet<string> = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'ForbiddenException',
  'UnauthorizedException',
]);
const THROTTLES: ReadonlySet<string> = new Set(['ThrottlingException', 'Throttling', 'TooManyRequestsException']);
const NETWORK_CODES: ReadonlySet<string> = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** One clear line with what to do for what the AWS SDK throws. */
export function explainRegistryError(error: unknown, operation: string): RegistryError {
  const { name, message, code } = error as Error & { code?: string };
  const known = (reason: RegistryTrouble, text: string): RegistryError => new RegistryError(reason, text);
  if (CREDENTIAL_ERRORS.has(name)) {
    // Without AWS's own words: those of a wrong signature quote the request, session token included.
    return known(
      'no-credentials',
      `no usable AWS credentials (${name}): sign in (aws sso login), name a profile with --profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; see also this machine's clock`,
    );
  }
  if (message === 'Region is missing' || message.startsWith('Region not accepted')) {
    return known('no-region', `no usable AWS region (${oneLine(message)}): give --region, or set AWS_REGION`);
  }
  if (DENIALS.has(name)) {
    return known(
      'access-denied',
      `AWS refuses iot:${operation}: allow it to the identity you use (${oneLine(message)})`,
    );
  }
  if (THROTTLES.has(name)) {
    return known('throttled', `AWS throttles iot:${operation}: run the command again, it goes on where it ended`);
  }
  if (name === 'ResourceNotFoundException') return known('not-found', `iot:${operation}: ${oneLine(message)}`);
  if (name === 'TimeoutError' || (code !== undefined && NETWORK_CODES.has(code))) {
    return known(
      'unreachable',
      `AWS cannot be reached for iot:${operation} (${code ?? name}): is the network up, and the region right?`,
    );
  }
  return known('refused', `iot:${operation}: ${name}: ${oneLine(message)}`);
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();
