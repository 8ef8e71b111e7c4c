/** MQTT 3.1.1, 2.2.3: the remaining length takes at most four bytes of seven bits each. */
const MAX_LENGTH_BYTES = 4;
/** 2.2.1: the packet type is in the upper half of the first byte. */
const PUBLISH = 3;

/**
 * Follows the framing of one MQTT connection and tells when a packet announces more than allowed: the parser behind
 * would collect up to 256 MB for it.
 *
 * @param maxBytes the largest remaining length allowed (topic, packet id and payload)
 * @param onPublish called for each PUBLISH packet whose length has been read
 * @returns feed it every chunk, in order; after `too-large` or `malformed` the connection has to go
 */
export function createFrameGuard(
  maxBytes: number,
  onPublish: () => void = () => {},
): (chunk: Uint8Array) => 'ok' | 'too-large' | 'malformed' {
  let isPublish = false;
  let lengthBytes: number | undefined; // of the packet whose length is being read; undefined = at its first byte
  let announced = 0;
  let bodyLeft = 0;
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (bodyLeft > 0) {
        const taken = Math.min(bodyLeft, chunk.length - at);
        bodyLeft -= taken;
        at += taken;
        continue;
      }
      const byte = chunk[at++]!;
      if (lengthBytes === undefined) {
        lengthBytes = 0;
        announced = 0;
        isPublish = byte >> 4 === PUBLISH;
        continue;
      }
      announced += (byte & 0x7f) * 128 ** lengthBytes;
      lengthBytes += 1;
      if (announced > maxBytes) return 'too-large';
      if ((byte & 0x80) === 0) {
        bodyLeft = announced;
        lengthBytes = undefined;
        if (isPublish) onPublish();
      } else if (lengthBytes === MAX_LENGTH_BYTES) return 'malformed';
    }
    return 'ok';
  };
}
