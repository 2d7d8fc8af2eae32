"""The settings of the service: a frozen dataclass, read from the environment by `read_settings`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import limits

from app.addresses import Network, parse_networks
from fersys.errors import ConfigError

_LONGEST = 1800  # seconds: Redis forgets after an hour


@dataclass(frozen=True)
class Settings:
    """How long things live, how many are allowed, where they are kept. Times in seconds.

    Attributes:
        database: the SQLite file; keys and audit log lie beside it.
        redis: URL of a Redis that keeps challenges, tickets, sites and rates instead; "" for none.
        keys: signing keys as `keys.parse_keys` reads them; "" to keep them in a file.
        trusted_proxies: whose `X-Forwarded-For` is believed.
        metrics_from: who may read `/metrics`.
        steps: prompts in a challenge, at least 2.
        solve_life: from the first prompt to the last accepted step.
        token_life: from the pass to the verification.
        retry_life: from a verification, how long the same idempotency key gets the same answer.
        work_life: from a proof-of-work puzzle to its solution.
        failures, failure_window: so many failed attempts of one address within that time pause it.
        begin_rate, frame_rate, verify_rate: what one address may ask, in the words of the `limits` library.
        site_rate: how many challenges and puzzles may be begun on one site.
        work_cost: PBKDF2 rounds of each try.
        work_tries: the most tries that a puzzle takes; half of it on average.
        body_patience: how long a request's body may take to arrive.
        retention_days: how long the audit log is kept.
    """

    database: Path
    redis: str = field(default="", repr=False)
    keys: str = field(default="", repr=False)
    trusted_proxies: tuple[Network, ...] = ()
    metrics_from: tuple[Network, ...] = parse_networks("127.0.0.0/8, ::1")
    steps: int = 4
    solve_life: float = 60
    token_life: float = 120
    retry_life: float = 300
    work_life: float = 180
    failures: int = 5
    failure_window: int = 180
    begin_rate: str = "30 per 1 minute"
    frame_rate: str = "3000 per 1 minute"
    verify_rate: str = "12000 per 1 minute"
    site_rate: str = "1200 per 1 minute"
    work_cost: int = 10_000
    work_tries: int = 8_000
    body_patience: float = 5.0
    retention_days: float = 30

    def __post_init__(self) -> None:
        for name in ("solve_life", "token_life", "retry_life", "work_life"):
            if not 0 < getattr(self, name) <= _LONGEST:
                raise ConfigError(f"{name}: expected more than 0 and at most {_LONGEST} seconds. Received: {getattr(self, name)}")
        if not (1 <= self.work_cost < 2**31 and 1 <= self.work_tries < 2**31):
            raise ConfigError(f"Work: expected a cost and tries of 1 or more. Received: {self.work_cost}, {self.work_tries}")
        if self.steps < 2 or self.failures < 1 or self.failure_window < 1 or not math.isfinite(self.retention_days):
            raise ConfigError(f"Expected 2 or more steps and 1 or more failures in a window. Received: {self.steps}, {self.failures}, {self.failure_window}")

    @property
    def key_file(self) -> Path:
        """Where signing keys are kept if the environment names none."""
        return self.database.with_name("captcha-keys.json")

    @property
    def audit_file(self) -> Path:
        """The audit log of this host."""
        return self.database.with_name("captcha-audit.jsonl")


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    FERSYS_CAPTCHA_DB is the SQLite file (`captcha.db` in the folder `fersys` of XDG_STATE_HOME, else of
    `~/.local/state`), FERSYS_CAPTCHA_REDIS a Redis URL, FERSYS_CAPTCHA_KEYS the signing keys, FERSYS_CAPTCHA_WORK_COST
    the rounds of each try of a puzzle, FERSYS_CAPTCHA_SITE_RATE what may be begun on one site, such as "1200 per 1 minute".
    FERSYS_TRUSTED_PROXIES and FERSYS_METRICS_FROM are networks, separated by commas. FERSYS_CAPTCHA_ANTI_SPOOF is for
    `anti_spoof.read_advisor`, before the judge is built.

    Args:
        environment: `os.environ`, or a dict in tests.

    Raises:
        ConfigError: if one is out of its range.
    """
    state = Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return Settings(
        database=Path(environment.get("FERSYS_CAPTCHA_DB") or state / "fersys" / "captcha.db").expanduser(),
        redis=environment.get("FERSYS_CAPTCHA_REDIS", ""),
        keys=environment.get("FERSYS_CAPTCHA_KEYS", ""),
        trusted_proxies=parse_networks(environment.get("FERSYS_TRUSTED_PROXIES", "")),
        metrics_from=parse_networks(environment.get("FERSYS_METRICS_FROM", "127.0.0.0/8, ::1")),
        site_rate=_rate(environment, "FERSYS_CAPTCHA_SITE_RATE", Settings.site_rate),
        work_cost=_whole(environment, "FERSYS_CAPTCHA_WORK_COST", Settings.work_cost),
    )


def _rate(environment: Mapping[str, str], name: str, default: str) -> str:
    text = environment.get(name) or default
    try:
        (item,) = limits.parse_many(text)
    except ValueError:
        item = None
    if item is None or item.amount < 1:
        raise ConfigError(f"{name}: expected one rate, such as {default!r}. Received: {text!r}")
    return text


def _whole(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal():
        raise ConfigError(f"{name}: expected a whole number. Received: {text!r}")
    return int(text)
