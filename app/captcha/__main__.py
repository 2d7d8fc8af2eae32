"""Sites, keys and records of the CAPTCHA service: `python -m app.captcha sites|keys|audit|purge|sbom|threats-bench|…`; `--help` says more.

It works on the store that the running service uses: the one that the environment names, see `settings.read_settings`.
"""

import argparse
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.captcha.audit import Audit
from app.captcha.clock import server_time
from app.captcha.keys import KeyFile, make_key
from app.captcha.service import open_store
from app.captcha.settings import Settings, read_settings
from app.captcha.sites import Site, make_site, rotate
from app.captcha.store import Store
from fersys.command import run_command
from fersys.errors import ConfigError

_DAY = 86400.0
_KEEP = 3600.0  # seconds that challenges and tokens are kept after their end


def main(words: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ, prog: str = "python -m app.captcha") -> int:
    """Run a command; an error of ours becomes one line and exit code 1. `prog` is how it was called, for its help."""
    arguments = _parser(prog).parse_args(words)
    return run_command(lambda: _run(arguments, read_settings(environment)), arguments.debug)


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    audit = Audit(settings.audit_file)
    match arguments.command, arguments.__dict__.get("verb"):
        case "keys", _:
            _rotate_keys(settings, audit, arguments.now)
        case "audit", _:
            chain = audit.verify()
            print(f"The audit log is whole: {chain.count} lines ever, its end is {chain.end}. Note that end elsewhere.")
        case "work-bench", _:
            _bench_work(settings, arguments)
        case "sbom", _:
            _write_bom(arguments.out)
        case "threats-bench", _:
            _bench_threats(arguments.out)
        case "spoof-bench" | "judge-bench", _:
            _bench_faces(arguments)
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
            with audit.recording(server_time(), "site-removed", site=arguments.key):
                store.remove_site(arguments.key)
            print(f"Removed {arguments.key}: its tokens are refused from now on.")
    finally:
        store.close()


def _keep(store: Store, audit: Audit, event: str, site: Site, secret: str) -> None:
    with audit.recording(server_time(), event, site=site.key):
        store.put_site(site)
    print(f"site key  {site.key}\nsecret    {secret}\nThe secret is shown this once. {_secrets(site)}")


def _secrets(site: Site) -> str:
    return "The one before it is valid too, until the next rotation." if len(site.secrets) > 1 else "Only its hash is kept."


def _list(store: Store) -> None:
    sites = store.list_sites()
    if not sites:
        print("No site yet: `python -m app sites add NAME --host example.org` makes one.")
    for site in sites:
        print(f"{site.key}  {site.name}  {' '.join(site.hosts)}  {' '.join(site.actions) or 'any action'}  {len(site.secrets)} secret(s)")


def _find(store: Store, key: str) -> Site:
    site = store.get_site(key)
    if site is None:
        raise ConfigError(f"No such site: expected a key that `sites list` shows. Received: {key}")
    return site


def _rotate_keys(settings: Settings, audit: Audit, now: bool) -> None:
    if settings.keys:
        leaked = "in the place of all others"
        where = leaked if now else f"in front of the old, or {leaked} if one of them may have leaked,"
        raise ConfigError(f"The keys come from FERSYS_CAPTCHA_KEYS: put a new one {where} there, and start again.")
    key = make_key()
    with audit.recording(server_time(), "key-replaced" if now else "key-rotated", key=key.kid):
        keys = KeyFile(settings.key_file, server_time)
        keys.replace(key) if now else keys.rotate(key)
    before = "no other verifies: who has a token or a puzzle in hand must solve again" if now else "the one before it verifies for another hour"
    print(f"Key {key.kid} signs from now on; {before}.")


def _purge(settings: Settings, audit: Audit, days: float | None) -> None:
    days = settings.retention_days if days is None else days
    if not 0 <= days < math.inf:
        raise ConfigError(f"--days: expected 0 or more. Received: {days:g}")
    now, store = server_time(), open_store(settings)
    try:
        lines = audit.purge(now - _DAY * days)  # first: a log that was changed is looked at before anything goes
        count = store.purge(now - _KEEP)
    finally:
        store.close()
    print(f"Forgot {count} challenges and tokens that are long over, and {lines} lines of the audit log.")


def _bench_work(settings: Settings, arguments: argparse.Namespace) -> None:
    from app.captcha import work_bench

    solved = work_bench.time_browser(settings, arguments.browser, arguments.count) if arguments.browser else None
    print(work_bench.report(settings, work_bench.time_try(settings), solved, arguments.price))


def _bench_faces(arguments: argparse.Namespace) -> None:
    from app.captcha import judge_bench, spoof_command
    from app.captcha.spoof_people import Sources

    if arguments.command == "judge-bench":
        print(judge_bench.judge_bench(arguments.clips))
    else:
        sources = Sources(arguments.clips, arguments.faces)
        print(spoof_command.spoof_bench(sources, arguments.count, arguments.cue_off, arguments.reports))


def _write_bom(path: Path) -> None:
    from app.captcha.bom import make_bom

    root = Path(__file__).parents[2]
    bom = make_bom(root / "requirements-app.lock", root / "hub" / "models")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(bom, indent=2) + "\n", encoding="utf-8")
    print(f"{path}: {len(bom['components'])} components")


def _bench_threats(folder: Path) -> None:
    from app.captcha import bench_threats

    rows, taken = bench_threats.run()
    bench_threats.write(rows, taken, folder)
    print(bench_threats.as_table(rows))


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description="Manage the sites, keys and records of the CAPTCHA service.")
    parser.add_argument("--debug", action="store_true", help="show a traceback with an error")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_sites(commands.add_parser("sites", help="the sites that rely on this service").add_subparsers(dest="verb", required=True))
    keys = commands.add_parser("keys", help="the keys that sign tokens").add_subparsers(dest="verb", required=True)
    turn = keys.add_parser("rotate", help="make a new key; the old one verifies for an hour more")
    turn.add_argument("--now", action="store_true", help="the old one ends at once: for a key that others may have seen")
    audit = commands.add_parser("audit", help="the audit log").add_subparsers(dest="verb", required=True)
    audit.add_parser("verify", help="check that no line was changed or is missing")
    purge = commands.add_parser("purge", help="forget what is over, and old lines of the audit log")
    purge.add_argument("--days", type=float, help=f"keep so many days of the audit log, 0 for none of it (default: {Settings.retention_days:g})")
    bom = commands.add_parser("sbom", help="write the bill of materials of what serving consists of, as CycloneDX JSON")
    bom.add_argument("--out", type=Path, default=Path("dist/sbom.json"), help="the file (default: %(default)s)")
    threats = commands.add_parser("threats-bench", help="measure the threats whose bounds are times and memory")
    threats.add_argument("--out", type=Path, default=Path("reports"), help="folder of threats.json and threats.md (default: %(default)s)")
    _add_work_bench(commands.add_parser("work-bench", help="time the puzzle of the way without a camera, and say what a bot pays for it"))
    _add_spoof_bench(commands.add_parser("spoof-bench", help="attack the judge of faces with photos, films and puppets, write reports/spoof.md"))
    _add_clips(commands.add_parser("judge-bench", help="time the judge of faces: one person on one core, three people at once"))
    return parser


def _add_clips(bench: argparse.ArgumentParser) -> None:
    media = os.environ.get("FERSYS_MEDIA", "")
    bench.add_argument("--clips", type=Path, default=Path(media), metavar="FOLDER", help="clips and photos of people (or set FERSYS_MEDIA)")


def _add_spoof_bench(bench: argparse.ArgumentParser) -> None:
    _add_clips(bench)
    data = os.environ.get("FERSYS_DATA", "")
    faces = Path(data, "validation.parquet") if data else None
    bench.add_argument("--faces", type=Path, default=faces, metavar="FILE", help="small faces that lend expressions (or FER2013 in FERSYS_DATA)")
    bench.add_argument("--count", type=int, default=10, help="attacks a kind with photos; 150 for a release (default: %(default)s)")
    bench.add_argument("--cue-off", nargs="+", default=[], metavar="CUE", help="switch these cues off throughout")
    bench.add_argument("--reports", type=Path, default=Path("reports"), metavar="FOLDER", help="where the report goes (default: %(default)s)")


def _add_work_bench(bench: argparse.ArgumentParser) -> None:
    bench.add_argument("--browser", metavar="COMMAND", help="also time it in this browser, such as chromium")
    bench.add_argument("--count", type=int, default=3, help="puzzles for the browser (default: %(default)s)")
    bench.add_argument("--price", type=float, default=0.04, help="of a core for an hour, in dollars (default: %(default)s)")


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
