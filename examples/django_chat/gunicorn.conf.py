"""What gunicorn reads by itself; the command line goes before it."""

from livesession.web.gunicorn import post_worker_init  # noqa: F401, sessions end with their worker

worker_class = "gthread"
threads = 50  # each answer that is being given takes one
