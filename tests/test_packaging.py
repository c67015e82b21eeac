"""What is shipped: the wheel's files and requirements, the pinned requirements, migrations and import contracts."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from importlib.metadata import distribution
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.services import ROOT

OWN = "django-llmtrace"
CORE = {
    "django",
    "genai-prices",
    "openai",
    "opentelemetry-exporter-otlp",
    "opentelemetry-instrumentation-django",
    "opentelemetry-sdk",
}
BROUGHT_ALONG = {"pydantic", "typing-extensions", "wrapt"}  # by the core; named because llmtrace imports them


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*command, str(folder), str(ROOT)], check=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def requirements_of(metadata: Message) -> list[Requirement]:
    return [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]


def pinned(name: str) -> dict[str, list[Requirement]]:
    """The pins of requirements/`name`.txt by package."""
    pins: dict[str, list[Requirement]] = {}
    for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines():
        if line and not line.lstrip().startswith("#"):
            requirement = Requirement(line.split("  #")[0])
            pins.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return pins


def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: zipfile.ZipFile) -> None:
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    files = (path for path in (ROOT / "llmtrace").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert shipped == {path.relative_to(ROOT).as_posix() for path in files}
    assert "llmtrace/py.typed" in shipped
    assert {Path(name).suffix for name in shipped} >= {".py", ".html", ".css"}


def test_the_wheel_has_the_licence(wheel: zipfile.ZipFile, metadata: Message) -> None:
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert any(name.endswith("/licenses/LICENSE") for name in wheel.namelist())


def test_the_core_needs_six_packages_and_leaves_other_sdks_to_extras(metadata: Message) -> None:
    core = {requirement.name for requirement in requirements_of(metadata) if requirement.marker is None}
    assert core == CORE | BROUGHT_ALONG
    assert brought_along_by(CORE) >= BROUGHT_ALONG


def brought_along_by(names: set[str]) -> set[str]:
    """All packages that come with `names` in this environment."""
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        requires = [Requirement(line) for line in distribution(waiting.pop()).requires or ()]
        needed = {canonicalize_name(each.name) for each in requires if each.marker is None or each.marker.evaluate()}
        waiting |= needed - found
        found |= needed
    return found


def test_versions_are_bounded_from_below_and_never_from_above(metadata: Message) -> None:
    foreign = [requirement for requirement in requirements_of(metadata) if requirement.name != OWN]
    bounds = {requirement.name: [clause.operator for clause in requirement.specifier] for requirement in foreign}
    assert set(map(tuple, bounds.values())) == {(">=",)}, bounds


@pytest.mark.parametrize(("compiled", "extra"), [("base", "demo"), ("test", "test"), ("dev", "dev")])
def test_compiled_requirements_fit_what_the_project_asks_for(compiled: str, extra: str, metadata: Message) -> None:
    pins = pinned(compiled)
    for requirement in wanted(requirements_of(metadata), {"", extra}):
        found = pins.get(canonicalize_name(requirement.name), [])
        assert found, f"requirements/{compiled}.txt lacks {requirement}: make requirements"
        for pin in found:
            (clause,) = pin.specifier
            assert requirement.specifier.contains(clause.version, prereleases=True), f"{pin} is not {requirement}"


def wanted(requirements: list[Requirement], extras: set[str]) -> list[Requirement]:
    """What `extras` ask for, extras of our own that they name included."""
    chosen = [
        each
        for each in requirements
        if any(each.marker is None or each.marker.evaluate({"extra": extra}) for extra in extras)
    ]
    named = set().union(*(each.extras for each in chosen if each.name == OWN)) | extras
    return wanted(requirements, named) if named != extras else [each for each in chosen if each.name != OWN]


@pytest.mark.parametrize("compiled", ["base", "test", "dev"])
def test_compiled_requirements_serve_each_python_with_the_newest_django_for_it(compiled: str) -> None:
    by_python = {
        python: [
            str(pin.specifier)
            for pin in pinned(compiled)["django"]
            if pin.marker and pin.marker.evaluate(python_marker(python))
        ]
        for python in ("3.11", "3.12", "3.13")
    }
    assert by_python["3.11"][0].startswith("==5.2.")
    assert by_python["3.12"][0].startswith("==6.1.")
    assert {len(pins) for pins in by_python.values()} == {1}
    assert by_python["3.13"] == by_python["3.12"]


def python_marker(version: str) -> dict[str, str]:
    return {"python_version": version, "python_full_version": f"{version}.1"}


@pytest.mark.parametrize("compiled", ["base", "test", "dev"])
def test_compiled_requirements_say_how_they_are_made_and_name_no_host_or_folder(compiled: str) -> None:
    text = (ROOT / "requirements" / f"{compiled}.txt").read_text()
    assert "make requirements" in text.splitlines()[1]
    for foreign in ("://", "index-url", "find-links", "/tmp", "/home", "/root", " @ ", "-e "):
        assert foreign not in text


@pytest.mark.django_db(databases=["default", "llmtrace"])
def test_no_migration_is_missing() -> None:
    said = StringIO()
    call_command("makemigrations", check=True, dry_run=True, stdout=said, stderr=said)
    assert "No changes detected" in said.getvalue()


def test_nobody_imports_whom_they_must_not() -> None:
    linted = subprocess.run([Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout
    assert " 0 broken" in linted.stdout
