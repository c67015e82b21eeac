"""What a caller waits for a model call while an exporter beside the good one is slow, hangs or raises.

Run it with ``python -m benchmarks.latency``. Each call goes to the example's model server in a process of its own; the
good exporter sends to an OTLP/HTTP receiver in another. All cases run in one process, round by round in turning order.
Calls follow one another without a pause. First they are answered at once: then the exporters' threads never find the
interpreter idle, and have as much to do as they ever get. Then the model takes some milliseconds for its answer, which
is still far quicker than any. In each round a case is measured once its exporters are in the state that its name says.

A figure is the median of the rounds. Ratios are to the good exporter alone, taken round by round; *alone, once more* is
the same thing measured twice, and says how far a ratio is from 1 by chance.
"""

from __future__ import annotations

import argparse
import gc
import logging
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import django
from django.conf import settings

from benchmarks.rounds import in_turns

GOOD: Final = "llmtrace.exporters.OTLP"
PROMPT: Final = "Recommend a fantasy book to someone who liked The Name of the Wind. " * 10
OFTEN: Final = {"delay": 0.1}  # so that exporters are at work all the time, and not once a second
FULL: Final = {"size": 400, "batch": 100}
FULL_WITHOUT_DISK: Final = {"size": 8, "batch": 8, "spool": False}
LONGEST_S: Final = 20.0  # until a case is what its name says


@dataclass(frozen=True)
class Case:
    """An exporter beside the good one, if any, and what has to have happened to its spans before it is measured."""

    neighbour: str | None = None
    queue: Mapping[str, Any] = field(default_factory=dict)
    begun: Callable[[Any], bool] = lambda account: True


def on_disk(account: Any) -> bool:
    """Whether spans go to disk."""
    return bool(account.spooled)


def dropped(account: Any) -> bool:
    """Whether spans go nowhere."""
    return bool(account.dropped)


CASES: Final = {
    "alone": Case(),
    "alone, once more": Case(),
    "beside one that works": Case("benchmarks.discard.Discard"),
    "beside a slow one": Case("benchmarks.faulty.Slow"),
    "beside one that hangs": Case("benchmarks.faulty.Hanging"),
    "beside one that raises": Case("benchmarks.faulty.Raising", begun=on_disk),
    "slow, queue full, to disk": Case("benchmarks.faulty.Slow", FULL, on_disk),
    "hangs, queue full, to disk": Case("benchmarks.faulty.Hanging", FULL, on_disk),
    "hangs, queue full, no disk": Case("benchmarks.faulty.Hanging", FULL_WITHOUT_DISK, dropped),
}


@contextmanager
def model_server(pace: float) -> Iterator[str]:
    """The base URL of the example's model server; `pace` is the share of a model's time that it takes."""
    command = [sys.executable, "-m", "project.modelserver", "--port", "0", "--pace", str(pace)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[2].rstrip(",")
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@contextmanager
def site(case: Case, model: str, receiver: str, folder: str) -> Iterator[Callable[[], Any]]:
    """A function that makes a call, under the settings of one case."""
    from django.test import override_settings

    from llmtrace import llm_call

    entries: list[dict[str, Any]] = [
        {"NAME": "good", "BACKEND": GOOD, "OPTIONS": {"endpoint": receiver}, "QUEUE": OFTEN}
    ]
    if case.neighbour is not None:
        entries.append({"NAME": "neighbour", "BACKEND": case.neighbour, "QUEUE": {**OFTEN, **case.queue}})
    provider = {"BACKEND": "llmtrace.providers.OpenAI", "OPTIONS": {"api_key": "sk-benchmark", "base_url": model}}
    llmtrace = {
        "PROVIDERS": {"default": provider},
        "EXPORTERS": entries,
        "SPOOL": {"DIRECTORY": folder},
        "EXIT_TIMEOUT": 0.5,
    }
    with override_settings(LLMTRACE=llmtrace):

        @llm_call("gpt-4o-mini", temperature=0.2)
        def recommend(liked: str) -> str:
            return liked

        yield lambda: recommend(PROMPT)


def latencies(case: Case, model: str, receiver: str, calls: int) -> list[float]:
    """Seconds that each call took."""
    from llmtrace.pipeline.fanout import fanout

    with tempfile.TemporaryDirectory() as folder, site(case, model, receiver, folder) as call:
        for _ in range(30):
            call()
        give_up_at = time.monotonic() + LONGEST_S
        while case.neighbour is not None and not case.begun(fanout.accounts()["neighbour"]):
            assert time.monotonic() < give_up_at, case
            call()
        gc.collect()
        took = []
        for _ in range(calls):
            began = time.perf_counter()
            call()
            took.append(time.perf_counter() - began)
        account = fanout.accounts()["good"]
        assert not account.lost, account
        return took


def percentile(seconds: Sequence[float], percent: int) -> float:
    """What so many of a hundred calls did not exceed."""
    return statistics.quantiles(seconds, n=100)[percent - 1]


def report(took: Mapping[str, Sequence[Sequence[float]]]) -> None:
    """Print milliseconds and ratios."""
    print(f"  {'':<30}{'median ms':>12}{'× alone':>10}{'p99 ms':>12}{'× alone':>10}")
    for name, rounds in took.items():
        cells = []
        for percent in (50, 99):
            found = [percentile(each, percent) for each in rounds]
            alone = [percentile(each, percent) for each in took["alone"]]
            ratios = [each / other for each, other in zip(found, alone, strict=True)]
            cells += [f"{statistics.median(found) * 1e3:>12.2f}", f"{statistics.median(ratios):>10.2f}"]
        print(f"  {name:<30}{''.join(cells)}")


def main() -> None:
    """Measure and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=500, help="calls in one round of a case")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--pace", type=float, action="append", help="of the model; by default at once, and then 0.05")
    arguments = parser.parse_args()

    logging.disable()  # of the exporters that fail on purpose
    settings.configure(USE_TZ=True, INSTALLED_APPS=["llmtrace"], DATABASES={"default": {}}, LLMTRACE={"EXPORTERS": []})
    django.setup()
    from benchmarks.receiver import receiver

    with receiver() as endpoint:
        for pace in arguments.pace or (0.0, 0.05):
            calls = arguments.calls if pace == 0 else arguments.calls // 5
            with model_server(pace) as model:
                took = in_turns(
                    CASES,
                    lambda name: latencies(CASES[name], model, endpoint, calls),  # noqa: B023 - done within the turn
                    arguments.rounds,
                )
            print(f"\nLatency of a call at {pace:g} of a model's pace, {arguments.rounds} rounds of {calls} calls each")
            report(took)


if __name__ == "__main__":
    main()
