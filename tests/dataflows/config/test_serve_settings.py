"""Where the door is open to others than this machine, that is known."""

from __future__ import annotations

import pytest

from dataflows.config.config import load_config
from dataflows.config.serve import ServeSettings
from dataflows.errors import InputError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_known(host):
    assert ServeSettings(host=host).is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "localhost.example"])
def test_all_else_is_open_to_others(host):
    assert not ServeSettings(host=host).is_loopback


def test_tokens_stand_in_the_environment_and_are_no_slip_of_a_setting():
    found = load_config(None, None, {"PENCHANT_SERVE_TOKENS": "read abcdefghijklmnop"})
    assert found.serve == ServeSettings()
    with pytest.raises(InputError, match="PENCHANT_SERVE_TOKEN:"):
        load_config(None, None, {"PENCHANT_SERVE_TOKEN": "x"})


def test_the_address_of_a_run_is_one_of_http():
    with pytest.raises(InputError, match=r"serve\.run_url"):
        load_config(None, {"serve.run_url": "ftp://example.org"}, {})


@pytest.mark.parametrize(
    ("serve", "most"),
    [
        ({}, 1000),
        ({"serve.enabled": True}, 25),
        ({"serve.enabled": True, "serve.batch_size": 5000}, 1000),
        ({"serve.batch_size": 3}, 1000),
    ],
)
def test_who_answers_learns_little_at_once(serve, most):
    config = load_config(None, serve, {})
    assert config.most_at_once(config.files.batch_size) == most


def boards(**tables):
    return load_config(None, {"serve.enabled": True, "serve.leaderboards": tables}, {}).serve


def test_leaderboards_say_which_types_are_to_be_counted():
    found = boards(best={"score": 'count("buy")'}, new={"where": 'count("view") > 1', "score": "1"})
    assert found.counted_types == {"buy", "view"}
    assert boards(old={"score": "age"}).counted_types == set()
    assert ServeSettings(enabled=True).counted_types is None
    assert ServeSettings(leaderboards=found.leaderboards).counted_types is None


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            {"score": "viewz"},
            r"serve\.leaderboards: 'b'.*score: line 1, character 1: 'viewz' is no",
        ),
        ({"score": "1", "where": "open('x')"}, r"where: line 1, character 1: .*may not stand"),
        ({"score": "users", "limit": 3}, "limit"),
        ({"where": "1"}, "score"),
        ({"score": "1+" * 300 + "1"}, "500"),
        ({"score": 3}, "leaderboards"),
    ],
)
def test_a_leaderboard_that_is_none_is_refused_in_one_line(table, said):
    with pytest.raises(InputError, match=said) as refused:
        boards(b=table)
    assert "\n" not in str(refused.value)


def test_the_name_of_a_leaderboard_is_a_word():
    with pytest.raises(InputError, match="leaderboards"):
        boards(**{"no/name": {"score": "1"}})
