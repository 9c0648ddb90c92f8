"""A client that speaks TLS to a listener which does not, or the reverse, is told which it is."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from dataflows.config.kafka import KafkaSettings
from dataflows.connectors.kafka.listener import mismatch
from dataflows.connectors.kafka.topics import create_topics
from dataflows.errors import InputError
from tests.dataflows.connectors.kafka.flows import until

pytestmark = pytest.mark.kafka

TLS = {"security.protocol": "SASL_SSL"}


@pytest.fixture
def listener():
    """Starts listeners that do one thing with each connection; gives their addresses."""
    open_servers = []

    def start(answer):
        server = socket.create_server(("127.0.0.1", 0))
        open_servers.append(server)

        def attend():
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                with line, contextlib.suppress(OSError):
                    line.settimeout(10)
                    answer(line)

        threading.Thread(target=attend, daemon=True).start()
        return f"127.0.0.1:{server.getsockname()[1]}"

    yield start
    for server in open_servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A key and the certificate that it gave itself."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate, and is not here")
    folder = tmp_path_factory.mktemp("certificate")
    key, signed = folder / "key.pem", folder / "signed.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1"]
    command += ["-days", "2", "-keyout", str(key), "-out", str(signed)]
    subprocess.run(command, check=True, capture_output=True)
    return signed, key


def speaking_tls(certificate, **needs):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    for name, value in needs.items():
        setattr(context, name, value)

    def answer(line):
        with context.wrap_socket(line, server_side=True) as spoken:
            spoken.recv(1)

    return answer


def asked(servers, **client):
    return mismatch(KafkaSettings(bootstrap_servers=servers, client=client))


def told(servers, **client):
    """What is said of them at last: each question has a second, which may be too short."""
    found = []
    until(lambda: found.append(asked(servers, **client)) or found[-1], "a word of it")
    return found[-1]


def test_tls_is_known_by_its_handshake(listener, certificate):
    server = listener(speaking_tls(certificate))
    assert f"{server} speaks TLS, but security.protocol in kafka.client is plain" in told(server)
    assert asked(server, **TLS) is None


def test_tls_is_known_by_its_refusal(listener, certificate):
    signed, _ = certificate
    old = speaking_tls(
        certificate, verify_mode=ssl.CERT_REQUIRED, maximum_version=ssl.TLSVersion.TLSv1_2
    )
    server = listener(old)
    assert signed.is_file()
    assert "speaks TLS" in told(server)


def test_plain_text_is_known_by_its_answer(broker):
    assert "speaks plain text, but security.protocol in kafka.client is SASL_SSL" in told(
        broker.servers, **TLS
    )
    assert asked(broker.servers) is None
    assert asked(f"PLAINTEXT://{broker.servers}, 127.0.0.1:1") is None


def hang_up(line):
    line.recv(100)


def babble(line):
    line.recv(100)
    line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize("answer", [hang_up, babble])
@pytest.mark.parametrize("client", [{}, TLS])
def test_of_one_that_says_neither_nothing_is_said(listener, answer, client):
    assert asked(listener(answer), **client) is None


@pytest.mark.parametrize("servers", ["127.0.0.1:1", "nowhere.invalid:9092", "[::1]:1", "host:port"])
def test_nor_of_one_that_is_away(servers):
    assert asked(servers) is None
    assert asked(servers, **TLS) is None


def test_a_start_that_nobody_answers_ends_with_it(broker):
    settings = KafkaSettings(
        bootstrap_servers=broker.servers, start_seconds=1, client={"security.protocol": "ssl"}
    )

    def is_told() -> bool:
        with pytest.raises(InputError, match="did not answer within 1 s") as raised:
            create_topics(settings)
        return "speaks plain text" in str(raised.value)

    until(is_told, "why")
