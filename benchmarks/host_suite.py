"""What a host's test suite takes with llmtrace installed and without, on SQLite.

Run it with ``python -m benchmarks.host_suite``; a number behind it is that of the rounds. The suite is that of
`tests.hostsuite`, with 200 tests, under each runner. A figure is the processor time of all its processes in the
quickest round.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from project.modelserver import ModelServer
from tests.hostsuite.suite import RUNNERS, environment, run

ROUNDS = 5
CLASSES = "50"  # of four tests each
LEFT_OUT = {"pytest": ("-k", "not model_is_asked")}


def main() -> None:
    """Run the suite by turns, without the test that calls a model, and print seconds of the processor and the ratio.

    The least of all rounds counts: what else runs on the machine only ever adds. One round more is for the bytecode.
    """
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder, ModelServer(pace=0) as models:
        # Bytecode is kept from run to run, as an installed package's is.
        bytecode = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}
        kept = {"HOST_CLASSES": CLASSES} | bytecode
        database = {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/development.sqlite3"}
        for runner in RUNNERS:
            seconds: dict[bool, list[float]] = {True: [], False: []}
            more = LEFT_OUT.get(runner, ("--exclude-tag", "calls"))
            for traced in [True, False] * (rounds + 1):
                env = environment(Path(folder), database, models.url, traced=traced) | kept
                seconds[traced].append(run(runner, env, *more).cpu_s)
            with_it, without = min(seconds[True]), min(seconds[False])
            print(f"{runner:28} with {with_it:6.2f} s  without {without:6.2f} s  ratio {with_it / without:.3f}")


if __name__ == "__main__":
    main()
