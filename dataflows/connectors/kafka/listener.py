"""Whether a listener speaks TLS or plain text, asked of itself where it and the client differ.

A client of the wrong kind is hung up on without a word, so its library can say no more than
"Disconnected", as of any line that is cut. What is said here is certain: a listener has shaken
hands, or answered a request. One that does neither is passed over.
"""

from __future__ import annotations

import socket
import ssl
import struct

from dataflows.config.kafka import KafkaSettings
from dataflows.connectors.kafka.refusals import named_brokers

SECONDS = 1.0
"""How long one listener may take to answer."""
MOST_ASKED = 3
"""So many brokers of `kafka.bootstrap_servers` are asked; they are of one kind."""
_API_VERSIONS, _CORRELATION = 18, 0x70656E63
_LARGEST = 100_000

Address = tuple[str, int]


def mismatch(settings: KafkaSettings) -> str | None:
    """Say that a listener speaks TLS and the client does not, or the reverse; None if neither.

    Asks the brokers one after the other, `SECONDS` each at most.
    """
    protocol = settings.client.get("security.protocol", "plaintext")
    wants_tls = str(protocol).lower().endswith("ssl")
    for broker in sorted(named_brokers(settings.bootstrap_servers))[:MOST_ASKED]:
        host, _, port = broker.rpartition(":")
        if not port.isdecimal():
            continue
        address = (host.strip("[]"), int(port))
        if wants_tls and speaks_plain_text(address):
            return (
                f"{broker} speaks plain text, but security.protocol in kafka.client is "
                f"{protocol}: it would have to be PLAINTEXT or SASL_PLAINTEXT there, or the port "
                "be that of a listener with TLS"
            )
        if not wants_tls and speaks_tls(address):
            return (
                f"{broker} speaks TLS, but security.protocol in kafka.client is {protocol}: it "
                "would have to be SSL or SASL_SSL there"
            )
    return None


def speaks_tls(address: Address, seconds: float = SECONDS) -> bool:
    """Return whether it shakes hands, or says in TLS why not. Nothing else is sent."""
    anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anyone.check_hostname = False
    anyone.verify_mode = ssl.CERT_NONE  # who it is does not matter: nothing is told
    try:
        with (
            socket.create_connection(address, seconds) as line,
            anyone.wrap_socket(line, server_hostname=address[0]),
        ):
            return True
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except (OSError, ValueError):
        return False


def speaks_plain_text(address: Address, seconds: float = SECONDS) -> bool:
    """Return whether it answers a question in plain text, that every broker answers to anyone."""
    nobody = -1
    question = struct.pack(">hhih", _API_VERSIONS, 0, _CORRELATION, nobody)
    try:
        with socket.create_connection(address, seconds) as line:
            line.sendall(struct.pack(">i", len(question)) + question)
            with line.makefile("rb") as answer:
                size, correlation = struct.unpack(">ii", answer.read(8))
    except (OSError, struct.error):
        return False
    return bool(correlation == _CORRELATION and 0 < size <= _LARGEST)
