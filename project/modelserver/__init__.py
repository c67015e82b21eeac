"""A local model server that speaks the OpenAI protocol over real HTTP: `python -m project.modelserver --port 8100`.

It needs nothing but the standard library, answers the same to the same prompt, and refuses what the real host refuses.
"""

from project.modelserver.server import ModelServer

__all__ = ["ModelServer"]
