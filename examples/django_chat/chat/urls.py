"""The page, its answers, and the visitor's farewell."""

from django.urls import path

from chat import views

urlpatterns = [
    path("", views.chat, name="chat"),
    path("answer", views.answer, name="answer"),
    path("leave", views.leave, name="leave"),
]
