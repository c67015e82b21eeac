"""What all tests share."""

pytest_plugins = ["tests.databases", "tests.recorded", "tests.scripted", "tests.surfacing"]
