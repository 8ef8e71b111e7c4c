import { type Answer, decodeAnswer } from '../../core/messages.ts';
import type { Logger } from '../../core/ports.ts';
import { decodePullRequest, isRequest, type PullRequestMessage } from '../../core/pull-messages.ts';
import { createToldOnce } from '../../core/told-once.ts';

/**
 * Sorts what comes down from the far side: answers go back to the caller, requests to whoever serves them. A kind that
 * only a newer far side knows is passed over with one line in the log.
 *
 * @returns the answer in a message; undefined if it is none
 */
export function createHearing(
  logger: Logger,
  onPull: ((request: PullRequestMessage) => void) | undefined,
): (payload: Uint8Array) => Answer | undefined {
  const isNews = createToldOnce();
  const passOver = (kind: string): void => {
    if (!isNews(kind)) return;
    logger.info({ kind }, 'forward: the far side says something that only a newer release knows, passed over');
  };

  const takeRequest = (payload: Uint8Array): undefined => {
    const request = decodePullRequest(payload);
    if (request.ok) onPull?.(request.value);
    else if (request.unknownKind !== undefined) passOver(request.unknownKind);
    else logger.warn({ detail: request.detail }, 'forward: request of the far side not understood');
  };

  return (payload) => {
    if (isRequest(payload)) return takeRequest(payload);
    const answer = decodeAnswer(payload);
    if (!answer.ok) {
      logger.warn({ detail: answer.detail }, 'forward: answer of the far side not understood');
      return undefined;
    }
    for (const kind of answer.ignored ?? []) passOver(kind);
    return answer.value;
  };
}
