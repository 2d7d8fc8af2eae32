"""Publishes: `python -m hub push | push-all | verify | space | release | local`."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub.utils.tqdm import disable_progress_bars

import fersys
from fersys.command import run_command
from fersys.errors import ConfigError
from fersys.reference import DEFAULT_REVISION, Reference, read_reference
from fersys.terminal import write_plainly
from hub.archives import write_release
from hub.difference import describe
from hub.inspection import inspect_package
from hub.parcel import SPACE, Parcel
from hub.pushing import Plan, Target, connect, plan, push
from hub.shipment import METRIC, inspect_shipped, metric_parcel
from hub.staging import LAUNCHER, stage

_EXAMPLES = """examples:
  python -m hub local                                            a hub on this computer, to try all this without an account
  python -m hub push hub/models/fersys-cnn --repo-id you/fersys-cnn --dry-run
  python -m hub push hub/models/fersys-cnn --repo-id you/fersys-cnn --tag v1.0.0
  python -m hub push-all --owner you --tag v1.0.0
  python -m hub verify you/fersys-cnn@v1.0.0
  python -m hub space --repo-id you/demo --dry-run               write the Space into runs/space/ and look at it
  python -m hub release --to dist/

HF_ENDPOINT names another hub than the public one, HF_TOKEN another account than the one that `hf auth login` noted.
docs/hub.md goes through all of it. Exit codes: 0 all is well, 1 an error, said in one line, 2 wrong usage, 130 stopped.
"""


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; an error of ours becomes one line and exit code 1."""
    arguments = _parser().parse_args(words)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    write_plainly(sys.stdout)
    write_plainly(sys.stderr)
    if not sys.stderr.isatty():
        disable_progress_bars()
    return run_command(lambda: _run(arguments), arguments.debug, arguments.stopped)


def _run(arguments: argparse.Namespace) -> int:
    try:
        return int(arguments.run(arguments))
    except OSError as error:  # what a hub does is said by then: this is a file or folder here
        if arguments.debug:
            raise
        raise ConfigError(f"Expected a file or folder that can be read and written. Received: {error.filename} ({error.strerror or error})") from error


def _parser() -> argparse.ArgumentParser:
    layout: dict[str, Any] = {"epilog": _EXAMPLES, "formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser(prog="python -m hub", description="Publish models and the app on a hub, and check what is there.", **layout)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    _push_parser(_add(commands, "push", _push, "push a package as one commit, and tag it"))
    _push_all_parser(_add(commands, "push-all", _push_all, "push every shipped package, and the metric module as a Space"))
    _add(commands, "verify", _verify, "check a package folder, or one on a hub, against its own hashes").add_argument(
        "model", help="folder, or owner/name@revision"
    )
    _space_parser(_add(commands, "space", _space, "stage the app as a Space, and push it"))
    _release_parser(_add(commands, "release", _release, "write an archive a shipped package, and SHA256SUMS"))
    _local_parser(_add(commands, "local", _local, "serve a hub on this computer until Ctrl+C"))
    return parser


def _add(commands: Any, name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.set_defaults(run=run, stopped="stopped; what is on the hub is whole, and the same command does what is missing")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--private", action="store_true", help="make a new repository private; refuse one that is public")
    parser.add_argument("--tag", default="", help="name for the commit, such as v1.0.0; one that names another commit is refused")
    parser.add_argument("--dry-run", action="store_true", help="only say what would change; nothing is written")


def _push_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("package", type=Path, help="package folder with its card")
    parser.add_argument("--repo-id", required=True, metavar="OWNER/NAME", help="the repository; it is made if it is not there")
    parser.add_argument(
        "--revision", default=DEFAULT_REVISION, metavar="BRANCH", help="branch to push to; made from the main one if it is not there (default: %(default)s)"
    )
    _add_target(parser)


def _push(arguments: argparse.Namespace) -> int:
    target = Target(arguments.repo_id, arguments.revision, arguments.tag, arguments.private)
    parcel = inspect_package(arguments.package)
    for name in parcel.left_out:
        print(f"left out: {name}")
    return _send([(parcel, target)], arguments.dry_run)


def _send(deliveries: Sequence[tuple[Parcel, Target]], dry_run: bool) -> int:
    """Look at everything first, so that nothing is pushed if something is going to be refused."""
    client = connect()
    plans = [plan(client, parcel, target) for parcel, target in deliveries]
    for (parcel, target), found in zip(deliveries, plans, strict=True):
        print(_intent(parcel, target, found), flush=True)
        if not dry_run:
            pushed = push(client, parcel, target)
            print(f"{'pushed' if pushed.is_new else 'is there already'}: commit {pushed.commit}{f', tag {target.tag}' if target.tag else ''}")
            print(_how_to_use(parcel, target, pushed.commit), flush=True)
    return 0


def _intent(parcel: Parcel, target: Target, found: Plan) -> str:
    size = sum(parcel.files[path].stat().st_size for path in found.difference.written)
    kind = "Space " if parcel.kind == SPACE else ""
    new = "" if found.exists else " (not there, or not for you to see: it would be made)"
    tag = f", tag {target.tag}" if target.tag else ""
    return f"{parcel.name} -> {kind}{target.repository}, {target.branch}{tag}{new}: {size / 1e6:.1f} MB to send\n{describe(found.difference, parcel)}"


def _how_to_use(parcel: Parcel, target: Target, commit: str) -> str:
    if parcel.name == METRIC.name:
        return f'load it: evaluate.load("{target.repository}")'
    if parcel.kind == SPACE:
        return f"see it: the Space {target.repository}"
    return f'load it: fersys.load("{target.repository}@{commit}")'


def _push_all_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--owner", required=True, help="user or organisation that the repositories belong to")
    _add_target(parser)


def _push_all(arguments: argparse.Namespace) -> int:
    parcels = [*inspect_shipped(), metric_parcel()]  # the Space last: a hub may refuse it (402)
    target = [Target(f"{arguments.owner}/{parcel.name}", DEFAULT_REVISION, arguments.tag, arguments.private) for parcel in parcels]
    return _send(list(zip(parcels, target, strict=True)), arguments.dry_run)


def _verify(arguments: argparse.Namespace) -> int:
    from fersys.package import check_files
    from fersys.snapshots import pull_model

    place = read_reference(arguments.model)
    if isinstance(place, Reference):
        snapshot = pull_model(place)
        print(*filter(None, (snapshot.note, f"commit {snapshot.commit}")), sep="\n")
        place = snapshot.folder
    for name in check_files(place):
        print(f"ok  {name}")
    print(f"all is as fersys.json says, in {place}")
    return 0


def _space_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repo-id", required=True, metavar="OWNER/NAME", help="the Space; it is made if it is not there, for which hubs may want a paid plan")
    parser.add_argument("--to", type=Path, default=Path("runs", "space"), metavar="FOLDER", help="where to stage it (default: %(default)s)")
    text = "models of the {} column: package folders, or references to a hub, which are fixed to their commit (default: the shipped ones)"
    parser.add_argument("--cnn", nargs="+", default=(), metavar="MODEL", help=text.format("left"))
    parser.add_argument("--deepface", nargs="+", default=(), metavar="MODEL", help=text.format("right"))
    parser.add_argument("--private", action="store_true", help="make a new Space private; refuse one that is public")
    parser.add_argument("--dry-run", action="store_true", help="only write the folder; no hub is asked but for the models named")


def _space(arguments: argparse.Namespace) -> int:
    target = Target(arguments.repo_id, private=arguments.private)
    parcel = stage(arguments.to, arguments.cnn, arguments.deepface)
    print(f"staged: {len(parcel.files)} files, {parcel.size / 1e6:.1f} MB in {arguments.to}; try it: cd {arguments.to} && python {LAUNCHER} --host 127.0.0.1")
    return 0 if arguments.dry_run else _send([(parcel, target)], dry_run=False)


def _release_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", type=Path, default=Path("dist"), metavar="FOLDER", help="where to write (default: %(default)s)")
    parser.add_argument("--version", default=fersys.__version__, help="in the names of the files (default: %(default)s)")


def _release(arguments: argparse.Namespace) -> int:
    for path in write_release(inspect_shipped(), arguments.to, arguments.version):
        print(f"wrote {path} ({path.stat().st_size / 1e6:.2f} MB)")
    return 0


def _local_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", type=Path, default=Path("runs", "hub-local"), help="where it keeps repositories (default: %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address to serve on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=7870, help="port to serve on (default: %(default)s)")
    parser.set_defaults(stopped="")


def _local(arguments: argparse.Namespace) -> int:
    from hub.local.serving import serve_until_stopped

    serve_until_stopped(arguments.folder, arguments.host, arguments.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
