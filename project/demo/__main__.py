"""`python -m project.demo [--once] [--port N]`: run the shop, visit it, show the traces, stay until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Final

import django

from project.demo.children import Children, Trouble
from project.demo.ports import free_port

MODELS_PORT: Final = 8100


def main() -> int:
    """Run the demonstration; 0 when all traces are complete, 1 when something is missing or goes wrong."""
    parser = argparse.ArgumentParser(prog="python -m project.demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="check the traces and end; not 0 when one is incomplete")
    parser.add_argument("--port", type=int, default=8000, help="of the site; another when it is taken")
    parser.add_argument("--patience", type=float, default=90.0, help="seconds until all spans have to be in the store")
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    models_port = None if os.environ.get("OPENAI_API_KEY") else free_port(MODELS_PORT)
    if models_port is not None:
        os.environ["MODEL_SERVER"] = f"http://127.0.0.1:{models_port}/v1"
    django.setup()
    try:
        return run(free_port(options.port), models_port, options.patience, once=options.once)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1


def run(site_port: int, models_port: int | None, patience: float, *, once: bool) -> int:
    """The demonstration with its processes, from the tables to the table."""
    from django.conf import settings

    from project.demo import report, stack, visits

    addresses = stack.Addresses(site_port, models_port)
    with Children(settings.VAR / "log") as children:
        stack.prepare()
        stack.start(children, addresses)
        try:
            made = visits.make_all(addresses.site)
        except Trouble as trouble:
            raise Trouble(f"{trouble}\n{children.tails()}") from trouble
        lacking = report.wait_until_complete(children, made, patience)
        report.show(addresses.site, made, lacking)
        if not once:
            children.stay()
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
