"""`llmtrace` in INSTALLED_APPS is all the set-up there is, and Django starts as before."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.apps import apps
from django.conf import settings
from django.core import checks
from django.test import override_settings
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]  # not re-exported

from llmtrace.apps import MIDDLEWARE, OPENTELEMETRY_MIDDLEWARE, with_middleware
from llmtrace.tracing.request_span import HOST_MIDDLEWARE
from llmtrace.tracing.setup import connect
from tests import recorded as recording

HEAVY = (
    "openai",
    "celery",
    "genai_prices",
    "httpx",
    "httpx2",
    "anthropic",
    "boto3",
    "opentelemetry.sdk.trace",
    "psycopg",
)


def run(code: str, folder: Path) -> Any:
    """What `code`, run by a Python of its own, prints as JSON in its last line."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout.splitlines()[-1])


SITE = """
import json, sys
sys.path.insert(0, {root!r})
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "llmtrace"],
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "site.sqlite3"}}}},
    {more}
)
django.setup()
"""


def site(more: str = "") -> str:
    return SITE.format(root=str(Path(__file__).resolve().parent.parent), more=more)


def test_importing_the_package_imports_no_sdk(tmp_path: Path) -> None:
    code = (
        site().split("import django")[0]
        + f"import llmtrace; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    assert run(code, tmp_path) == []


def test_starting_django_imports_no_sdk_and_opens_nothing(tmp_path: Path) -> None:
    code = site() + (
        "from django.db import connections\n"
        f"print(json.dumps([[m for m in {HEAVY!r} if m in sys.modules], settings.MIDDLEWARE,"
        " [c.connection is None for c in connections.all()]]))"
    )
    assert run(code, tmp_path) == [[], [MIDDLEWARE], [True]]
    assert list(tmp_path.iterdir()) == []


APPS = '"django.contrib.contenttypes", "django.contrib.auth", '
ADMIN = '"django.contrib.sessions", "django.contrib.messages", "django.contrib.admin", '


@pytest.mark.parametrize(
    ("more", "unloaded"), [("", ["opentelemetry", "pydantic_core"]), (ADMIN, ["opentelemetry"])], ids=["alone", "admin"]
)
def test_a_test_run_in_which_nobody_gets_spans_loads_no_opentelemetry(
    tmp_path: Path, more: str, unloaded: list[str]
) -> None:
    code = site('ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"],').replace(APPS, APPS + more) + (
        "from django.core.checks import run_checks\n"
        "from django.http import HttpResponse\n"
        "from django.test import Client\n"
        "from django.test.utils import setup_test_environment\n"
        "from django.urls import path\n"
        "urlpatterns = [path('', lambda request: HttpResponse('seen'))]\n"
        "found = run_checks()\n"
        "setup_test_environment()\n"
        "seen = Client().get('/').content.decode()\n"
        "wrong = [each.id for each in found if 'E' in each.id and not each.id.startswith('admin.')]\n"
        f"loaded = [each for each in sys.modules if each.partition('.')[0] in {unloaded!r}]\n"
        "print(json.dumps([wrong, seen, loaded]))"
    )
    assert run(code, tmp_path) == [[], "seen", []]


@pytest.mark.parametrize("setting", ['EXPORTERS": [{"BACKEND": "llmtrace.exporters.Database"}]', 'ENABLED": True'])
def test_a_server_loads_what_requests_need_before_the_first_of_them(tmp_path: Path, setting: str) -> None:
    code = site(f'ROOT_URLCONF=__name__, LLMTRACE={{"{setting}}},') + (
        "from django.core.wsgi import get_wsgi_application\n"
        "get_wsgi_application()\n"
        "print(json.dumps('llmtrace.tracing.request_work' in sys.modules))"
    )
    assert run(code, tmp_path) is True


def test_a_test_run_whose_provider_the_host_names_is_heard(tmp_path: Path) -> None:
    code = site() + (
        "import os\n"
        "from django.test.utils import setup_test_environment\n"
        "from llmtrace.tracing.heard import may_be_heard\n"
        "setup_test_environment()\n"
        "before = may_be_heard()\n"
        "os.environ['OTEL_PYTHON_TRACER_PROVIDER'] = 'sdk_tracer_provider'\n"
        "print(json.dumps([before, may_be_heard()]))"
    )
    assert run(code, tmp_path) == [False, True]


def test_checks_import_no_sdk_and_open_nothing(tmp_path: Path) -> None:
    code = site() + (
        "from llmtrace.checks import check_settings\n"
        "from django.db import connections\n"
        "found = [each.id for each in check_settings()]\n"
        "print(json.dumps([found, [m for m in ('openai', 'celery', 'genai_prices') if m in sys.modules],"
        " [c.connection is None for c in connections.all()]]))"
    )
    assert run(code, tmp_path) == [["llmtrace.W009"], [], [True]]
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_is_wrong_in_the_settings_keeps_django_from_starting(tmp_path: Path) -> None:
    wrong = """LLMTRACE={"INSTRUMENTORS": ["no.such.Instrumentor", "os.path"], "EXPORTERS": 5, "PROVIDERS": None,
               "TYPO": 1, "TRACER_PROVIDER": "no.such.provider", "DATABASE": "nowhere"}, LOGGING_CONFIG=None"""
    code = "import logging; logging.disable()\n" + site(wrong) + "print(json.dumps(settings.MIDDLEWARE))"
    assert run(code, tmp_path) == [MIDDLEWARE]


def told(setting: str, folder: Path) -> list[str]:
    """The lines that a process without checks writes as it starts, and as a worker of jobs does."""
    code = site(f"LLMTRACE={setting},") + "from llmtrace.tracing.setup import begin; begin()"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


def test_why_nothing_is_recorded_is_told_once_where_no_checks_run(tmp_path: Path) -> None:
    (line,) = told('{"ENABLED": "false"}', tmp_path)
    assert line.startswith('(llmtrace.E010) LLMTRACE["ENABLED"] has to be True or False.')
    assert told('{"ENABLED": False}', tmp_path) == []


@pytest.mark.parametrize("kind", [list, tuple])
def test_our_middleware_comes_first(kind: type[Any]) -> None:
    assert with_middleware(kind(["a", "b"])) == kind([MIDDLEWARE, "a", "b"])
    assert with_middleware(kind([])) == kind([MIDDLEWARE])


def test_our_middleware_stays_where_the_project_lists_it() -> None:
    assert with_middleware(["a", MIDDLEWARE, "b"]) == ["a", MIDDLEWARE, "b"]


def test_our_middleware_comes_right_below_opentelemetrys() -> None:
    assert OPENTELEMETRY_MIDDLEWARE == HOST_MIDDLEWARE
    assert with_middleware([HOST_MIDDLEWARE, "a"]) == [HOST_MIDDLEWARE, MIDDLEWARE, "a"]


def test_ready_twice_is_as_ready_once() -> None:
    before, registered = list(settings.MIDDLEWARE), len(checks.registry.registry.get_checks())
    apps.get_app_config("llmtrace").ready()
    assert before == settings.MIDDLEWARE
    assert before.count(MIDDLEWARE) == 1
    assert len(checks.registry.registry.get_checks()) == registered
    names = [getattr(each, "__name__", None) for each in checks.registry.registry.get_checks()]
    assert names.count("check_settings") == 1


def test_what_a_test_overrides_is_left_alone_and_comes_back() -> None:
    with override_settings(MIDDLEWARE=["django.middleware.common.CommonMiddleware"]):
        assert settings.MIDDLEWARE == ["django.middleware.common.CommonMiddleware"]
    assert settings.MIDDLEWARE[0] == MIDDLEWARE


class Instrumentor(BaseInstrumentor):  # type: ignore[misc]  # its base is not typed
    """Notes the provider that it is given."""

    given: ClassVar[list[Any]] = []

    def instrumentation_dependencies(self) -> list[str]:
        return []

    def _instrument(self, **kwargs: Any) -> None:
        self.given.append(kwargs["tracer_provider"])

    def _uninstrument(self, **kwargs: Any) -> None:
        self.given.clear()


@pytest.fixture
def instrumentors() -> Iterator[None]:
    names = [f"{__name__}.Instrumentor", f"{__name__}.missing"]
    with override_settings(LLMTRACE=recording.settings(INSTRUMENTORS=names)):
        yield
        Instrumentor().uninstrument()


def test_instrumentors_are_activated_once_on_our_provider(
    instrumentors: None, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        apps.get_app_config("llmtrace").ready()
    assert Instrumentor.given == [connect()]
    logged = [record.getMessage() for record in caplog.records]
    assert len(logged) == 2
    assert all(line.startswith('LLMTRACE["INSTRUMENTORS"][1] could not be activated: ImportError') for line in logged)


def test_a_step_that_fails_is_logged_and_the_others_are_taken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing() -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr("llmtrace.apps.register_checks", failing)
    with override_settings(MIDDLEWARE=[]):
        apps.get_app_config("llmtrace").ready()
        assert settings.MIDDLEWARE == [MIDDLEWARE]
    assert "llmtrace is not complete: failing failed." in caplog.text
