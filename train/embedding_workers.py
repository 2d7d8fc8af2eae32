"""Several processes that embed faces side by side: a recogniser such as Dlib's runs on one core.

Each has a pipe of its own and ends when that is closed, also if its maker was killed. This file
imports nothing heavy: each process imports it.
"""

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection

from fersys.errors import FerSysError, ModelError
from fersys.recognizers.deepface_head import Base, Embeddings, open_embedder
from fersys.results import Image

# Runs a recogniser on batches of RGB uint8 (H, W, 3) crops, and gives their embeddings, float32 (n, d) each, in their order.
Spread = Callable[[Iterable[Sequence[Image]]], Iterator[Embeddings]]

_PATIENCE = 10  # seconds to end


@contextmanager
def workers(base: Base, count: int) -> Iterator[Spread]:
    """Open a recogniser in a number of processes, for the block."""
    with ExitStack() as stack:
        yield partial(_spread, [stack.enter_context(_worker(base)) for _ in range(count)])


@contextmanager
def _worker(base: Base) -> Iterator["Connection[Sequence[Image], Embeddings | FerSysError]"]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, base), daemon=True)
    process.start()
    theirs.close()  # or its end would not be noticed
    try:
        yield ours
    finally:
        ours.close()
        process.join(_PATIENCE)


def _work(questions: "Connection[Embeddings | FerSysError, Sequence[Image]]", base: Base) -> None:
    """Answer with embeddings; or always with the reason why there are none."""
    with suppress(EOFError, OSError, KeyboardInterrupt):
        try:
            answer: Callable[[Sequence[Image]], Embeddings | FerSysError] = open_embedder(base)
        except FerSysError as error:
            answer = partial(_refuse, error)
        while True:
            questions.send(answer(questions.recv()))


def _refuse(error: FerSysError, _crops: Sequence[Image]) -> FerSysError:
    return error


def _spread(connections: Sequence["Connection[Sequence[Image], Embeddings | FerSysError]"], batches: Iterable[Sequence[Image]]) -> Iterator[Embeddings]:
    """Ask one after another in turn; each has at most one batch, so the oldest question is that of the next one to be asked."""
    asked: deque[Connection[Sequence[Image], Embeddings | FerSysError]] = deque()
    for number, batch in enumerate(batches):
        if len(asked) == len(connections):
            yield _answer(asked.popleft())
        connection = connections[number % len(connections)]
        with _alive():
            connection.send(batch)
        asked.append(connection)
    while asked:
        yield _answer(asked.popleft())


def _answer(connection: "Connection[Sequence[Image], Embeddings | FerSysError]") -> Embeddings:
    with _alive():
        answer = connection.recv()
    if isinstance(answer, FerSysError):
        raise answer
    return answer


@contextmanager
def _alive() -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError) as error:
        raise ModelError("A process that embeds faces ended: expected its answer. Received: none; what it said stands above") from error
