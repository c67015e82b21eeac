"""Each mistake in the settings has a check with an id, the key's full path and a hint, and none of its values."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.core.checks import CheckMessage, Error
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connections
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from llmtrace import LLM, filters
from llmtrace import providers as llmtrace_providers
from llmtrace.checks import check_deployment, check_settings, database_problems
from llmtrace.conf import Config, ExporterConfig, JobsConfig, QueueConfig, SpoolConfig, read
from llmtrace.conf.kinds import KEYS
from llmtrace.exceptions import ConfigurationError
from llmtrace.store.retention import Retention
from llmtrace.testing import captured_spans
from llmtrace.tracing.setup import get_tracer
from tests.databases import new_database
from tests.recorded import Recorder

ROOT = Path(__file__).resolve().parent.parent
SECRET = "sk-very-secret-value"


def found(value: Any) -> list[CheckMessage]:
    with override_settings(LLMTRACE=value):
        return check_settings()


def only(value: Any) -> CheckMessage:
    (message,) = found(value)
    assert message.hint
    assert SECRET not in f"{message.msg}{message.hint}"
    return message


def exporters(*entries: Any) -> dict[str, Any]:
    return {"EXPORTERS": list(entries), "REDACT": False}


def providers(**entries: Any) -> dict[str, Any]:
    return {"PROVIDERS": {"default": {"BACKEND": "llmtrace.providers.OpenAI"}, **entries}, "REDACT": False}


NONE = {"REDACT": False}
RECORDER = "tests.recorded.Recorder"


def test_settings_without_a_mistake_have_no_problem() -> None:
    assert found(NONE) == []
    assert found(exporters({"BACKEND": RECORDER, "NAME": "one"}, {"BACKEND": RECORDER})) == []


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"EXPORTRES": []}, 'LLMTRACE["EXPORTRES"]'),
        (exporters({"BACKEND": RECORDER, "OPTION": {"key": SECRET}}), 'LLMTRACE["EXPORTERS"][0]["OPTION"]'),
        (exporters({"BACKEND": RECORDER, "QUEUE": {"sise": 1}}), 'LLMTRACE["EXPORTERS"][0]["QUEUE"]["sise"]'),
        ({"JOBS": {"RELATIONS": "link"}}, 'LLMTRACE["JOBS"]["RELATIONS"]'),
    ],
)
def test_e001_an_unknown_key_is_named_with_the_nearest_that_is_known(value: dict[str, Any], where: str) -> None:
    message = only({**NONE, **value})
    assert message.id == "llmtrace.E001"
    assert where in message.msg
    assert message.hint is not None
    assert message.hint.startswith("Did you mean")


def test_e001_a_key_in_the_wrong_case_is_named_in_the_right_one() -> None:
    assert only({"database": "default", **NONE}).hint == 'Did you mean "DATABASE"?'
    assert only(exporters({"BACKEND": RECORDER, "QUEUE": {"SIZE": 1}})).hint == 'Did you mean "size"?'


def test_e002_a_backend_that_is_no_dotted_path_is_not_called_absent() -> None:
    assert only(exporters({})).msg == 'LLMTRACE["EXPORTERS"][0] has no BACKEND.'
    for backend in (Recorder, "Recorder"):
        message = only(exporters({"BACKEND": backend}))
        assert message.msg == 'LLMTRACE["EXPORTERS"][0] has a BACKEND that is no dotted path.'


@pytest.mark.parametrize("entry", [{"OPTIONS": {"key": SECRET}}, {"BACKEND": None}, {"BACKEND": "NoPath"}])
def test_e002_an_entry_without_a_backend(entry: Any) -> None:
    for value, where in ((exporters(entry), '["EXPORTERS"][0]'), (providers(other=entry), '["PROVIDERS"]["other"]')):
        message = only(value)
        assert (message.id, where in message.msg) == ("llmtrace.E002", True)
        assert ("llmtrace.providers.OpenAI" in str(message.hint)) == ("PROVIDERS" in where)


@pytest.mark.parametrize("entry", [{}, "llmtrace.providers.Fake"])
def test_a_call_through_an_entry_that_cannot_be_read_says_what_is_wrong_with_it(entry: Any) -> None:
    with override_settings(LLMTRACE={**NONE, "PROVIDERS": {"default": entry}}):
        with pytest.raises(
            ConfigurationError, match=r'LLMTRACE\["PROVIDERS"\]\["default"\] (has no BACKEND|has to be)'
        ):
            LLM("m").chat("Hello")
        with pytest.raises(ConfigurationError, match='PROVIDERS"\\] has no "other"'):
            LLM("m", provider="other").chat("Hello")


def test_a_call_where_providers_are_no_dict_says_that() -> None:
    words = r'LLMTRACE\["PROVIDERS"\] has to be a dict'
    with (
        override_settings(LLMTRACE={**NONE, "PROVIDERS": [SECRET]}),
        pytest.raises(ConfigurationError, match=words),
    ):
        LLM("m").chat("Hello")


def test_the_longest_retention_can_be_counted_back_from_today() -> None:
    with override_settings(LLMTRACE={**NONE, "RETENTION_DAYS": 36_500, "CONTENT_RETENTION_DAYS": 36_500}):
        assert check_settings() == []
        assert Retention(36_500, 36_500, "default")._limits(None)[0] is not None


def test_a_spool_folder_that_no_file_system_can_name() -> None:
    message = only({**NONE, "SPOOL": {"DIRECTORY": "/tmp/a\0b"}})
    assert (message.id, message.msg.partition(" ")[0]) == ("llmtrace.E010", 'LLMTRACE["SPOOL"]["DIRECTORY"]')


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (exporters({"BACKEND": "no.such.Exporter", "OPTIONS": {"key": SECRET}}), '["EXPORTERS"][0]["BACKEND"]'),
        (
            exporters({"BACKEND": RECORDER, "FILTERS": [{"BACKEND": "no.such.filter"}]}),
            '["EXPORTERS"][0]["FILTERS"][0]["BACKEND"]',
        ),
        ({"FILTERS": [{"BACKEND": "llmtrace.filters.NoSuch"}]}, '["FILTERS"][0]["BACKEND"]'),
        (providers(other={"BACKEND": "llmtrace.providers.NoSuch"}), '["PROVIDERS"]["other"]["BACKEND"]'),
        ({"TRACER_PROVIDER": "no.such.provider"}, '["TRACER_PROVIDER"]'),
        ({"INSTRUMENTORS": ["no.such.Instrumentor"]}, '["INSTRUMENTORS"][0]'),
    ],
)
def test_e003_what_cannot_be_imported(value: dict[str, Any], where: str) -> None:
    message = only({**NONE, **value})
    assert message.id == "llmtrace.E003"
    assert f"LLMTRACE{where}" in message.msg


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (exporters({"BACKEND": "pathlib.Path"}), '["EXPORTERS"][0]["BACKEND"]'),
        ({"FILTERS": [{"BACKEND": "os.sep"}]}, '["FILTERS"][0]["BACKEND"]'),
        (providers(other={"BACKEND": RECORDER, "OPTIONS": {"key": SECRET}}), '["PROVIDERS"]["other"]["BACKEND"]'),
        (providers(other={"BACKEND": "llmtrace.providers.base.Provider"}), '["PROVIDERS"]["other"]["BACKEND"]'),
        (
            providers(other={"BACKEND": "llmtrace.providers.stainless.StainlessProvider"}),
            '["PROVIDERS"]["other"]["BACKEND"]',
        ),
        ({"TRACER_PROVIDER": "os.sep"}, '["TRACER_PROVIDER"]'),
        ({"INSTRUMENTORS": ["pathlib.Path"]}, '["INSTRUMENTORS"][0]'),
    ],
)
def test_e004_a_class_of_the_wrong_kind(value: dict[str, Any], where: str) -> None:
    message = only({**NONE, **value})
    assert message.id == "llmtrace.E004"
    assert f"LLMTRACE{where}" in message.msg


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (exporters({"BACKEND": RECORDER, "OPTIONS": {"endpiont": SECRET}}), '["EXPORTERS"][0]["OPTIONS"]'),
        (
            exporters(
                {
                    "BACKEND": "opentelemetry.exporter.otlp.proto.http.trace_exporter.OTLPSpanExporter",
                    "OPTIONS": {"endpiont": SECRET},
                }
            ),
            '["EXPORTERS"][0]["OPTIONS"]',
        ),
        (
            providers(other={"BACKEND": "llmtrace.providers.OpenAI", "OPTIONS": {"api_kye": SECRET}}),
            '["PROVIDERS"]["other"]["OPTIONS"]',
        ),
    ],
)
def test_e005_options_that_do_not_fit_are_named_and_their_values_are_not(value: dict[str, Any], where: str) -> None:
    message = only({**NONE, **value})
    assert message.id == "llmtrace.E005"
    assert f"LLMTRACE{where}" in message.msg
    assert re.search("endpiont|api_kye", message.msg)


WRONG_OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("llmtrace.filters.Redact", {"patterns": [f"({SECRET}"]}),
    ("llmtrace.filters.Redact", {"patterns": SECRET}),
    ("llmtrace.filters.Redact", {"patterns": [b"bytes"]}),
    ("llmtrace.filters.Redact", {"patterns": (each for each in [SECRET])}),
    ("llmtrace.filters.Redact", {"email": "false"}),
    ("llmtrace.filters.Redact", {"names": ["pin", "--"]}),
    ("llmtrace.filters.Redact", {"keep": 5}),
    ("llmtrace.filters.Redact", {"function": "no.such.function"}),
    ("llmtrace.filters.Redact", {"mask": '"'}),
    ("llmtrace.filters.Exclude", {"names": SECRET}),
    ("llmtrace.filters.Exclude", {"routes": [5]}),
    ("llmtrace.filters.Exclude", {"attributes": [SECRET]}),
    ("llmtrace.filters.Hash", {"key": ""}),
    ("llmtrace.filters.Hash", {"names": SECRET}),
    ("llmtrace.filters.SetAttributes", {"attributes": {5: SECRET}}),
    ("llmtrace.filters.SetAttributes", {"attributes": {}, "replace": SECRET}),
    ("llmtrace.filters.Truncate", {"length": "100"}),
    ("llmtrace.filters.Truncate", {"length": 0}),
    ("llmtrace.providers.OpenAI", {"timeout": SECRET}),
    ("llmtrace.providers.OpenAI", {"timeout": 0}),
    ("llmtrace.providers.OpenAI", {"api": SECRET}),
    ("llmtrace.providers.OpenAI", {"api": ["chat"]}),
    ("llmtrace.providers.OpenAI", {"base_url": 5}),
    ("llmtrace.providers.OpenAI", {"base_url": f"localhost/{SECRET}"}),
    ("llmtrace.providers.OpenAI", {"api_key": 5}),
    ("llmtrace.providers.OpenAI", {"api_key": f"{SECRET}\n"}),
    ("llmtrace.providers.Anthropic", {"api_key": f" {SECRET}"}),
    ("llmtrace.providers.Cohere", {"api_key": f"{SECRET}…"}),
    ("llmtrace.providers.OpenAI", {"max_retries": -1}),
    ("llmtrace.providers.OpenAI", {"http_client": SECRET}),
    ("llmtrace.providers.Groq", {"headers": {"x-key": 5}}),
    ("llmtrace.providers.Groq", {"headers": {"x-key": f"{SECRET}\n"}}),
    ("llmtrace.providers.AzureOpenAI", {"azure_ad_token_provider": SECRET}),
    ("llmtrace.providers.AzureAI", {"api_version": 2024}),
    ("llmtrace.providers.Anthropic", {"headers": SECRET}),
    ("llmtrace.providers.Google", {"vertexai": "no"}),
    ("llmtrace.providers.Bedrock", {"region": 5}),
    ("llmtrace.providers.Cohere", {"model": 5}),
    ("llmtrace.providers.Fake", {"replies": SECRET}),
]


@pytest.mark.parametrize(
    ("backend", "options"), WRONG_OPTIONS, ids=lambda it: it if isinstance(it, str) else "-".join(it)
)
def test_e005_a_value_that_cannot_be_meant_is_named_by_its_option(backend: str, options: dict[str, Any]) -> None:
    entry = {"BACKEND": backend, "OPTIONS": options}
    if ".providers." in backend:
        value, where = {**NONE, **providers(other=entry)}, '["PROVIDERS"]["other"]["OPTIONS"]'
    else:
        value, where = {**NONE, "FILTERS": [entry]}, '["FILTERS"][0]["OPTIONS"]'
    message = only(value)
    assert message.id == "llmtrace.E005"
    assert message.msg.startswith(f'LLMTRACE{where} has a "{list(options)[-1]}" that is not ')


@pytest.mark.parametrize(
    ("backend", "options"),
    [
        (
            "llmtrace.filters.Redact",
            {
                "email": True,
                "names": {"pin"},
                "keep": ("csrf_token",),
                "patterns": ["a+", re.compile("b")],
                "function": "llmtrace.filters.redact.redact_text",
                "mask": "***",
            },
        ),
        ("llmtrace.filters.Redact", {"function": str.strip}),
        ("llmtrace.filters.Exclude", {"names": ["a*"], "attributes": {"tenant": "test-*", "internal": True}}),
        ("llmtrace.filters.Hash", {"names": [], "key": None}),
        ("llmtrace.filters.SetAttributes", {"attributes": {"team": "shop"}, "replace": False}),
        (
            "llmtrace.providers.OpenAI",
            {
                "api_key": lambda: SECRET,
                "base_url": httpx2.URL("http://localhost"),
                "timeout": httpx2.Timeout(5, connect=1),
                "max_retries": 0,
                "headers": {"a": "b"},
                "http_client": [object(), object()],
                "api": "responses",
            },
        ),
        ("llmtrace.providers.OpenAI", {"api_key": "", "base_url": None, "timeout": 0.5}),
        ("llmtrace.providers.Google", {"vertexai": True, "credentials": object()}),
        ("llmtrace.providers.Fake", {"replies": ["text", LookupError()]}),
    ],
)
def test_options_that_can_be_meant_have_no_problem(backend: str, options: dict[str, Any]) -> None:
    entry = {"BACKEND": backend, "OPTIONS": options}
    assert found({**NONE, **(providers(other=entry) if ".providers." in backend else {"FILTERS": [entry]})}) == []


def test_e005_is_told_of_every_option_of_every_filter_and_provider() -> None:
    for module in (filters, llmtrace_providers):
        for name in set(module.__all__) - {"FakeReply"}:
            made = getattr(module, name)
            for option in inspect.signature(made).parameters.keys() - {"credentials"}:
                wrong = 5.5 if option == "http_client" else object()
                assert made.check_options({option: wrong}) is not None, f"{name}: {option}"


def test_e005_stands_where_the_options_of_redact_do_and_for_filters_of_one_exporter() -> None:
    assert only({"REDACT": {"patterns": ["("]}}).msg == (
        'LLMTRACE["REDACT"] has a "patterns" that is not a list of regular expressions.'
    )
    own = {"BACKEND": "llmtrace.filters.Truncate", "OPTIONS": {"length": None}}
    assert only(exporters({"BACKEND": RECORDER, "FILTERS": [own]})).msg == (
        'LLMTRACE["EXPORTERS"][0]["FILTERS"][0]["OPTIONS"] has a "length" that is not a whole number above 0.'
    )


def test_a_provider_with_a_wrong_option_refuses_the_call_in_the_words_of_the_check() -> None:
    entry = {"BACKEND": "llmtrace.providers.OpenAI", "OPTIONS": {"timeout": SECRET}}
    with override_settings(LLMTRACE=providers(default=entry)), pytest.raises(ConfigurationError) as raised:
        LLM("gpt-4o-mini").chat("Recommend a book")
    assert 'LLMTRACE["PROVIDERS"]["default"]["OPTIONS"] has a "timeout" that is not' in str(raised.value)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("name", sorted(set(llmtrace_providers.__all__) - {"Fake", "FakeReply"}))
@pytest.mark.parametrize("address", ["", " "])
def test_an_address_of_a_provider_that_is_given_empty_is_no_other_address(name: str, address: str) -> None:
    entry = {"BACKEND": f"llmtrace.providers.{name}", "OPTIONS": {"api_key": "key", "base_url": address}}
    words = (
        'LLMTRACE["PROVIDERS"]["default"]["OPTIONS"] has an empty "base_url", '
        "perhaps from an environment variable that is not set"
    )
    assert words in only({"PROVIDERS": {"default": entry}, **NONE}).msg
    with (
        override_settings(LLMTRACE=providers(default=entry)),
        pytest.raises(ConfigurationError, match=re.escape(words)),
    ):
        LLM("gpt-4o-mini").chat("Recommend a book")


def test_e006_two_exporters_of_one_name() -> None:
    message = only(exporters({"BACKEND": RECORDER}, {"BACKEND": RECORDER}))
    assert message.id == "llmtrace.E006"
    assert 'LLMTRACE["EXPORTERS"][1] has the name "Recorder" of LLMTRACE["EXPORTERS"][0]' in message.msg


def test_e007_providers_without_a_default() -> None:
    message = only({"PROVIDERS": {"other": {"BACKEND": "llmtrace.providers.OpenAI"}}, **NONE})
    assert message.id == "llmtrace.E007"
    assert only({"PROVIDERS": None, **NONE}).id == "llmtrace.E007"


def test_e008_an_unknown_database() -> None:
    message = only({"DATABASE": "nowhere", **NONE})
    assert message.id == "llmtrace.E008"
    assert 'LLMTRACE["DATABASE"] names "nowhere"' in message.msg
    assert message.hint == "There is default, llmtrace."
    entry = {"BACKEND": "llmtrace.exporters.Database", "OPTIONS": {"alias": "nowhere"}}
    message = only(exporters(entry))
    assert message.id == "llmtrace.E008"
    assert 'LLMTRACE["EXPORTERS"][0]["OPTIONS"]["alias"]' in message.msg
    message = only(exporters({"BACKEND": "llmtrace.exporters.Database", "OPTIONS": {"alias": ["nowhere"]}}))
    assert message.id == "llmtrace.E008"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ENABLED", "yes"),
        ("MAX_CONTENT", -1),
        ("EXPORTERS", {"BACKEND": RECORDER}),
        ("PROVIDERS", [SECRET]),
        ("EXCLUDE_URLS", ["(unclosed"]),
        ("EXCLUDE_URLS", "^/health"),
        ("EXCLUDE_URLS", ["a{99999999999999999999}"]),
        ("EXCLUDE_URLS", ["(" * 5000]),
        ("EXPORTERS", None),
        ("RETENTION_DAYS", 1_000_000),
        pytest.param("CONTENT_RETENTION_DAYS", 10**5000, id="CONTENT_RETENTION_DAYS-too-long-to-write"),
        ("INSTRUMENTORS", [1]),
        ("TRACER_PROVIDER", 5),
        ("EXIT_TIMEOUT", "5"),
        ("EXIT_TIMEOUT", float("inf")),
    ],
)
def test_e010_a_value_of_the_wrong_type(key: str, value: Any) -> None:
    message = only({**NONE, key: value})
    assert message.id == "llmtrace.E010"
    assert f'LLMTRACE["{key}"] has to be' in message.msg


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"PROVIDERS": {"default": None}}, 'LLMTRACE["PROVIDERS"]["default"]'),
        ({"EXPORTERS": [None]}, 'LLMTRACE["EXPORTERS"][0]'),
        ({"FILTERS": [None]}, 'LLMTRACE["FILTERS"][0]'),
        ({"PRICES": {"m": 5}}, 'LLMTRACE["PRICES"]["m"]'),
        ({"PRICES": {"m": {"input_mtok": "dear"}}}, 'LLMTRACE["PRICES"]["m"]'),
        ({"PRICES": {"m": {"inputs": "1"}}}, 'LLMTRACE["PRICES"]["m"]'),
        pytest.param(
            {"PRICES": {"m": {"input_mtok": 10**5000}}}, 'LLMTRACE["PRICES"]["m"]', id="a price too long to write"
        ),
    ],
)
def test_e010_an_entry_of_the_wrong_type(settings: dict[str, Any], where: str) -> None:
    message = only({**NONE, **settings})
    assert message.id == "llmtrace.E010"
    assert message.msg.startswith(f"{where} has to be a dict")


def test_e010_a_price_with_other_keys_is_told_those_that_there_are() -> None:
    message = only({"PRICES": {"m": {"input": 1}}, **NONE})
    assert "input_mtok, output_mtok, cache_read_mtok, cache_write_mtok" in message.msg
    assert "discount" in message.msg


def test_a_price_that_is_one_is_taken_and_one_that_is_none_left_out() -> None:
    good = {"input_mtok": "0.10", "cache_read_mtok": 0, "output_mtok": Decimal("0.4")}
    assert read({"PRICES": {"good": good, "bad": {"input_mtok": "dear"}}}).prices == {"good": good}


def test_settings_that_are_no_dict() -> None:
    assert found("everything")[0].id == "llmtrace.E010"


SQLITE = "django.db.backends.sqlite3"


def sqlite(name: object, mode: str | None = None) -> dict[str, Any]:
    return {"ENGINE": SQLITE, "NAME": name, "OPTIONS": {} if mode is None else {"transaction_mode": mode}}


def shared(value: Mapping[str, Any], /, **databases: dict[str, Any]) -> list[tuple[str, str]]:
    return [(problem.id, problem.where) for problem in database_problems(read(value), databases)]


W009 = ("llmtrace.W009", 'LLMTRACE["DATABASE"]')


def test_options_of_redact_are_named_where_they_stand() -> None:
    message = only({"REDACT": {"emial": True}})
    assert (message.id, message.msg.partition(" ")[0]) == ("llmtrace.E005", 'LLMTRACE["REDACT"]')


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ({"MAX_CONTENT": -1}, "It is -1."),
        ({"EXIT_TIMEOUT": True}, "It is True."),
        ({"SERVICE_NAME": ["shop"]}, "It is a value of type list."),
        ({"SERVICE_NAME": ""}, "It is an empty text, perhaps from an environment variable that is not set."),
        ({"ENABLED": " "}, "It is an empty text, perhaps from an environment variable that is not set."),
        (
            {"EXCLUDE_URLS": ["^/health/$", "("]},
            "The wrong one is [1]: missing ), unterminated subpattern, at its character 0.",
        ),
        ({"EXCLUDE_URLS": ["^/health/$", 5]}, "The wrong one is [1], a value of type int."),
        (
            {"JOBS": {"EXCLUDE": ["shop.tasks.heartbeat", len]}},
            "The wrong one is [1], a value of type builtin_function_or_method.",
        ),
    ],
)
def test_e010_the_hint_says_what_stands_there(value: dict[str, Any], hint: str) -> None:
    assert only({**NONE, **value}).hint == hint


def test_w009_spans_in_the_hosts_sqlite_file_whose_transactions_are_not_immediate(tmp_path: Path) -> None:
    file, other = tmp_path / "site.sqlite3", tmp_path / "spans.sqlite3"
    own = {"DATABASE": "llmtrace"}
    assert shared({}, default=sqlite(file)) == [W009]
    assert shared({}, default=sqlite(file, "DEFERRED")) == [W009]
    assert shared(own, default=sqlite(file), llmtrace=sqlite(str(file), "IMMEDIATE")) == [W009]
    assert shared(own, default=sqlite(file), llmtrace=sqlite(tmp_path / "." / "site.sqlite3")) == [W009]
    assert shared({}, default=sqlite(file, "immediate")) == []
    assert shared({}, default=sqlite(file, "EXCLUSIVE")) == []
    assert shared(own, default=sqlite(file), llmtrace=sqlite(other)) == []


def test_w009_is_not_for_memory_other_engines_or_spans_that_go_elsewhere(tmp_path: Path) -> None:
    assert shared({}, default=sqlite(":memory:")) == []
    assert shared({}, default=sqlite("file:memorydb_default?mode=memory&cache=shared")) == []
    assert shared({}, default={"ENGINE": "django.db.backends.postgresql", "NAME": "site"}) == []
    assert shared(exporters({"BACKEND": RECORDER}), default=sqlite(tmp_path / "site.sqlite3")) == []
    assert shared({"ENABLED": False}, default=sqlite(tmp_path / "site.sqlite3")) == []


def test_w011_no_folder_for_what_waits_is_told_where_the_site_is_deployed(tmp_path: Path) -> None:
    with override_settings(LLMTRACE={}):
        (message,) = check_deployment()
        assert message.id == "llmtrace.W011"
        assert message.msg.startswith('LLMTRACE["SPOOL"]["DIRECTORY"]')
        assert check_settings() == []
    unspooled = exporters({"BACKEND": RECORDER, "QUEUE": {"spool": False}})
    for fine in (
        {"SPOOL": {"DIRECTORY": str(tmp_path)}},
        {"SPOOL": {"DIRECTORY": tmp_path}},
        unspooled,
        exporters({"BACKEND": PROCESSOR, "OPTIONS": {"told": []}}),
        {"ENABLED": False},
    ):
        with override_settings(LLMTRACE=fine):
            assert check_deployment() == []


@pytest.mark.parametrize("directory", ["spool", Path("var") / "spool"])
def test_w011_a_folder_that_is_another_for_each_place_where_a_process_is_started(directory: Any) -> None:
    with override_settings(LLMTRACE={"SPOOL": {"DIRECTORY": directory}}):
        (message,) = check_deployment()
        assert message.id == "llmtrace.W011"
        assert message.msg.startswith('LLMTRACE["SPOOL"]["DIRECTORY"] is a relative path')
        assert check_settings() == []


def test_w012_a_durable_queue_without_a_spool() -> None:
    message = only(exporters({"BACKEND": RECORDER, "QUEUE": {"durable": True, "spool": False}}))
    assert message.id == "llmtrace.W012"
    assert 'LLMTRACE["EXPORTERS"][0]["QUEUE"]["durable"]' in message.msg


PROCESSOR = "tests.pipeline.exporters.Processor"


@pytest.mark.parametrize("queue", [{"spool": True}, {"size": 10}, {"durable": True, "spool": False}, {}])
def test_w013_a_queue_for_a_span_processor_which_has_none(queue: dict[str, Any]) -> None:
    message = only(exporters({"BACKEND": PROCESSOR, "OPTIONS": {"told": []}, "QUEUE": queue}))
    assert (message.id, isinstance(message, Error)) == ("llmtrace.W013", False)
    assert message.msg.startswith('LLMTRACE["EXPORTERS"][0]["QUEUE"] ')


def test_w013_is_not_for_what_a_span_processor_has_or_others_have() -> None:
    all_but_a_queue = {"NAME": "it", "SPANS": "llm", "SAMPLE": 0.5, "SEMCONV": "dup", "FILTERS": []}
    assert found(exporters({"BACKEND": PROCESSOR, "OPTIONS": {"told": []}, **all_but_a_queue})) == []
    assert found(exporters({"BACKEND": RECORDER, "QUEUE": {"size": 10}})) == []


class Primary:
    """A router of the host's that answers for all models."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "default"


class Failing:
    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        raise LookupError(SECRET)


OURS = "llmtrace.routers.LLMTraceRouter"


def routed(*routers: str, database: str = "llmtrace") -> list[CheckMessage]:
    with override_settings(DATABASE_ROUTERS=list(routers)):
        return found({"DATABASE": database, **NONE})


def test_w014_a_router_that_lets_no_tables_be_made_where_spans_are_written() -> None:
    (message,) = routed(f"{__name__}.Primary", OURS)
    assert message.id == "llmtrace.W014"
    assert message.msg.startswith('LLMTRACE["DATABASE"] has spans written to DATABASES["llmtrace"]')
    assert "migrate llmtrace zero --fake --database llmtrace" in str(message.hint)


def test_w014_is_not_where_tables_can_be_made_and_a_router_that_raises_is_for_others_to_tell() -> None:
    assert routed(OURS, f"{__name__}.Primary") == []
    assert routed(f"{__name__}.Primary", database="default") == []
    assert routed() == []
    assert routed(f"{__name__}.Failing") == []


def test_w014_what_it_advises_makes_the_tables(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock(), new_database("sqlite", tmp_path, migrate=False) as alias:
        with override_settings(LLMTRACE={"DATABASE": alias}, DATABASE_ROUTERS=[f"{__name__}.Primary", OURS]):
            call_command("migrate", "llmtrace", database=alias, verbosity=0)
        assert "llmtrace_span" not in connections[alias].introspection.table_names()
        with override_settings(LLMTRACE={"DATABASE": alias}, DATABASE_ROUTERS=[OURS, f"{__name__}.Primary"]):
            call_command("migrate", "llmtrace", "zero", fake=True, database=alias, verbosity=0)
            call_command("migrate", "llmtrace", database=alias, verbosity=0)
        assert "llmtrace_span" in connections[alias].introspection.table_names()


def test_manage_check_shows_the_problem_and_no_traceback() -> None:
    with override_settings(LLMTRACE={"TYPO": SECRET, **NONE}), pytest.raises(SystemCheckError) as raised:
        call_command("check", tags=["llmtrace"])
    assert "(llmtrace.E001)" in str(raised.value)
    assert SECRET not in str(raised.value)
    assert isinstance(found({"TYPO": 1, **NONE})[0], Error)


def test_where_no_checks_run_each_problem_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    wrong = {
        "TYPO": SECRET,
        "DATABASE": "nowhere",
        "TRACER_PROVIDER": "nowhere.provider",
        "PROVIDERS": {
            "default": {"BACKEND": "llmtrace.providers.Fake", "OPTIONS": {"replys": SECRET}},
            "claude": {"BACKEND": "llmtrace.providers.Claude"},
            "none": {},
        },
    }
    silenced = override_settings(SILENCED_SYSTEM_CHECKS=["llmtrace.E002"])
    with caplog.at_level("WARNING", "llmtrace"), silenced, captured_spans(**wrong):
        for name in ("first", "second"):
            with get_tracer("tests").start_as_current_span(name):
                pass
    assert [(record.getMessage()[:14], record.levelname) for record in caplog.records] == [
        ('LLMTRACE["TRAC', "ERROR"),
        ("(llmtrace.E001", "ERROR"),
        ("(llmtrace.E005", "ERROR"),
        ("(llmtrace.E003", "ERROR"),
        ("(llmtrace.E008", "ERROR"),
    ]
    assert SECRET not in caplog.text


def test_every_setting_is_documented_and_no_other() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    keys = {field.name.upper() for field in fields(Config)} - {"PROBLEMS", "GIVEN"}
    assert keys == KEYS
    assert sorted(re.findall(r"^### (\w+)", page, re.MULTILINE)) == sorted(keys)
    (table,) = re.findall(r"^\| key \|.*?\n\n", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    first_cells = " ".join(line.split("|")[1] for line in table.splitlines()[2:] if line)
    assert sorted(re.findall(r"`(\w+)`", first_cells)) == sorted(keys)
    inner = [*fields(ExporterConfig), *fields(JobsConfig), *fields(SpoolConfig)]
    rows = {field.name.upper() for field in inner} - {"WHERE", "PROBLEM", "GIVEN"} | {
        field.name for field in fields(QueueConfig)
    }
    assert set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE)) == rows


def test_every_id_in_the_code_is_documented_and_no_other() -> None:
    code = "".join(path.read_text() for path in (ROOT / "llmtrace").rglob("*.py"))
    used = set(re.findall(r'"(?:llmtrace\.)?([EW]\d{3})"', code))
    documented = re.findall(r"^## llmtrace\.([EW]\d{3})\b", (ROOT / "docs" / "checks.md").read_text(), re.MULTILINE)
    assert sorted(used) == sorted(documented)


def test_what_error_pages_show_of_the_settings_has_no_options() -> None:
    """They show the variables of each frame as `repr` writes them."""
    key = "sk-proj-9aB8cD7eF6gH5iJ4kL3mN2oP1qR0"
    entry = {"BACKEND": "llmtrace.exporters.OTLP", "OPTIONS": {"headers": {"authorization": key}}}
    config = read({"EXPORTERS": [{**entry, "FILTERS": [entry]}], "FILTERS": [entry], "PROVIDERS": {"default": entry}})
    assert "llmtrace.exporters.OTLP" in repr(config)
    assert key not in repr(config)
