"""An application over a fake source, asked without a port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from dataflows.serve.http.app import DoorApp
from dataflows.serve.http.call import Backend
from tests.dataflows.serve.fake_source import FakeSource


class Client:
    """Asks an application, one request after another."""

    def __init__(self, app: DoorApp, address: str = "127.0.0.1") -> None:
        self.app = app
        self._transport = httpx2.ASGITransport(app, client=(address, 4321))

    def ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        async def ask() -> httpx2.Response:
            async with httpx2.AsyncClient(
                transport=self._transport, base_url="http://localhost"
            ) as client:
                return await client.request(method, path, **more)

        return asyncio.run(ask())

    def get(self, path: str, **more: Any) -> httpx2.Response:
        return self.ask("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx2.Response:
        return self.ask("POST", path, **more)


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


@pytest.fixture
def door(source: FakeSource) -> Iterator[Callable[..., Client]]:
    """Make a client of an application over the fake source."""
    apps = []

    def make(address: str = "127.0.0.1", **parts: Any) -> Client:
        app = DoorApp(Backend(parts.pop("source", source), **parts))
        apps.append(app)
        return Client(app, address)

    yield make
    for app in apps:
        app.close()
