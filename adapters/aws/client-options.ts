/** Of one kind at once, by one client; its sockets are for all kinds. */
export const MAX_REQUESTS_AT_ONCE = 48;
const MAX_SOCKETS = 64;

/**
 * How every AWS client of a function behaves: bounded, so that one request that hangs still leaves time to ask again (the
 * shortest function has 20 s), and on connections that stay open between invocations.
 */
export const clientOptions = () => ({
  maxAttempts: 3,
  requestHandler: {
    connectionTimeout: 2_000,
    requestTimeout: 5_000,
    // A body that stops coming.
    socketTimeout: 5_000,
    // Without it a request that is over time is a warning only.
    throwOnRequestTimeout: true,
    httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
    httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
  },
});
