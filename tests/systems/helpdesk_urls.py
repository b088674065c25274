"""The addresses of the django-helpdesk that the tests start; run by its own Python."""

from django.urls import include, path

urlpatterns = [path("", include("helpdesk.urls", namespace="helpdesk"))]
