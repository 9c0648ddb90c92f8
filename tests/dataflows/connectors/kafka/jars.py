"""The jars of Apache Kafka: fetched once by Maven, then kept in .cache/kafka."""

from __future__ import annotations

import fcntl
import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.conftest import NO_APACHE

ROOT = Path(__file__).resolve().parents[4]
POM = Path(__file__).with_name("pom.xml")
CACHE = ROOT / ".cache" / "kafka"
VERSION = "KAFKA_VERSION"
JAVA = 17


class MissingError(Exception):
    """What it takes to start Apache Kafka is not here; the text is one line that says what."""


def version() -> str:
    """The version that tests start: that of pom.xml, or of KAFKA_VERSION."""
    wanted = os.environ.get(VERSION)
    return wanted or re.findall("<kafka.version>(.+)<", POM.read_text())[0]


@functools.cache
def jars() -> str:
    """A class path with Apache Kafka on it. Raises MissingError where there is none to be had."""
    _check_java()
    folder = CACHE / version()
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:  # one fetches, the others wait for it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _fetch(folder)
    return f"{folder}/*"


def _fetch(folder: Path) -> None:
    half = folder.with_suffix(".half")
    shutil.rmtree(half, ignore_errors=True)
    command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
    command += [f"-DoutputDirectory={half}", f"-Dkafka.version={version()}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    except FileNotFoundError:
        raise _missing("there is no `mvn` to fetch it with") from None
    except subprocess.TimeoutExpired:
        raise _missing("`mvn` did not fetch it within 300 s") from None
    if done.returncode or not half.is_dir():
        said = next((line for line in done.stdout.splitlines() if "ERROR" in line), "no reason")
        raise _missing(f"`mvn` could not fetch it: {said[:300]}")
    half.rename(folder)


def _check_java() -> None:
    if not shutil.which("java") or not shutil.which("keytool"):
        raise _missing(f"there is no `java` (a JRE of version {JAVA} or later)")
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    if found is None or int(found[1]) < JAVA:
        raise _missing(f"`java` is older than {JAVA}: {said.partition(chr(10))[0]}")


def _missing(what: str) -> MissingError:
    return MissingError(f"{NO_APACHE} {version()}: {what}; or name a running broker")
