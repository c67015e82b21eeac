"""The shop's addresses."""

from django.urls import path

from project.shop import pages, streams

app_name = "shop"
urlpatterns = [
    path("", pages.home, name="home"),
    path("ask/", pages.ask, name="ask"),
    path("tell/", streams.atell, name="tell"),
    path("tell/sync/", streams.tell, name="tell_sync"),
    path("jobs/", pages.start_job, name="start_job"),
    path("jobs/<uuid:task_id>/", pages.job, name="job"),
    path("fail/", pages.fail, name="fail"),
    path("tour/", pages.tour, name="tour"),
    path("forget/", pages.forget, name="forget"),
]
