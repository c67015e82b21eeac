"""The host's data."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class Order(models.Model):
    """What somebody has ordered."""

    title = models.CharField(max_length=100)
    buyer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)

    objects: ClassVar[models.Manager[Order]] = models.Manager()

    class Meta:
        app_label = "shop"

    def __str__(self) -> str:
        return self.title
