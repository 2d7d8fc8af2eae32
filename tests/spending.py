"""Many redemptions of one token at the same moment, in several processes: for the test of double spending."""

import multiprocessing
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from multiprocessing.synchronize import Barrier
from typing import Any

from app.captcha import verifying
from app.captcha.clock import SetClock
from app.captcha.service import wire
from app.captcha.settings import Settings

PROCESSES, THREADS = 2, 200
_SPAWN = multiprocessing.get_context("spawn")
_PATIENCE = 120.0


def race(settings: Settings, secret: str, tokens: list[str]) -> list[list[str]]:
    """Redeem each token `THREADS` times in each of `PROCESSES` processes at once.

    Returns:
        of each token, the outcomes of all calls: "success" or an error code.
    """
    barrier, answers = _SPAWN.Barrier(PROCESSES), _SPAWN.SimpleQueue()
    workers = [_SPAWN.Process(target=_redeem_all, args=(vars(settings), secret, tokens, barrier, answers)) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    outcomes = [answers.get() for _ in workers]
    for worker in workers:
        worker.join(_PATIENCE)
    return [list(chain(*rounds)) for rounds in zip(*outcomes, strict=True)]


def _redeem_all(settings: Mapping[str, Any], secret: str, tokens: list[str], barrier: Barrier, answers: Any) -> None:
    """One process with its own connections and threads; a barrier before each token."""
    service = wire(Settings(**settings), clock=SetClock())
    outcomes: list[list[str]] = []
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            for token in tokens:
                inside = threading.Barrier(THREADS, lambda: _meet(barrier))
                outcomes.append(list(pool.map(lambda _, token=token, inside=inside: _redeem(service, secret, token, inside), range(THREADS))))
    finally:
        answers.put(outcomes)
        service.close()


def _meet(others: Barrier) -> None:
    others.wait(_PATIENCE)


def _redeem(service: Any, secret: str, token: str, inside: threading.Barrier) -> str:
    inside.wait(_PATIENCE)
    answer = verifying.verify(service, {"secret": secret, "response": token})
    return "success" if answer["success"] else str(answer["error-codes"][0])
