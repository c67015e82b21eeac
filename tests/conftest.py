"""What all tests share."""

from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")  # a busy machine is no reason for a property not to hold

pytest_plugins = [
    "tests.databases",
    "tests.losses.counting",
    "tests.providers.printed",
    "tests.recorded",
    "tests.scripted",
    "tests.surfacing",
]
