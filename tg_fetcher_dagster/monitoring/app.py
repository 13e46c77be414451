"""What the monitor answers over HTTP; no answer waits for a source."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tg_fetcher_dagster.monitoring.exposition import CONTENT_TYPE
from tg_fetcher_dagster.monitoring.watching import Watching

UNAVAILABLE = 503

PAGES = "tg-fetcher monitor: /metrics, /health, /health/live, /health/ready\n"


def application(watching: Watching) -> Starlette:
    """Returns the monitor's pages."""

    async def metrics(_: Request) -> Response:
        return Response(watching.metrics(), headers={"content-type": CONTENT_TYPE})

    async def health(_: Request) -> Response:
        found = watching.health()
        return Response(
            found.model_dump_json(indent=2) + "\n",
            status_code=UNAVAILABLE if found.status == "down" else 200,
            media_type="application/json",
        )

    async def live(_: Request) -> Response:
        return _probe(watching.stuck())

    async def ready(_: Request) -> Response:
        return _probe(watching.unread())

    async def pages(_: Request) -> Response:
        return PlainTextResponse(PAGES)

    return Starlette(
        routes=[
            Route("/", pages),
            Route("/metrics", metrics),
            Route("/health", health),
            Route("/health/live", live),
            Route("/health/ready", ready),
        ]
    )


def _probe(why_not: str | None) -> Response:
    """Returns 200, or 503 with the reason."""
    if why_not is None:
        return PlainTextResponse("ok\n")
    return PlainTextResponse(f"{why_not}\n", status_code=UNAVAILABLE)
