"""No error and no log line holds a secret, however the configuration is wrong."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dataflows.config.config import load_config
from dataflows.connectors.kafka.client import make_consumer
from dataflows.connectors.kafka.health import Health
from dataflows.errors import InputError
from dataflows.lifecycle.redaction import MASK, MaskedFormatter, masked
from dataflows.registry.registry import open_registry

CANARY = "k4n4ry-Vogel"
PASSWORD = {"sasl.password": CANARY}


def slips() -> list[dict[str, str]]:
    """Give environments with a slip of the pen, each with the canary in it."""
    whole = f'{{"sasl.password" = "{CANARY}"}}'
    return [
        {f"PENCHANT_KAFKA__{name}": text}
        for name in ("CLIENT", "CONSUMER", "PRODUCER", "CLIENTS", "BATCH_SIZE", "GROUP_ID_")
        for text in (
            whole[:-1],  # no end
            whole.replace("=", ":"),  # JSON
            whole.replace('"', ""),  # no quotes
            whole.replace(f'"{CANARY}"', f'["{CANARY}"]'),  # a list for a text
            whole.replace(f'"{CANARY}"', f'{{"x" = "{CANARY}"}}'),
            f"sasl.password={CANARY}",
            whole.replace("}", ', "acks" = "0"}'),  # ours
            f"{whole} # {CANARY}",
        )
    ]


@pytest.mark.parametrize("environ", slips())
def test_a_slip_in_an_environment_variable_shows_no_secret(environ):
    (variable, text), *_ = environ.items()
    if text.endswith(f"# {CANARY}") and variable.endswith(("CLIENT", "CONSUMER", "PRODUCER")):
        load_config(None, None, environ)  # a comment behind the table
        return
    with pytest.raises(InputError) as caught:
        load_config(None, None, environ)
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert variable in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f"[kafka]\nclient = '{CANARY}'",
        f'[kafka.client]\n"sasl.password" = ["{CANARY}"]',
        f'[kafka.client]\n"group.id" = "{CANARY}"',
        f'[kafka]\n"sasl.password" = "{CANARY}"',
        f'"sasl.password" = "{CANARY}"',
        f'[kafka]\nbatch_size = {{password = "{CANARY}"}}',
        f'[kafka]\nqueue_messages = "password={CANARY}"',
        f'[clean.weights]\nbuy = "token={CANARY}"',
        f'[kafka.client]\n"sasl.password" = "{CANARY}\n',
    ],
)
def test_a_slip_in_a_file_shows_no_secret(text, tmp_path):
    path = tmp_path / "penchant.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_config(path, None, {})
    assert CANARY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_url_shows_neither_user_nor_token():
    for url in (
        f"nosuch://user:{CANARY}@host/models",
        f"nosuch://host/models?token={CANARY}",
        f"nosuch://{CANARY}@host",
    ):
        config = load_config(None, {"models.root": url}, {})
        with pytest.raises(InputError) as caught:
            open_registry(config)
        assert CANARY not in str(caught.value)
        assert "nosuch://" in str(caught.value)


def test_what_the_configuration_knows_is_masked_wherever_it_stands():
    load_config(None, {"kafka.client": PASSWORD}, {})
    load_config(None, None, {"HF_TOKEN": "hub-canary-1", "PENCHANT_DECISIONS_KEY": "key-canary-2"})
    told = f"SASL login of {CANARY} failed with hub-canary-1, key-canary-2"
    assert masked(told) == "SASL login of *** failed with ***, ***"


def test_what_only_sounds_secret_is_shown():
    load_config(
        None,
        {"kafka.client": {"sasl.mechanism": "PLAIN", "ssl.ca.location": "/etc/ca.pem"}},
        {"PWD": "/somewhere", "TOKENIZERS_PARALLELISM": "false"},
    )
    for plain in (
        "PLAIN /etc/ca.pem /somewhere false",
        "language.max_tokens is 5: it must be from 16 to 131072",
        "unexpected token: x",
        "https://host/path?page=2",
    ):
        assert masked(plain) == plain


def test_log_lines_and_tracebacks_are_masked():
    load_config(None, {"kafka.client": PASSWORD}, {})
    error = ValueError(f"refused {CANARY}")
    about = (ValueError, error, None)
    record = logging.LogRecord("a", 40, "f", 1, "%s", (CANARY,), about)
    written = MaskedFormatter("%(message)s").format(record)
    assert "ValueError" in written
    assert CANARY not in written


def test_librdkafka_that_refuses_an_option_shows_no_secret():
    config = load_config(
        None,
        {"kafka.client": {"security.protocol": "SASL_SSL", "ssl.key.pem": CANARY, **PASSWORD}},
        {},
    )
    with pytest.raises(InputError) as caught:
        make_consumer(config.kafka, Health("source"))
    assert CANARY not in masked(str(caught.value))


@pytest.mark.parametrize(
    "name", ["sasl.mechanism", "security.protocol", "ssl.endpoint.identification.algorithm"]
)
def test_a_secret_under_the_wrong_name_is_not_shown(name: str):
    given = {"security.protocol": "SASL_PLAINTEXT", **PASSWORD, name: CANARY}
    config = load_config(None, {"kafka.client": given}, {})
    with pytest.raises(InputError) as caught:
        make_consumer(config.kafka, Health("source"))
    assert CANARY not in str(caught.value)
    assert MASK in str(caught.value)


@pytest.mark.parametrize("debug", [{}, {"PENCHANT_DEBUG": "1"}])
def test_the_whole_process_shows_no_secret(tmp_path: Path, debug: dict[str, str]) -> None:
    settings = {
        "PENCHANT_FLOW__SOURCE": "kafka",
        "PENCHANT_ENCODER__NAME": "hashing",
        "PENCHANT_STATE__PATH": str(tmp_path),
        "PENCHANT_KAFKA__START_SECONDS": "0.5",
        "PENCHANT_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "PENCHANT_KAFKA__CLIENT": (
            '{"security.protocol" = "SASL_PLAINTEXT", "sasl.mechanism" = "PLAIN", "debug" = "all", '
            f'"sasl.username" = "user-{CANARY}", "sasl.password" = "{CANARY}"}}'
        ),
        "HF_TOKEN": "hub-canary-1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "dataflows.cli.main", "run"],
        check=False,
        env=os.environ | settings | debug,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert "127.0.0.1:1" in done.stderr
    assert CANARY not in done.stderr + done.stdout
    assert "hub-canary-1" not in done.stderr + done.stdout
