"""The `fersys` command: `fersys --help`, or `python -m fersys --help`."""

import argparse
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2

import fersys
from fersys.command import run_command
from fersys.errors import ConfigError
from fersys.following import LONGEST_BLIND, FollowConfig, Follower
from fersys.hub_client import quiet
from fersys.package import check_files, locate
from fersys.recognizers.base import Recognizer
from fersys.reference import Reference, parse_reference
from fersys.shipped import describe_models, find_default
from fersys.snapshots import Snapshot, pull_model
from fersys.terminal import write_plainly

_SHELLS = ("bash", "zsh", "fish")
_MODEL = "model to ask: a package's folder; its name if it comes with the checkout; owner/name[@revision] on a hub; or deepface: that library, its own weights"
_EXAMPLES = """examples:
  fersys predict photo.jpg
  fersys score photos/ --out results.csv
  fersys video in.mp4 out.mp4
  fersys webcam
  fersys pull you/name@v1.0.0
  fersys verify you/name
  fersys models

exit codes:
  0 all is well    1 an error, said in one line    2 wrong usage
  3 predict: no face was found in any picture      130 stopped by Ctrl+C

completion:
  bash: source <(fersys --print-completion bash)                in ~/.bashrc
  zsh:  fersys --print-completion zsh > _fersys                 in a folder of $fpath
  fish: fersys --print-completion fish > fersys.fish            in ~/.config/fish/completions
"""
_PREDICT = """examples:
  fersys predict photo.jpg                            a few lines for people
  fersys predict *.jpg --csv > faces.csv              a row a face and model
  fersys predict photo.jpg --json --draw faces.png    and a picture with boxes
  fersys predict a.jpg b.jpg --draw drawn/            a picture each, in a folder
  curl -s https://example.org/a.jpg | fersys predict -
  fersys predict photo.jpg --model fersys-cnn --model fersys-deepface    two of those that `fersys models` lists
  fersys predict photo.jpg --model deepface           that library with its own weights, fetched the first time

exit code 1: a picture could not be read (the others are answered); 3: no face in any picture
In CSV, text that a spreadsheet would take for a formula (=cmd.png, say) has an apostrophe in front.
"""
_PULL = """examples:
  fersys pull you/name                            the newest, into the hub's cache on this machine
  fersys pull you/name@v1.0.0 --to models/name    a tag, a branch or a commit; and a copy in a folder

The commit is printed: `you/name@<commit>` is the same model for ever, and is answered from the cache without a
request. Every file is checked against the SHA-256 in fersys.json; what is damaged is fetched once more, and refused if
it still is. Nothing of a package is run but its network. HF_ENDPOINT names another hub, HF_HUB_OFFLINE=1 asks none.
"""
_VERIFY = """examples:
  fersys verify hub/models/fersys-cnn
  fersys verify you/name@v1.0.0

exit code 1: a file is missing, changed or not vouched for; it is named
"""
_SCORE = """examples:
  fersys score photos/ --out faces.csv                        all pictures in a folder, its folders too
  fersys score crops.parquet --crops --out faces.parquet      pictures that are faces already, such as FER2013
  fersys score you/fer2013 --crops --out faces.jsonl          a data set of the hub

Killed or stopped, the same command goes on where it was; until then the rows lie in <out>.unfinished.
Pictures that cannot be read are listed in <out>.errors.csv. A picture without a face has a row with face 0.
In CSV, text that a spreadsheet would take for a formula (=cmd.png, say) has an apostrophe in front.
"""
_VIDEO = """examples:
  fersys video in.mp4 out.mp4
  fersys video in.mov out.mp4 --csv frames.csv --detect-every 1 --half-life 1

Each face keeps its number. Where ffmpeg is installed, out.mp4 is H.264, which browsers play, and keeps the sound;
without it, OpenCV writes it as mp4v, silent.
"""
_WEBCAM = """examples:
  fersys webcam
  fersys webcam --camera 1 --half-life 0.2
"""


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; an error of ours becomes one line and exit code 1."""
    arguments = _parser().parse_args(words)
    # What is wrong with a video or a camera is said by us, in one line.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill cleans up like Ctrl+C
    warnings.filterwarnings("ignore", module="PIL")  # what is wrong with a picture is said by us too
    write_plainly(sys.stdout)
    write_plainly(sys.stderr)
    return run_command(lambda: _run(arguments), arguments.debug, arguments.stopped)


def _run(arguments: argparse.Namespace) -> int:
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
        return code
    except ModuleNotFoundError as error:
        if arguments.debug:
            raise
        raise ConfigError(f"A library is missing: expected the packages of requirements-app.txt. Received: no {error.name}") from error
    except BrokenPipeError:  # whoever read our output, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fersys", description="Say which of seven expressions faces show.", **_layout(_EXAMPLES))
    parser.add_argument("--version", action="version", version=f"fersys {fersys.__version__}")
    parser.add_argument("--print-completion", action=_PrintCompletion, choices=_SHELLS, help="print a script that lets your shell complete this command")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    _predict_parser(_add(commands, "predict", _predict, "find the faces in pictures and say what they show", _PREDICT))
    _score_parser(_add(commands, "score", _score, "say what the faces in any number of pictures show, as a table", _SCORE))
    _video_parser(_add(commands, "video", _video, "follow the faces in a video and draw what they show", _VIDEO))
    _webcam_parser(_add(commands, "webcam", _webcam, "say live, in the terminal, what the face before the camera shows", _WEBCAM))
    _pull_parser(_add(commands, "pull", _pull, "fetch a model package from a hub, and check it", _PULL))
    _verify_parser(_add(commands, "verify", _verify, "check every file of a model package", _VERIFY))
    _add(commands, "models", _models, "list the models that are there, those pulled from a hub too", "")
    return parser


def _layout(examples: str) -> dict[str, Any]:
    return {"epilog": examples, "formatter_class": argparse.RawDescriptionHelpFormatter}


class _PrintCompletion(argparse.Action):
    """Prints the script and ends, as `--version` does."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: str | None = None) -> None:
        try:
            import shtab
        except ModuleNotFoundError:
            parser.exit(1, "error: Completion needs shtab: expected the packages of requirements-app.txt. Received: no shtab\n")
        print(shtab.complete(parser, values))
        parser.exit()


def _add(commands: Any, name: str, run: Callable[[argparse.Namespace], int], text: str, examples: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", **_layout(examples))
    parser.set_defaults(run=run, stopped="stopped")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _add_path(parser: Any, *names: str, kind: str = "FILE", **settings: Any) -> None:
    """Add an argument that shells complete with names of files, or of folders."""
    action = parser.add_argument(*names, **settings)
    with suppress(ModuleNotFoundError):
        import shtab

        action.complete = getattr(shtab, kind)


def _add_models(parser: argparse.ArgumentParser) -> None:
    text = f"{_MODEL}; give it again to ask several (default: fersys-cnn in hub/models)"
    _add_path(parser, "--model", kind="DIRECTORY", action="append", metavar="FOLDER", help=text)


def _locate(names: Iterable[str] | None) -> list[str | Path]:
    """Where the models lie that were named, or else the default; those of a hub are pulled, and it is said which commit it was."""
    if not names:
        return [find_default()]
    with quiet():
        return [locate(name, _tell) for name in names]


def _tell(reference: Reference, snapshot: Snapshot) -> None:
    if snapshot.note:
        print(f"warning: {snapshot.note}", file=sys.stderr)
    print(f"{reference.repository}: commit {snapshot.commit}", file=sys.stderr)


def _check_homes(names: Iterable[str | Path]) -> None:
    """Each name may begin with ~ or ~user, where there is such a folder."""
    for name in names:
        try:
            Path(name).expanduser()
        except RuntimeError as error:
            raise ConfigError(f"No such home folder: expected ~, or ~ and the name of a user of this computer. Received: {name}") from error


def _load_models(places: Iterable[str | Path]) -> list[Recognizer]:
    models = [fersys.load(place) for place in places]
    names = [model.name for model in models]
    if len(set(names)) != len(names):
        raise ConfigError(f"--model: expected models of different names. Received: {', '.join(names)}")
    return models


def _predict_parser(parser: argparse.ArgumentParser) -> None:
    _add_path(parser, "pictures", nargs="+", metavar="PICTURE", help="picture files; - reads one from standard input")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", dest="form", action="store_const", const="json", default="text", help="print one JSON document")
    form.add_argument("--csv", dest="form", action="store_const", const="csv", help="print a CSV table, a row a face and model")
    _add_path(parser, "--draw", type=Path, metavar="FILE", help="save the picture with a box a face; with several pictures: a folder")
    parser.add_argument("--crops", action="store_true", help="the pictures are faces already: look for none")
    _add_models(parser)


def _predict(arguments: argparse.Namespace) -> int:
    from fersys.predicting import FORMATS, Drawings, Question, predict

    drawings = arguments.draw and Drawings(arguments.draw, arguments.pictures)
    question = Question(_load_models(_locate(arguments.model)), arguments.crops, drawings)
    return predict(arguments.pictures, question, FORMATS[arguments.form])


def _score_parser(parser: argparse.ArgumentParser) -> None:
    text = "picture, folder, parquet file, or id of a data set on the hub (owner/name, or owner/name@revision)"
    _add_path(parser, "sources", nargs="+", metavar="SOURCE", help=text)
    _add_path(parser, "--out", required=True, type=Path, metavar="FILE", help="the table: .parquet, .csv or .jsonl")
    parser.add_argument("--crops", action="store_true", help="the pictures are faces already: look for none")
    parser.add_argument("--force", action="store_true", help="begin anew, and replace a table that is there")
    _add_models(parser)
    parser.set_defaults(stopped="stopped; the same command goes on from there")


def _score(arguments: argparse.Namespace) -> int:
    from fersys.package import fingerprint
    from fersys.pictures import find_files
    from fersys.pull import pull_dataset
    from fersys.scoring import Job, as_text, score

    _check_homes(arguments.sources)
    places = _locate(arguments.model)
    models = _load_models(places)
    packages = [fingerprint(place) for place in places]  # another model of the same name must not go on with its rows
    job = Job(find_files(arguments.sources, pull_dataset), arguments.out, models, arguments.crops, {"packages": packages})
    print(as_text(score(job, arguments.force), arguments.out))
    return 0


def _add_following(parser: argparse.ArgumentParser) -> None:
    every, half_life = FollowConfig.detect_every, FollowConfig.half_life
    text = f"look for faces in every n-th frame, and at least every {LONGEST_BLIND:g} s whatever n is (default: %(default)s)"
    parser.add_argument("--detect-every", type=int, default=every, metavar="N", help=text)
    text = "smoothing over time: what was said so many seconds ago counts half; 0: none (default: %(default)s)"
    parser.add_argument("--half-life", type=float, default=half_life, metavar="S", help=text)
    _add_path(parser, "--model", kind="DIRECTORY", metavar="FOLDER", help=f"{_MODEL} (default: fersys-cnn in hub/models)")


def _follower(arguments: argparse.Namespace) -> Follower:
    config = FollowConfig(arguments.detect_every, arguments.half_life)
    (model,) = _load_models(_locate(arguments.model and [arguments.model]))
    return Follower(model, config)


def _video_parser(parser: argparse.ArgumentParser) -> None:
    _add_path(parser, "source", type=Path, metavar="IN", help="the video")
    _add_path(parser, "target", type=Path, metavar="OUT", help="the video with boxes, an MP4 file")
    _add_path(parser, "--csv", type=Path, metavar="FILE", help="also write a table, a row a face and frame")
    _add_following(parser)


def _video(arguments: argparse.Namespace) -> int:
    from fersys.annotating import Film, annotate_video, as_text

    film = Film(arguments.source, arguments.target, arguments.csv)
    print(as_text(annotate_video(film, _follower(arguments)), [path for path in (film.target, film.table) if path]))
    return 0


def _webcam_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--camera", type=int, default=0, metavar="N", help="which camera (default: %(default)s)")
    _add_following(parser)
    parser.set_defaults(stopped="")


def _webcam(arguments: argparse.Namespace) -> int:
    from fersys.webcam import NOTICE, opened, watch

    follower = _follower(arguments)
    print(NOTICE, flush=True)
    with opened(arguments.camera) as capture:
        watch(capture, follower, sys.stdout)
    return 0


def _pull_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reference", metavar="OWNER/NAME[@REVISION]", help="the model, and the branch, tag or commit that is wanted (default: main)")
    _add_path(parser, "--to", kind="DIRECTORY", type=Path, metavar="DIR", help="also copy it to a new folder")


def _pull(arguments: argparse.Namespace) -> int:
    _check_homes([arguments.to] if arguments.to else [])
    reference = parse_reference(arguments.reference)
    with quiet():
        snapshot = pull_model(reference, arguments.to)
    if snapshot.note:
        print(f"warning: {snapshot.note}", file=sys.stderr)
    print(f"{reference.repository}@{snapshot.commit}", snapshot.folder, sep="\n")
    return 0


def _verify_parser(parser: argparse.ArgumentParser) -> None:
    _add_path(parser, "package", kind="DIRECTORY", metavar="PACKAGE", help="a folder, or a model on a hub: owner/name[@revision]")


def _verify(arguments: argparse.Namespace) -> int:
    (place,) = _locate([arguments.package])
    names = []
    for name in check_files(Path(place)):
        names.append(name)
        print(f"{name}: OK", flush=True)
    print(f"{place}: {len(names)} files are what fersys.json says")
    return 0


def _models(arguments: argparse.Namespace) -> int:
    print(describe_models())
    return 0


if __name__ == "__main__":
    sys.exit(main())
