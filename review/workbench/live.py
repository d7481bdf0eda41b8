"""A card without a recording: who listened live, or sat beside the agent, fills every item by hand (domain.md section 3)."""
from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi import Form as Sent
from fastapi.responses import RedirectResponse, Response

from pipeline.scorecard import BONUS_SECTION, fill
from records import Draft, Finding, Item
from review.workbench import intake
from review.workbench.assigning import own_day
from review.workbench.bench import bench_of, render
from review.workbench.gate import Reader, Refused, allowed, changing
from review.workbench.queue import choices
from review.workbench.rights import within
from rules.form import Form
from store.reviews import listened
from store.reviews.cards import Conflict
from store.reviews.schema import Card

BY_HAND = "由质检员判断"

router = APIRouter()
Field = Annotated[str, Sent()]


@router.get("/live", dependencies=[Depends(allowed("live"))])
def page(request: Request, person: Reader) -> Response:
    """Which agent, which form, when."""
    bench = bench_of(request)
    with bench.database.reading() as session:
        return render(request, "live.html", kinds=listened.KINDS, forms=dict(sorted(bench.forms.items(), key=lambda one: one[0] != "inbound")), now=datetime.now(), wrong=None,
                      choices=choices(bench, session, person), day=own_day(session, person, bench.settings.quotas))


@router.post("/live", dependencies=[Depends(allowed("live")), Depends(changing)])
def begin(request: Request, person: Reader, kind: Field, agent: Field, form: Field, started_at: Field, line: Field = "",
          team: Field = "") -> Response:
    """Opens the empty card."""
    bench, agent = bench_of(request), agent.strip()
    if kind not in listened.KINDS or form not in bench.forms or not agent or len(agent) > 64:
        raise Conflict("要选方式、坐席工号和评分表。")
    try:
        at = datetime.fromisoformat(started_at).astimezone()
    except ValueError:
        raise Conflict("时间要写成 2026-11-25 14:30。") from None
    if at > datetime.now().astimezone():
        raise Conflict("开始时间在将来，请改正。")
    with bench.database.writing() as session:
        name, known_team = listened.agent(session, agent) or (None, team.strip() or None)
        call_id = f"{kind.replace('_', '-')}-{at:%Y%m%d-%H%M}-{re.sub(r'[^0-9A-Za-z]+', '-', agent)}-{secrets.token_hex(2)}"
        chosen = bench.forms[form]
        draft = empty(call_id, chosen, bench.scorer.version, bench.titles)
        card = Card(
            call_id=call_id, started_at=at.isoformat(timespec="seconds"), day=at.date().isoformat(), agent_id=agent, agent_name=name,
            team=known_team, line=line.strip() or None, direction=chosen.choose.direction, form=form, draft_version=draft.rules_version,
            fatal=False, complaint=False, unsure=0, triage=0.0, reasons=[], picked="chosen", version=1, comment="", kind=kind)
        if not within(person, card):
            raise Refused
        if not bench.settings.quotas.own_team and person.role == "reviewer" and known_team and known_team == person.team:
            raise Conflict("按规定不评自己班组的录音。")
        lines = intake.stored_items(call_id, intake.lines_of(draft, chosen, bench.titles), chosen)
        listened.begin(session, person, card, lines, draft.model_dump_json(), intake.feedback_due(bench.days))
    return RedirectResponse(request.url_for("call", call_id=call_id).path, 303)


def empty(call_id: str, form: Form, version: str, titles: dict[str, str]) -> Draft:
    """A draft in which everything waits for a person: the form's items, its fatal rules, what may be given beside the 100 points."""
    items = [fill(item.model_copy(update={"mode": "human", "rules": []}), section.title, {}, titles)
             .model_copy(update={"rules": tuple(item.rules)}) for section in form.sections for item in section.items]
    items += [Item.of(id=one.id, title=one.title, section=BONUS_SECTION, mode="human", verdict="needs_review", points=None, max_points=0.0,
                      confidence=1.0, rules=tuple(one.rules), evidence=(), reason=BY_HAND) for one in form.adjustments]
    waiting = tuple(Finding(rule=rule, verdict="needs_review", reason=BY_HAND) for rule in form.fatal)
    return Draft(call_id=call_id, form=form.id, form_version=form.version, rules_version=version, score=None, band=None, fatal=False,
                 open_points=100.0, items=tuple(items), findings=waiting)
