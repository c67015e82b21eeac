"""Pages of the admin that stand for no table.

They are registered as a model is, since that is how an admin site comes by URLs, permissions and menu entries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.apps.registry import Apps
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from llmtrace.models import Span

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]  # at run time the class takes no parameter
else:
    _ModelAdmin = admin.ModelAdmin


class Trace(models.Model):
    """Stands for the trace page where an admin site wants a model."""

    class Meta:
        apps = Apps()  # a registry of its own: no table, no migration, no content type
        app_label = "llmtrace"
        managed = False
        default_permissions = ()
        verbose_name = _("trace")
        verbose_name_plural = _("traces")

    def __str__(self) -> str:
        return str(self._meta.verbose_name)


class Health(models.Model):
    """Stands for the Health page."""

    class Meta:
        apps = Apps()
        app_label = "llmtrace"
        managed = False
        default_permissions = ()
        verbose_name = _("health")
        verbose_name_plural = _("health")

    def __str__(self) -> str:
        return str(self._meta.verbose_name)


class ReadOnly(_ModelAdmin):
    """An admin that shows and changes nothing, for those who may view spans."""

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return may_view_spans(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_view_spans(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


def may_view_spans(request: HttpRequest) -> bool:
    """Whether the user may see spans, without what was said in them."""
    return request.user.has_perm(f"{Span._meta.app_label}.view_span")


def may_view_content(request: HttpRequest) -> bool:
    """Whether the user may read what people and models wrote."""
    return request.user.has_perm(f"{Span._meta.app_label}.view_content")


def page_context(request: HttpRequest, site: admin.AdminSite) -> dict[str, Any]:
    """What the admin's templates want to know on a page of ours.

    Raises:
        PermissionDenied: the user may not view spans.
    """
    if not may_view_spans(request):
        raise PermissionDenied
    request.current_app = site.name  # how the admin tells its templates where they are
    return {**site.each_context(request), "app_name": apps.get_app_config(Span._meta.app_label).verbose_name}
