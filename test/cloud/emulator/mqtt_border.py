"""The border between devices and IoT Core, held as AWS holds it: certificates, policies, quotas, one address."""

import asyncio
import json
import ssl

from ministack.services import iot, iot_data

# https://docs.aws.amazon.com/general/latest/gr/iot-core.html#message-broker-limits
MAX_PAYLOAD_BYTES = 128 * 1024
MAX_SLASHES = 7
BASIC_INGEST = "$aws/rules/"


def apply() -> list[str]:
    # MiniStack evaluates policies only together with IAM for every API, which our stacks cannot deploy under.
    iot._WSSession._evaluates_policies = lambda session: session.certificate_id is not None
    iot._mtls_build_ssl_context = require_certificate(iot._mtls_build_ssl_context)
    iot._WSSession._dispatch_packet = refuse_beyond_quota(iot._WSSession._dispatch_packet)
    iot_data._publish = refuse_large_request(iot_data._publish)
    iot._mtls_start_locked = listen_on_loopback
    return [
        "IoT policies are enforced on device connections; clients without certificate are refused",
        f"a payload above {MAX_PAYLOAD_BYTES} bytes or a topic with more than {MAX_SLASHES} slashes is refused",
        "not simulated: IoT rates, IAM permissions of functions and rules",
    ]


def require_certificate(build):
    """MiniStack takes a client without certificate for the default account; AWS ends the handshake."""

    def build_strict():
        context = build()
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    return build_strict


def refuse_beyond_quota(dispatch):
    async def dispatch_within_quota(session, packet_type, flags, body):
        if packet_type == iot.PKT_PUBLISH:
            problem = quota_problem(session, flags, body)
            if problem:
                iot._broker_logger.warning("IoT broker: PUBLISH of %r refused: %s", session._client_id, problem)
                return False  # AWS closes the connection
        return await dispatch(session, packet_type, flags, body)

    return dispatch_within_quota


def quota_problem(session, flags: int, body: bytes) -> str | None:
    topic, offset = iot._read_string(body, 0)
    if (flags >> 1) & 0x03:
        offset += 2  # packet identifier
    if session.protocol_version == iot.MQTT_5:
        _properties, offset = iot._decode_properties(body, offset)
    size = len(body) - offset
    if size > MAX_PAYLOAD_BYTES:
        return f"{size} bytes, allowed {MAX_PAYLOAD_BYTES}"
    # `$aws/rules/<rule>/` does not count.
    counted = topic.split("/", 3)[-1] if topic.startswith(BASIC_INGEST) else topic
    slashes = counted.count("/")
    return f"topic with {slashes} slashes, allowed {MAX_SLASHES}: {topic}" if slashes > MAX_SLASHES else None


def refuse_large_request(publish):
    async def publish_within_quota(topic, body, *rest):
        if len(body or b"") > MAX_PAYLOAD_BYTES:
            message = f"payload of {len(body)} bytes, allowed {MAX_PAYLOAD_BYTES}"
            headers = {"Content-Type": "application/json", "x-amzn-errortype": "RequestEntityTooLargeException"}
            return 413, headers, json.dumps({"message": message}).encode()
        return await publish(topic, body, *rest)

    return publish_within_quota


async def listen_on_loopback() -> None:
    """MiniStack listens for devices on every address, and only logs when it cannot listen at all."""
    if iot._mtls_server is None:
        loop = asyncio.get_running_loop()
        iot._mtls_server = await loop.create_server(iot._MtlsAcceptor, host="127.0.0.1", port=iot._mtls_port())
        iot._mtls_loop = loop
