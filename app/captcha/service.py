"""The parts of the service, wired. `make_service(os.environ, judge)` is where an application starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.captcha import own
from app.captcha.alarm import Alarm
from app.captcha.audit import Audit
from app.captcha.challenges import Binding, make_id
from app.captcha.clock import Clock, server_time
from app.captcha.judge import Judge
from app.captcha.keys import FixedKeys, KeyFile, Keys, parse_keys
from app.captcha.logs import Log, make_log
from app.captcha.meters import Meters
from app.captcha.rates import Rates
from app.captcha.refusals import AuditError, RefusedError
from app.captcha.sessions import Sessions
from app.captcha.settings import Settings, read_settings
from app.captcha.sites import Site
from app.captcha.store import Store
from app.captcha.tokens import Claims, mint
from app.captcha.workers import Workers

_TIDY_EVERY = 600.0  # seconds
_KEEP = 3600.0  # seconds that a record is kept beyond its time, for late retries and for whoever looks for a fault


@dataclass
class Service:
    """What answers the routes; its parts can be replaced in tests.

    Attributes:
        judge: looks at frames; None: the way by face is closed, the one by proof of work is open.
    """

    settings: Settings
    clock: Clock
    store: Store
    keys: Keys
    rates: Rates
    audit: Audit
    judge: Judge | None = None
    sessions: Sessions = field(default_factory=Sessions)
    alarm: Alarm = field(default_factory=Alarm)
    workers: Workers = field(default_factory=Workers)
    meters: Meters = field(default_factory=Meters)
    log: Log = field(default_factory=make_log)
    tidied_at: float = 0.0
    warned_at: float = 0.0

    def admit(self, asked: Binding, method: str, address: str) -> Binding:
        """Count somebody who wants to begin, and return what they asked for as their site allows it.

        The site's rate is counted later, once nothing else is in the way: who has to wait anyway uses up nothing of what is left to others.

        Args:
            asked: as the client sent it.
            method: "face" or "pow".
            address: of the client.

        Raises:
            RefusedError: if the site key, host or action is not allowed, or the client has to wait.
            StoreError: if the store cannot be reached.
        """
        self.rates.count("begin", address)
        binding = self.site(asked.sitekey).bind(asked)
        self.rates.check_pause(method, address, self.sessions.addresses() if method == "face" else ())
        return binding

    def site(self, key: str) -> Site:
        """Return a site.

        Raises:
            RefusedError: "invalid-sitekey".
            StoreError: if the store cannot be reached.
        """
        site = own.SITE if key == own.KEY else self.store.get_site(key)
        if site is None:
            raise RefusedError("invalid-sitekey", 400, "This site key is not known here.")
        return site

    def issue(self, binding: Binding, method: str, jti: str = "", passed_at: float | None = None) -> Claims:
        """Keep a ticket for a pass, and return what its token says.

        Args:
            binding: what the token is good for.
            method: "face" or "pow".
            jti: id of the token; a new one if empty.
            passed_at: server time of the pass; now by default.

        Raises:
            StoreError: if the store cannot be reached.
        """
        now = self.clock()
        claims = self.claims(binding, method, jti or make_id(), now if passed_at is None else passed_at)
        self.store.add_ticket(claims.ticket)
        self.meters.attempts.labels(method, "passed").inc()
        self.audit.record(now, "passed", method=method, site=binding.sitekey)
        return claims

    def claims(self, binding: Binding, method: str, jti: str, passed_at: float) -> Claims:
        """Return what the token of a pass says."""
        return Claims(jti, int(passed_at), int(passed_at + self.settings.token_life), method, binding)

    def mint(self, claims: Claims) -> str:
        """Return the token."""
        return mint(claims, self.keys.signing())

    def tidy(self) -> None:
        """Forget, now and then, what has been over for long."""
        now = self.clock()
        if now - self.tidied_at >= _TIDY_EVERY:
            self.tidied_at = now
            self.store.purge(now - _KEEP)

    def check(self) -> None:
        """Look whether anything could pass, without reading much.

        Raises:
            StoreError: if the store does not answer, or no key signs.
            AuditError: if the audit log cannot be written.
        """
        self.store.check()
        self.keys.signing()
        self.audit.check()

    def tell(self, event: str, error: Exception) -> None:
        """Log that a fault of ours kept somebody out: its kind, and of the audit log what is wrong with it; other words may hold rows."""
        reason = {"reason": str(error)} if isinstance(error, AuditError) else {}
        self.log.error(event, code=type(error).__name__, **reason)

    def close(self) -> None:
        """Let go of files, connections and threads."""
        self.alarm.switch_off()
        self.workers.close()
        self.store.close()


def open_store(settings: Settings) -> Store:
    """Open the store that the settings name.

    Raises:
        StoreError: if it cannot be opened.
    """
    if settings.redis:
        from app.captcha import redis_store

        return redis_store.open_url(settings.redis)
    from app.captcha import sql_store

    return sql_store.open_file(settings.database)


def open_keys(settings: Settings, clock: Clock) -> Keys:
    """Open the signing keys that the settings name; a file with one is made if there is none.

    Raises:
        ConfigError: if keys in the environment cannot be used.
        StoreError: if the file cannot be read or made.
    """
    return FixedKeys(parse_keys(settings.keys)) if settings.keys else KeyFile(settings.key_file, clock)


def make_service(environment: Mapping[str, str], judge: Judge | None = None, clock: Clock = server_time) -> Service:
    """Wire a service.

    Args:
        environment: `os.environ`, or a dict in tests; see `settings.read_settings`.
        judge: looks at frames; None leaves proof of work alone.
        clock: the server's time.

    Raises:
        ConfigError: if a setting is out of its range.
        StoreError: if store, keys or rates cannot be opened.
    """
    return wire(read_settings(environment), judge, clock)


def wire(settings: Settings, judge: Judge | None = None, clock: Clock = server_time) -> Service:
    """Wire a service from settings; see `make_service`."""
    store = open_store(settings)
    return Service(settings, clock, store, open_keys(settings, clock), Rates(settings, clock), Audit(settings.audit_file), judge)
