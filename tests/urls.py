"""The admin; tests with views of their own bring their own URLconf through `override_settings`."""

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
