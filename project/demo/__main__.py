"""`python -m project.demo [--once] [--port N]`: run the shop, visit it, show the traces, stay until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Final

import django

from project.demo.children import Children, Trouble
from project.demo.ports import free_port

PORT: Final = 8000


def main() -> int:
    """Run the demonstration; 0 when all traces are complete, 1 when something is missing or goes wrong."""
    parser = argparse.ArgumentParser(prog="python -m project.demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="check the traces and end; not 0 when one is incomplete")
    parser.add_argument("--port", type=int, help=f"of the site, {PORT} if left out; another when it is taken")
    parser.add_argument("--patience", type=float, default=90.0, help="seconds until all spans have to be in the store")
    options = parser.parse_args()
    wanted = 0 if options.once else PORT  # nobody looks at a site that ends at once
    os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    django.setup()
    try:
        return run(free_port(options.port or wanted), options.patience, once=options.once)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1


def run(port: int, patience: float, *, once: bool) -> int:
    """The demonstration with its processes, from the tables to the table."""
    from django.conf import settings

    from project.demo import report, stack, visits

    with Children(settings.VAR / "log") as children:
        stack.prepare()
        if "base_url" in settings.OPENAI:
            stack.start_models(children)
        site = stack.start_site(children, port)
        try:
            made = visits.make_all(site)
        except Trouble as trouble:
            raise Trouble(f"{trouble}\n{children.tails()}") from trouble
        lacking = report.wait_until_complete(children, made, patience)
        report.show(site, made, lacking)
        if not once:
            report.invite(site)
            children.stay()
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
