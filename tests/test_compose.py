"""docker-compose.yml starts each server that the tests use, where they look for it and with the login they use."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.services import DEFAULTS, ROOT

COMPOSE: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def expanded(text: str) -> str:
    """What docker compose makes of `text` in an empty environment."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def test_the_servers_are_the_ones_the_tests_use() -> None:
    assert set(COMPOSE) == set(DEFAULTS)


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_server_listens_where_the_tests_look_for_it_and_only_there(name: str) -> None:
    (published,) = COMPOSE[name]["ports"]
    assert expanded(published).rsplit(":", 1)[0] == urlsplit(DEFAULTS[name]).netloc.rpartition("@")[2]


def test_the_logins_of_the_tests_are_accepted() -> None:
    postgres, mariadb, rabbitmq = (urlsplit(DEFAULTS[name]) for name in ("postgres", "mariadb", "rabbitmq"))
    assert COMPOSE["postgres"]["environment"] == {
        "POSTGRES_USER": postgres.username,
        "POSTGRES_HOST_AUTH_METHOD": "trust",
    }
    assert (mariadb.username, mariadb.password) == ("root", None)
    assert COMPOSE["mariadb"]["environment"] == {"MARIADB_ALLOW_EMPTY_ROOT_PASSWORD": "1", "MARIADB_ROOT_HOST": "%"}
    assert COMPOSE["rabbitmq"]["environment"] == {
        "RABBITMQ_DEFAULT_USER": rabbitmq.username,
        "RABBITMQ_DEFAULT_PASS": rabbitmq.password,
    }


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_server_says_when_it_is_ready(name: str) -> None:
    assert COMPOSE[name]["healthcheck"]["test"][0] == "CMD"
