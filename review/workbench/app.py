"""The workbench as a web application: routes, the gate's answers, and what the browser may load."""
from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import DataError

from pipeline.fetching import NotHad
from pipeline.masking import mask_call
from records import Problem
from review.workbench import (
    appraising,
    assigning,
    audits,
    calibrating,
    calls,
    cases,
    correcting,
    dashboard,
    doors,
    following,
    health,
    keys,
    live,
    office,
    provider,
    queue,
    sampled,
    scoring,
    sound,
    staff,
    trends,
    views,
)
from review.workbench.api import create_api
from review.workbench.bench import Bench, render
from review.workbench.bounded import Bounded
from review.workbench.gate import (
    Refused,
    SignInFirst,
    answer_broken,
    answer_refused,
    answer_sign_in,
    wants_json,
    with_headers,
)
from review.workbench.refusals import in_english
from store.reviews.cards import Conflict

HERE = Path(__file__).parent
# From npm by review/web/package-lock.json (install.py); no address of a registry or a CDN is ever asked by a page.
LIBRARIES = HERE.parent / "web" / "node_modules"


def create_app(bench: Bench) -> FastAPI:
    """The application for one workspace. Sound routes come before the page's, whose path takes everything."""
    app = FastAPI(title="Tingjian review", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.bench = bench
    app.middleware("http")(with_headers)
    app.add_middleware(Bounded)
    app.add_exception_handler(SignInFirst, answer_sign_in)
    for fault in (Refused, OverflowError, DataError):       # the last two: numbers in an address that no database has
        app.add_exception_handler(fault, answer_refused)
    app.add_exception_handler(Exception, answer_broken)
    app.add_exception_handler(Conflict, answer_conflict)
    app.add_exception_handler(Problem, answer_conflict)
    app.add_exception_handler(NotHad, sound.answer_not_had)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.mount("/wavesurfer", StaticFiles(directory=LIBRARIES / "wavesurfer.js" / "dist", check_dir=False), name="wavesurfer")
    app.mount("/echarts", StaticFiles(directory=LIBRARIES / "echarts" / "dist", check_dir=False), name="echarts")
    app.mount("/api/v1", create_api(bench))
    for part in (doors, provider, keys, queue, assigning, dashboard, trends, sampled, appraising, office, staff, calibrating, health, audits, cases, scoring, sound, correcting, following, views, live, calls):
        app.include_router(part.router)
    return app


def made_ready(bench: Bench) -> None:
    """Does beforehand what the first readers would wait for: compiles the pages and the patterns that hide personal data."""
    for name in bench.templates.list_templates(extensions=["html"]):
        bench.templates.get_template(name)
    mask_call(["您好，我姓王，电话是一三八零零一三八零零零。"], ["customer"])


async def answer_conflict(request: Request, fault: Exception) -> Response:
    """409 with what happened meanwhile: nothing was saved, and the page says so."""
    if wants_json(request):
        person = getattr(request.state, "person", None)
        return JSONResponse({"message": in_english(str(fault)) if person and person.language == "en" else str(fault)}, 409)
    return render(request, "conflict.html", 409, message=str(fault))


async def answer_invalid(request: Request, fault: Exception) -> Response:
    """422 with the fields that are wrong, without what was sent: that may be no JSON (an infinite number), or hold what was said."""
    assert isinstance(fault, RequestValidationError)
    wrong = [{"where": ".".join(map(str, one["loc"])), "why": one["msg"]} for one in fault.errors()]
    return JSONResponse({"message": "请求格式不对。The request is not well formed.", "fields": wrong}, 422)
