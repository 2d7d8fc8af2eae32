"""Sites, keys and records of the CAPTCHA service: `python -m app.captcha sites|keys|audit|purge …`; `--help` says more.

It works on the store that the running service uses: the one that the environment names, see `settings.read_settings`.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from app.captcha.audit import Audit
from app.captcha.clock import server_time
from app.captcha.keys import KeyFile
from app.captcha.service import open_store
from app.captcha.settings import Settings, read_settings
from app.captcha.sites import Site, make_site, rotate
from app.captcha.store import Store
from fersys.command import run_command
from fersys.errors import ConfigError

_DAY = 86400.0
_KEEP = 3600.0  # seconds that challenges and tokens are kept after their end


def main(words: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Run a command; an error of ours becomes one line and exit code 1."""
    arguments = _parser().parse_args(words)
    return run_command(lambda: _run(arguments, read_settings(environment)), arguments.debug)


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    audit = Audit(settings.audit_file)
    match arguments.command, arguments.__dict__.get("verb"):
        case "keys", _:
            _rotate_keys(settings, audit)
        case "audit", _:
            chain = audit.verify()
            print(f"The audit log is whole: {chain.count} lines ever, its end is {chain.end}. Note that end elsewhere.")
        case "purge", _:
            _purge(settings, audit, arguments.days)
        case _, verb:
            _sites(arguments, str(verb), settings, audit)
    return 0


def _sites(arguments: argparse.Namespace, verb: str, settings: Settings, audit: Audit) -> None:
    store = open_store(settings)
    try:
        if verb == "list":
            _list(store)
        elif verb == "add":
            _keep(store, audit, "site-added", *make_site(arguments.name, arguments.host, arguments.action, server_time()))
        elif verb == "rotate":
            _keep(store, audit, "site-rotated", *rotate(_find(store, arguments.key), server_time()))
        else:
            _find(store, arguments.key)
            store.remove_site(arguments.key)
            audit.record(server_time(), "site-removed", site=arguments.key)
            print(f"Removed {arguments.key}: its tokens are refused from now on.")
    finally:
        store.close()


def _keep(store: Store, audit: Audit, event: str, site: Site, secret: str) -> None:
    store.put_site(site)
    audit.record(server_time(), event, site=site.key)
    print(f"site key  {site.key}\nsecret    {secret}\nThe secret is shown this once. {_secrets(site)}")


def _secrets(site: Site) -> str:
    return "The one before it is valid too, until the next rotation." if len(site.secrets) > 1 else "Only its hash is kept."


def _list(store: Store) -> None:
    for site in store.list_sites():
        print(f"{site.key}  {site.name}  {' '.join(site.hosts)}  {' '.join(site.actions) or 'any action'}  {len(site.secrets)} secret(s)")


def _find(store: Store, key: str) -> Site:
    site = store.get_site(key)
    if site is None:
        raise ConfigError(f"No such site: expected a key that `sites list` shows. Received: {key}")
    return site


def _rotate_keys(settings: Settings, audit: Audit) -> None:
    if settings.keys:
        raise ConfigError("The keys come from FERSYS_CAPTCHA_KEYS: put a new one in front of the old there, and start again.")
    key = KeyFile(settings.key_file, server_time).rotate()
    audit.record(server_time(), "key-rotated", key=key.kid)
    print(f"Key {key.kid} signs from now on; the one before it verifies for another hour.")


def _purge(settings: Settings, audit: Audit, days: float | None) -> None:
    now, store = server_time(), open_store(settings)
    try:
        count = store.purge(now - _KEEP)
    finally:
        store.close()
    lines = audit.purge(now - _DAY * (settings.retention_days if days is None else days))
    print(f"Forgot {count} challenges and tokens that are long over, and {lines} lines of the audit log.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app.captcha", description="Manage the sites, keys and records of the CAPTCHA service.")
    parser.add_argument("--debug", action="store_true", help="show a traceback with an error")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_sites(commands.add_parser("sites", help="the sites that rely on this service").add_subparsers(dest="verb", required=True))
    keys = commands.add_parser("keys", help="the keys that sign tokens").add_subparsers(dest="verb", required=True)
    keys.add_parser("rotate", help="make a new key; the old one verifies for an hour more")
    audit = commands.add_parser("audit", help="the audit log").add_subparsers(dest="verb", required=True)
    audit.add_parser("verify", help="check that no line was changed or is missing")
    purge = commands.add_parser("purge", help="forget what is over, and old lines of the audit log")
    purge.add_argument("--days", type=float, help=f"keep so many days of the audit log (default: {Settings.retention_days:g})")
    return parser


def _add_sites(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    add = verbs.add_parser("add", help="a new site: prints its key and its secret")
    add.add_argument("name", help="what you call it")
    add.add_argument("--host", required=True, nargs="+", help="where its widget may be shown: example.org, or *.example.org for all below")
    add.add_argument("--action", nargs="+", default=[], help="the only actions it may name (default: any)")
    for verb, words in (("rotate", "a second secret beside the newest one"), ("remove", "forget a site")):
        verbs.add_parser(verb, help=words).add_argument("key", help="site key")
    verbs.add_parser("list", help="all sites")


if __name__ == "__main__":
    sys.exit(main())
