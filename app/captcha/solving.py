"""The way by face: a challenge is begun, its frames are judged one after another, and a pass is worth a token."""

import math
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from app.captcha import dummies, machine
from app.captcha.anti_spoof import Advice
from app.captcha.challenges import FAILED, OPEN, PASSED, Binding, Challenge, digest, make_id, make_prompts, view
from app.captcha.frames import BAD_FRAME, read_frame
from app.captcha.judge import LATE, Judge, JudgeSession, StepState
from app.captcha.meters import timed
from app.captcha.rates import networks_of
from app.captcha.refusals import AuditError, RefusedError, StoreError
from app.captcha.service import Service
from app.captcha.sessions import Seat
from fersys.errors import FerSysError

METHOD = "face"
_MOST_MISREAD = 5  # frames of one challenge that cannot be read
_OUR_FAULTS = ("session-lost", StoreError.__name__, AuditError.__name__)


@dataclass(frozen=True)
class Begun:
    """A new challenge: what the client may know, and the two secrets that it must show with every request.

    Attributes:
        view: JSON data, see `challenges.view`.
        secret: goes into a header.
        cookie: goes into a cookie that no script can read.
    """

    view: dict[str, Any]
    secret: str = ""
    cookie: str = ""


@dataclass(frozen=True)
class Claim:
    """What a request shows to be let near a challenge."""

    name: str
    secret: str
    cookie: str


@dataclass(frozen=True)
class Frame:
    """A frame as it came: which step and which number it says it is, and the picture's bytes."""

    nonce: str
    sequence: int
    content: bytes


def begin(service: Service, asked: Binding, address: str) -> Begun:
    """Begin a challenge.

    Args:
        service: the service.
        asked: as the client sent it.
        address: of the client.

    Raises:
        RefusedError: if the site key, host or action is not allowed, or the client has to wait.
        StoreError: if something cannot be reached.
    """
    if asked.sitekey in dummies.SITE_KEYS:
        return Begun(dummies.view(asked.sitekey))
    _end_overdue(service)
    service.tidy()
    return _open(service, service.admit(asked, METHOD, address), address)


@contextmanager
def _seated(service: Service, name: str, seat: Seat) -> Iterator[None]:
    """Take a seat, and give it back if what follows fails.

    Pauses are checked again with the seat taken: of many who begin at the same moment, no more than may fail get one.
    """
    service.sessions.open(name, seat, service.clock())
    try:
        service.rates.check_pause(METHOD, seat.address, service.sessions.addresses(besides=name))
        yield
    except FerSysError:
        service.sessions.close(name)
        raise


def _open(service: Service, binding: Binding, address: str) -> Begun:
    if service.judge is None:
        raise RefusedError("face-unavailable", 503, "No judge of faces is at work here: choose the other way.")
    now, secret, cookie = service.clock(), make_id(), make_id()
    prompts, deadline = make_prompts(service.judge, service.settings.steps), now + service.settings.solve_life
    challenge = Challenge(make_id(), binding, prompts, digest(secret), digest(cookie), deadline, jti=make_id(), nonce=make_id())
    judge = service.judge
    session = service.workers.run(lambda: _begin_session(judge, challenge, now))
    with _seated(service, challenge.id, Seat(session, address, challenge.deadline)):
        service.rates.count("site", binding.sitekey)
        service.store.add_challenge(challenge)
    _set_alarm(service)
    service.meters.attempts.labels(METHOD, "begun").inc()
    service.log.info("begun", challenge=challenge.id, site=binding.sitekey, method=METHOD)
    return Begun(view(challenge, now), secret, cookie)


def _begin_session(judge: Judge, challenge: Challenge, at: float) -> JudgeSession:
    session = judge.begin()
    session.ask(challenge.prompt, at)
    return session


def look(service: Service, claim: Claim, frame: Frame) -> dict[str, Any]:
    """Judge a frame of a challenge and return what the client may know now, as JSON data.

    Raises:
        RefusedError: if the client may not, or it is not the frame's turn, or it cannot be read.
        StoreError: if something cannot be reached.
    """
    challenge = _find(service, claim)
    at = service.clock()
    with service.sessions.taken(challenge.id) as seat:
        if machine.is_late(challenge, at):
            _end(service, challenge, "expired")
        taken = machine.take_frame(challenge, frame.nonce, frame.sequence, at)
        _save(service, taken)
        if seat is None:  # this process was restarted, or the frame belongs to another replica
            return view(_end(service, taken, "internal-error", "session-lost"), at)
        return _judge(service, taken, seat, frame.content, at)


def _judge(service: Service, challenge: Challenge, seat: Seat, content: bytes, at: float) -> dict[str, Any]:
    known = len(_advice(seat.session))
    try:
        with timed(service.meters.judge_seconds):
            seen = service.workers.run(lambda: _look_and_ask(challenge, seat.session, content, at), networks_of(seat.address))
    except RefusedError as refusal:
        service.meters.frames.labels("refused").inc()
        if refusal.code == BAD_FRAME and service.sessions.misread(challenge.id) >= _MOST_MISREAD:
            return view(_end(service, challenge, "refused", refusal.code), at)
        raise
    except FerSysError as error:
        service.meters.frames.labels("error").inc()
        return view(_end(service, challenge, "internal-error", type(error).__name__), at)
    service.sessions.hear(challenge.id, at)
    _note_advice(service, challenge, _advice(seat.session)[known:])
    if seen.refused:
        return view(_end(service, challenge, "expired" if seen.refused == LATE else "refused", seen.refused), at)
    service.meters.frames.labels("accepted" if seen.accepted else "taken").inc()
    return _go_on(service, challenge, at) if seen.accepted else view(challenge, at, seen)


def _look_and_ask(challenge: Challenge, session: JudgeSession, content: bytes, at: float) -> StepState:
    """Judge a frame, and if it ends its step, ask for the next one at once: another turn in the queue might not be had."""
    seen = session.look(read_frame(content), at)
    if seen.accepted and challenge.step + 1 < len(challenge.prompts):
        session.ask(challenge.prompts[challenge.step + 1], at)
    return seen


def _advice(session: JudgeSession) -> Sequence[Advice]:
    """What a session's advisor has said; a judge need not have one."""
    said: Sequence[Advice] = getattr(session, "advice", ())
    return said


def _note_advice(service: Service, challenge: Challenge, said: Sequence[Advice]) -> None:
    """It decides nothing: whoever runs the service may see what it would have done."""
    for advice in said:
        service.meters.advice.labels(advice.outcome).inc()
        score = round(advice.score, 2)
        service.log.info("advised", challenge=challenge.id, step=challenge.step, real=advice.real, score=score, threshold=advice.threshold)


def _go_on(service: Service, challenge: Challenge, at: float) -> dict[str, Any]:
    """To the next step, or to the token."""
    after = machine.accept(challenge, at)
    if after.state == PASSED:
        return _pass(service, after, at)
    try:
        _save(service, after)
    except StoreError:
        service.sessions.close(challenge.id)  # what the judge asks for is no longer what is kept: the next frame ends it, as a fault of ours
        raise
    return view(after, at, StepState())


def _pass(service: Service, challenge: Challenge, at: float) -> dict[str, Any]:
    try:
        service.issue(challenge.binding, METHOD, challenge.jti, challenge.passed_at)
        _save(service, challenge)
    except (StoreError, AuditError):
        service.sessions.settle(challenge.id)  # another frame may yet pass; if none does, it is no failure of this person
        raise
    service.sessions.close(challenge.id)
    service.log.info("passed", challenge=challenge.id, site=challenge.binding.sitekey, method=METHOD)
    return view(challenge, at, StepState(progress=1.0), _token(service, challenge, at))


def state(service: Service, claim: Claim) -> dict[str, Any]:
    """Return what the client may know of its challenge, as JSON data; after a pass the token again, as long as it is worth something.

    Raises:
        RefusedError: if the client may not.
        StoreError: if something cannot be reached.
    """
    now = service.clock()
    challenge = _find(service, claim)
    if machine.is_late(challenge, now):
        challenge = _end(service, challenge, "expired")
    return view(challenge, now, StepState(progress=float(challenge.state == PASSED)), _token(service, challenge, now))


def _token(service: Service, challenge: Challenge, now: float) -> str:
    if challenge.state != PASSED:
        return ""
    claims = service.claims(challenge.binding, METHOD, challenge.jti, challenge.passed_at)
    return service.mint(claims) if claims.is_current(now) else ""


def _find(service: Service, claim: Claim) -> Challenge:
    """The challenge, if both secrets are shown; whether it exists is told to nobody else."""
    challenge = service.store.get_challenge(claim.name)
    if challenge is None or not challenge.is_shown_by(claim.secret, claim.cookie):
        raise RefusedError("unknown-challenge", 404, "No such challenge, or its secrets are missing.")
    return challenge


def _save(service: Service, challenge: Challenge) -> None:
    if not service.store.swap_challenge(challenge):
        raise RefusedError("conflict", 409, "Another request changed this challenge at the same moment.")


def _end(service: Service, challenge: Challenge, reason: str, detail: str = "") -> Challenge:
    """End as failed; counted once, whoever notices first.

    A judge that raises counts as well: whoever can bring it to that would have as many tries as they like.
    """
    if detail in _OUR_FAULTS:
        service.sessions.close(challenge.id)
    else:
        _charge(service, challenge.id)
    failed = machine.fail(challenge, reason)
    if service.store.swap_challenge(failed):
        service.meters.attempts.labels(METHOD, "expired" if reason == "expired" else "failed").inc()
        service.log.info("failed", challenge=challenge.id, site=challenge.binding.sitekey, reason=reason, code=detail, step=challenge.step)
        service.audit.record(service.clock(), "failed", method=METHOD, site=challenge.binding.sitekey, reason=reason)
    return failed


def _charge(service: Service, name: str) -> None:
    """Count a failure and close the seat, in this order: in between, nobody else could begin in its place."""
    try:
        if (seat := service.sessions.settle(name)) is not None:
            service.rates.count_failure(METHOD, seat.address)
    finally:
        service.sessions.close(name)


def _end_overdue(service: Service) -> None:
    """End the challenges that were given up, so that giving up counts as failing."""
    for name in service.sessions.overdue(service.clock()):
        _end_given_up(service, name)


def _end_given_up(service: Service, name: str) -> None:
    """Whatever the store says, the judge's memory of the face is dropped."""
    try:
        challenge = service.store.get_challenge(name)
        if challenge is not None and challenge.state == OPEN:
            _end(service, challenge, "expired")
        elif challenge is not None and challenge.state == FAILED:  # in another replica, where nobody could be charged for it
            _charge(service, name)
    finally:
        service.sessions.close(name)


def _set_alarm(service: Service) -> None:
    """Come back when the next seat is overdue: nothing of a face stays longer, also if nobody else ever begins."""
    due, found = service.sessions.next_deadline(), weakref.ref(service)  # a service that is let go of waits for nobody
    if due < math.inf:
        service.alarm.set(due - service.clock(), lambda: _wake(found()))


def _wake(service: Service | None) -> None:
    if service is None:
        return
    try:
        for name in service.sessions.overdue(service.clock()):
            _end_unasked(service, name)
    finally:
        _set_alarm(service)


def _end_unasked(service: Service, name: str) -> None:
    """There is nobody to be told of an error."""
    try:
        _end_given_up(service, name)
    except FerSysError as error:
        service.log.error("internal-error", challenge=name, code=type(error).__name__)
