"""What all tests share."""

import gc
import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "patient",  # a busy machine is no reason for a property not to hold
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,  # there a change fails for what it changes; new examples are found elsewhere
)
settings.load_profile("patient")

pytest_plugins = [
    "tests.databases",
    "tests.losses.counting",
    "tests.providers.printed",
    "tests.recorded",
    "tests.scripted",
    "tests.surfacing",
]


def pytest_collection_finish() -> None:
    """Look no more at what all tests have imported, each time that garbage is collected."""
    gc.collect()
    gc.freeze()


def pytest_xdist_auto_num_workers() -> int:
    """Two for each core: half of the time they wait for the processes, servers and databases that they test against."""
    return 2 * (os.cpu_count() or 1)
