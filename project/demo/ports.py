"""Free ports on this machine."""

from __future__ import annotations

import socket


def free_port(wanted: int) -> int:
    """The wanted port of 127.0.0.1, or any other that is free when it is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port whose last connections linger is free
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise OSError("No port of 127.0.0.1 is free.")
