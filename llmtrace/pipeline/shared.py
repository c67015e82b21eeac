"""The resource that the spans of a process share, in a form that is cheap to group them by."""

from __future__ import annotations

from opentelemetry.sdk.resources import Resource


class SharedResource(Resource):
    """A resource that knows its hash: OpenTelemetry's writes all its attributes as JSON each time it is asked.

    Exporters ask once for each span, since OTLP groups spans by their resource.
    """

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource.attributes, resource.schema_url)
        self._hash = hash(resource)

    def __hash__(self) -> int:
        return self._hash


_latest: tuple[Resource, SharedResource] | None = None


def shared(resource: Resource) -> Resource:
    """A `SharedResource` like `resource`, the same one for as long as the same is asked for."""
    global _latest
    known = _latest
    if known is None or known[0] is not resource:
        known = _latest = resource, SharedResource(resource)
    return known[1]
