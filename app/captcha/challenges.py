"""A challenge as it is stored: what it is bound to, what is asked, and how far it has come. No frame, no address, no secret."""

import hashlib
import hmac
import json
import random
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.captcha.judge import Judge, Prompt, StepState

OPEN, PASSED, FAILED = "open", "passed", "failed"
_chance = random.SystemRandom()
_UNSEEN = StepState()


@dataclass(frozen=True)
class Binding:
    """What a challenge and its token are for; a token is worth nothing anywhere else.

    Attributes:
        sitekey: public key of the site.
        hostname: host of the page that shows the widget, without port.
        action: what the person is about to do there, as the site named it; "" if it did not.
        cdata: data of the site that comes back with the verification; "" for none.
    """

    sitekey: str
    hostname: str
    action: str = ""
    cdata: str = ""


@dataclass(frozen=True)
class Challenge:
    """One attempt of one person.

    Attributes:
        id: 192 random bits, as text.
        binding: what its token will be good for.
        prompts: what is asked in each step; a client learns one at a time.
        secret_hash, cookie_hash: SHA-256 of the two secrets that the client must show.
        deadline: server time by which the last step must be done.
        jti: id of the token that a pass is worth.
        nonce: names the current step; a new one comes with each step.
        state: `OPEN`, `PASSED` or `FAILED`.
        step: index of the current step.
        sequence: number of the last frame that was taken.
        version: counts the changes; a change is saved only over the version it was made from.
        reason: why it failed: "expired", "refused" or "internal-error".
        passed_at: server time of the pass; 0 before it.
    """

    id: str
    binding: Binding
    prompts: tuple[Prompt, ...]
    secret_hash: str
    cookie_hash: str
    deadline: float
    jti: str
    nonce: str
    state: str = OPEN
    step: int = 0
    sequence: int = 0
    version: int = 0
    reason: str = ""
    passed_at: float = 0.0

    @property
    def prompt(self) -> Prompt:
        """What is asked now."""
        return self.prompts[self.step]

    def is_shown_by(self, secret: str, cookie: str) -> bool:
        """Whether both secrets are this challenge's, compared in constant time."""
        right = hmac.compare_digest(digest(secret), self.secret_hash)
        return hmac.compare_digest(digest(cookie), self.cookie_hash) and right


def make_id() -> str:
    """Return 192 random bits as text that fits into a URL."""
    return secrets.token_urlsafe(24)


def digest(secret: str) -> str:
    """Return the SHA-256 of a random secret, in hex. Secrets here have at least 192 random bits: no salt, no stretching."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def make_prompts(judge: Judge, steps: int) -> tuple[Prompt, ...]:
    """Return a random order of expressions, never the same twice in a row; one step asks for a turn too if the judge knows any."""
    expressions = _make_order(judge.expressions, steps)
    turned = _chance.randrange(steps) if judge.turns else -1
    return tuple(Prompt(name, _chance.choice(judge.turns) if step == turned else "") for step, name in enumerate(expressions))


def _make_order(names: Sequence[str], steps: int) -> list[str]:
    order: list[str] = []
    for _ in range(steps):
        order.append(_chance.choice([name for name in names if order[-1:] != [name]]))
    return order


def view(challenge: Challenge, now: float, seen: StepState = _UNSEEN, token: str = "") -> dict[str, Any]:
    """Return what the client may know, as JSON data: the current prompt alone, and no score."""
    is_open = challenge.state == OPEN
    return {
        "id": challenge.id,
        "state": challenge.state,
        "step": challenge.step,
        "steps": len(challenge.prompts),
        "prompt": asdict(challenge.prompt) if is_open else None,
        "nonce": challenge.nonce if is_open else "",
        "sequence": challenge.sequence,
        "seconds_left": max(0.0, round(challenge.deadline - now, 3)) if is_open else 0.0,
        "progress": min(max(round(float(seen.progress), 2), 0.0), 1.0),
        "hint": seen.hint,
        "reason": challenge.reason,
        "token": token,
    }


def to_json(challenge: Challenge) -> str:
    """Return the record as it is stored."""
    return json.dumps(asdict(challenge))


def from_json(text: str) -> Challenge:
    """Read what `to_json` wrote."""
    fields = json.loads(text)
    return Challenge(**{**fields, "binding": Binding(**fields["binding"]), "prompts": tuple(Prompt(**prompt) for prompt in fields["prompts"])})
