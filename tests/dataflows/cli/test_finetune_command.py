"""The command `penchant finetune`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dataflows.config.config import load_config
from dataflows.datasets.shop.shop import Shop
from dataflows.errors import InputError
from dataflows.finetune import preconditions
from tests.encoders.llm.tiny_folder import write_tiny


def penchant(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dataflows.cli.main", *words],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PENCHANT_STATE__PATH": str(folder / "state")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_one_round_from_the_command_line_with_the_usual_tuner(tmp_path):
    Shop(seed=1, items=60, users=60).write(tmp_path, 400)
    model = write_tiny(tmp_path / "model", seed=0)
    config = tmp_path / "penchant.toml"
    config.write_text(
        f"[files]\nevents = '{tmp_path}/events.jsonl'\nitems = '{tmp_path}/items.jsonl'\n"
        f"[generate]\nmodel = '{model}'\n[finetune]\nmodels = 'language'\n"
        "[language]\nsteps = 2\nbatch_size = 2\n"
    )
    done = penchant(tmp_path, "finetune", "--once", "--config", str(config))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("language: ")
    assert "language round 0: training 2 of 2" in done.stderr or "training 1 of 2" in done.stderr
    again = penchant(tmp_path, "finetune", "--once", "--config", str(config))
    assert again.stdout == "nothing new since the last round\n"


def test_what_is_wrong_is_said_in_one_line(tmp_path):
    config = tmp_path / "penchant.toml"
    config.write_text(f"[files]\nevents = '{tmp_path}/none.jsonl'\n")
    failed = penchant(tmp_path, "finetune", "--once", "--config", str(config))
    assert failed.returncode == 2
    assert failed.stderr.splitlines()[-1].startswith(f"penchant: {tmp_path}/none.jsonl: cannot be")
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize("name", ["hashing", "hashing-32", "multilingual", "static:folder"])
def test_an_encoder_without_weights_to_train_is_told_at_the_start(name):
    config = load_config(None, {"encoder.name": name}, {})
    with pytest.raises(InputError, match=r'cannot be tuned: .*finetune.models to "language"'):
        preconditions.check_tunable(config)
    preconditions.check_tunable(load_config(None, {}, {}))
    only = {"encoder.name": name, "finetune.models": "language"}
    preconditions.check_tunable(load_config(None, only, {}))


def test_missing_libraries_are_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(
        preconditions, "find_spec", lambda name: None if name == "peft" else object()
    )
    with pytest.raises(
        InputError, match=r"needs peft; install it with `pip install 'penchant\[llm"
    ):
        preconditions.check_libraries()
