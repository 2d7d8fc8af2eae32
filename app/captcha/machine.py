"""The rules of a challenge: which move leads where. Pure functions of a record and the server's time.

    open ──frame──▶ open          the step's nonce, a higher sequence number, before the deadline
    open ──accept─▶ open, passed  the judge accepted the step: the next one begins, or it was the last
    open ──fail───▶ failed        refused by the judge, out of time, or an error of ours

Every other move is a `RefusedError`. Each change raises `version` by one.
"""

from dataclasses import replace

from app.captcha.challenges import FAILED, OPEN, PASSED, Challenge, make_id
from app.captcha.refusals import RefusedError

MAX_SEQUENCE = 2**31 - 1


def is_late(challenge: Challenge, now: float) -> bool:
    """Whether an open challenge is out of time."""
    return challenge.state == OPEN and now >= challenge.deadline


def take_frame(challenge: Challenge, nonce: str, sequence: int, now: float) -> Challenge:
    """Take a frame of the current step.

    Raises:
        RefusedError: "not-open", "expired", "wrong-step" or "stale-sequence".
    """
    _check_open(challenge)
    if is_late(challenge, now):
        raise RefusedError("expired", 410, "The time to solve this challenge is over.")
    if nonce != challenge.nonce:
        raise RefusedError("wrong-step", 409, "This frame belongs to another step.")
    if not challenge.sequence < sequence <= MAX_SEQUENCE:
        raise RefusedError("stale-sequence", 409, f"Sequence number: expected more than {challenge.sequence}. Received: {sequence}")
    return replace(challenge, sequence=sequence, version=challenge.version + 1)


def accept(challenge: Challenge, now: float) -> Challenge:
    """Go on to the next step, under a new nonce, or pass if this was the last one.

    Raises:
        RefusedError: "not-open".
    """
    _check_open(challenge)
    if challenge.step + 1 < len(challenge.prompts):
        return replace(challenge, step=challenge.step + 1, nonce=make_id(), version=challenge.version + 1)
    return replace(challenge, state=PASSED, passed_at=now, nonce="", version=challenge.version + 1)


def fail(challenge: Challenge, reason: str) -> Challenge:
    """End as failed.

    Raises:
        RefusedError: "not-open".
    """
    _check_open(challenge)
    return replace(challenge, state=FAILED, reason=reason, nonce="", version=challenge.version + 1)


def _check_open(challenge: Challenge) -> None:
    if challenge.state != OPEN:
        raise RefusedError("not-open", 409, f"This challenge is over. Received: one that is {challenge.state}")
