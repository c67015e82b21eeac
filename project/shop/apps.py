"""The shop as a Django app."""

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """A small bookshop that asks a model for advice."""

    name = "project.shop"
    label = "shop"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Load the Celery application, so that tasks sent from a view find their broker."""
        from project import celery  # noqa: F401
