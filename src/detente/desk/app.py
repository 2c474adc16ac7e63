"""The desk as one web application: which page answers which address, and how a refusal looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from detente import words
from detente.core.errors import DetenteError, LocalError, MachineError, Refusal
from detente.desk import (
    attaching,
    audit_page,
    authorising,
    entering,
    find_page,
    line_page,
    marking,
    notice_writing,
    notices_page,
    noting,
    own_page,
    paper,
    people_page,
    real_world,
    regimes_page,
    stopping,
    telephone_page,
    translating,
    voice,
    watch_page,
    writing,
)
from detente.desk.desk import Desk
from detente.desk.guard import Headers, came_from, desk_of, session_of, typed_here, wants_values
from detente.desk.node_side import gone
from detente.desk.refusing import refusal
from detente.desk.sending import Outgoing
from detente.desk.sheets import sheet
from detente.words import marked

STATIC = Path(__file__).with_name("static")
STATUS = {
    Refusal.NOT_ALLOWED: 403,
    Refusal.NOT_FOUND: 404,
    Refusal.OVERSIZE: 413,
    Refusal.OVER_QUOTA: 429,
}


def application(desk: Desk) -> Starlette:
    """The whole desk."""

    telling: set[asyncio.Task[int]] = set()

    def tell(_event: object) -> None:
        task = asyncio.ensure_future(noting.tell(desk))  # the node is there, perhaps again
        telling.add(task)
        task.add_done_callback(telling.discard)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        outgoing = Outgoing(desk)
        desk.node.on_event(outgoing.hear)
        desk.node.start(asyncio.get_running_loop())
        desk.node.on_event(tell)
        outgoing.begin()
        sentinel = asyncio.create_task(desk.sentinel.run())
        yield
        sentinel.cancel()
        desk.node.stop()

    app = Starlette(
        routes=[
            *entering.ROUTES,
            *writing.ROUTES,
            *authorising.ROUTES,
            *stopping.ROUTES,
            *attaching.ROUTES,  # likewise
            *marking.ROUTES,  # before the pages of entries, whose names may hold a slash
            *translating.ROUTES,
            *watch_page.ROUTES,
            *voice.ROUTES,
            *real_world.ROUTES,
            *find_page.ROUTES,
            *notices_page.ROUTES,
            *notice_writing.ROUTES,
            *regimes_page.ROUTES,
            *paper.ROUTES,  # before the pages of entries, whose names may hold a slash
            *audit_page.ROUTES,
            *telephone_page.ROUTES,
            *line_page.ROUTES,
            *own_page.ROUTES,
            *people_page.ROUTES,
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[
            Middleware(Headers, by_tls=desk.origin.startswith("https:")),
            Middleware(TrustedHostMiddleware, allowed_hosts=[desk.host]),
        ],
        exception_handlers={DetenteError: refused, 404: unknown_page, 405: unknown_page},
        lifespan=lifespan,
    )
    app.state.desk = desk
    return app


async def refused(request: Request, error: Exception) -> Response:
    """A refusal as a page: what happened, and what to do."""
    assert isinstance(error, DetenteError)  # noqa: S101  # registered for nothing else
    try:
        session = session_of(request)
    except MachineError:  # the desk's own file: who asks is not known either
        session = None
    text, hint = words.refusal(error)
    status = STATUS.get(error.refusal, 400)
    dead, full = isinstance(error, LocalError) and gone(error), isinstance(error, MachineError)
    if full:
        with suppress(DetenteError):  # what it keeps from here on it keeps; else we are here again
            desk_of(request).cabinet.reopen()
    status = 503 if dead else 507 if full else status
    if wants_values(request):
        return JSONResponse({"refused": f"{text}. {hint}"}, status_code=status)
    return sheet(
        request,
        desk_of(request),
        session,
        "refused.html",
        status,
        text=text,
        hint=hint,
        dead=dead,
        full=full,
        back=came_from(request),
        typed=[] if session is None else await typed_here(request),
    )


async def unknown_page(request: Request, _error: Exception) -> Response:
    """An address that no page has."""
    text = marked("This desk has no such page")
    return await refused(request, refusal(Refusal.NOT_FOUND, text, marked("Go to all lines.")))
