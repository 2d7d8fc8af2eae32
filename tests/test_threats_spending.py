"""Double spending: one token, 200 redemptions in each of two processes at once, one success.

`FERSYS_THREATS=full`, which `make threats-bench` sets, makes it 50 rounds.
"""

import os
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.captcha.challenges import Binding
from tests import made_redis, spending
from tests.made_captcha import HOST, make_desk

ROUNDS = 50 if os.environ.get("FERSYS_THREATS") == "full" else 3


@pytest.mark.parametrize("store", ["sqlite", "redis"])
def test_of_400_redemptions_in_two_processes_one_succeeds(tmp_path: Path, store: str) -> None:
    with ExitStack() as stack:
        redis = stack.enter_context(made_redis.redis_url(tmp_path)) if store == "redis" else ""
        desk = make_desk(tmp_path, redis=redis)
        tokens = [desk.service.mint(desk.service.issue(Binding(desk.site.key, HOST), "face")) for _ in range(ROUNDS)]
        rounds = spending.race(desk.service.settings, desk.secret, tokens)
        assert len(rounds) == ROUNDS
        for outcomes in rounds:
            assert len(outcomes) == spending.PROCESSES * spending.THREADS
            # A call that could not be decided says so, and is no success.
            assert Counter(outcomes)["success"] == 1, Counter(outcomes)
            assert set(outcomes) <= {"success", "timeout-or-duplicate", "internal-error"}
        redeemed = [line for line in desk.service.settings.audit_file.read_text(encoding="utf-8").splitlines() if '"token-redeemed"' in line]
        assert len(redeemed) == ROUNDS
        desk.service.audit.verify()
