"""`python -m project.modelserver --port N`: serve until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys

from project.modelserver.server import ModelServer


def main() -> None:
    """Serve the models on 127.0.0.1 and say where."""
    parser = argparse.ArgumentParser(prog="python -m project.modelserver", description=__doc__)
    parser.add_argument("--port", type=int, default=8100, help="0 takes a free one; 8100 if left out")
    parser.add_argument("--pace", type=float, default=1.0, help="1: answers take as long as a model's; 0: none")
    options = parser.parse_args()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: sys.exit(0))
    server = ModelServer(options.port, options.pace)
    print(f"Models at {server.url}, with any key that begins with sk-", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
