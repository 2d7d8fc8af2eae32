"""One step of a challenge: the face at rest, then as it was asked to be, long enough. Pure: sights in, a verdict out.

    wait ──expression absent for a moment, face ahead──▶ rested ──shown, then turned if asked──▶ held ──long enough──▶ judged

Whatever breaks it (no face, two faces, another face) begins it anew. Cues deny, each alone; `grown` or `round` must confirm.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from app.captcha import cues
from app.captcha.cues import Limits
from app.captcha.expressions import Expressions
from app.captcha.judge import Prompt
from app.captcha.sights import Sight

REST_SECONDS, REST_FRAMES = 0.25, 3
GAP = 0.35  # seconds for which a pose may flicker
AHEAD, TURNED, FURTHER = 14.0, 12.0, 10.0  # degrees of yaw: at most so much is "ahead", at least so much is "turned", and so much more than at rest
CARRIED = 2.5  # seconds for which a turned face may have had its expression before: models see it less well from the side
_LOOKED_AT = 6  # frames at each end of a step that are compared
_MOVED = 0.3  # eye widths the background must have moved before it says anything
# What is kept of the way from rest to pose is at least so many seconds apart. All of it is kept for as long as an answer may
# take: whoever could make its beginning be forgotten would have a jump forgotten with it.
_APART, _KEPT = 0.06, 240
_NO_GRAY, _NO_BACKGROUND = np.zeros((0, 0), np.uint8), np.zeros((0, 0))


@dataclass
class Step:
    """A step under way.

    Attributes:
        prompt: what is asked.
        asked_at: server time.
        hold: seconds that the pose must be held; drawn at random, told to nobody.
        path: sights since the face came to rest, without their pictures.
        frozen: of each two neighbours of the path, whether the camera's noise is missing.
        latest: the last sight of the path, with its pictures.
        resting: whether the face was at rest when it was last seen.
        held_since: server time since when the pose is held; None: it is not.
        shown_at: when it was last seen.
        posed_at: when the expression was last seen, turned or not.
    """

    prompt: Prompt
    asked_at: float
    hold: float
    path: list[Sight] = field(default_factory=list)
    frozen: list[bool] = field(default_factory=list)
    latest: Sight | None = None
    resting: bool = False
    rested: list[Sight] = field(default_factory=list)
    held_since: float | None = None
    shown_at: float = 0.0
    posed_at: float = -np.inf

    def restart(self) -> None:
        """Begin anew."""
        self._leave()
        self.rested, self.held_since, self.posed_at, self.resting = [], None, -np.inf, False

    def _leave(self) -> None:
        """Begin the path anew."""
        self.path, self.frozen, self.latest = [], [], None

    @property
    def is_rested(self) -> bool:
        """Whether the face was at rest."""
        return len(self.rested) >= REST_FRAMES and self.rested[-1].at - self.rested[0].at >= REST_SECONDS

    def held(self, at: float) -> float:
        """Share of the time to hold that is over, 0–1."""
        return 0.0 if self.held_since is None else min((at - self.held_since) / self.hold, 1.0)

    def take(self, sight: Sight, absent: bool, shown: bool) -> None:
        """Take a sight of the one face; `absent` and `shown` are of what is asked."""
        if self.held_since is not None and not shown and sight.at - self.shown_at > GAP:
            self.held_since = None
        turning = bool(self.prompt.turn) and sight.at - self.posed_at <= CARRIED
        resting = absent and abs(sight.yaw) <= AHEAD and not turning and self.held_since is None
        if resting:
            self._rest(sight)
        elif not self.is_rested:
            self.restart()
        self.resting = resting
        if self.is_rested:
            self._walk(sight)
            self._hold(sight, shown)

    def _walk(self, sight: Sight) -> None:
        if self.latest is not None and sight.at - self.latest.at < _APART:
            return
        if self.latest is not None:
            self.frozen = [*self.frozen, cues.is_frozen(self.latest.gray, sight.gray)][-_KEPT:]
        bare = replace(sight, gray=_NO_GRAY, background=_NO_BACKGROUND)
        self.path, self.latest = [*self.path, bare][-_KEPT:], sight

    def _rest(self, sight: Sight) -> None:
        """A run of rest begins the path anew: what counts is the last way from rest to the pose."""
        if not self.resting:
            self.rested = []
            self._leave()
        self.rested = [*self.rested, sight][-2 * _LOOKED_AT :]

    @property
    def began_at(self) -> float:
        """When what is judged begins: with the last frames of rest."""
        return self.rested[-_LOOKED_AT:][0].at

    def _hold(self, sight: Sight, shown: bool) -> None:
        if shown:
            self.held_since = sight.at if self.held_since is None else self.held_since
            self.shown_at = sight.at

    def is_turned(self, sight: Sight) -> bool:
        """Whether the head is turned to the side that is asked, and further than it was at rest."""
        side = 1 if self.prompt.turn == "left" else -1
        rest = float(np.median([one.yaw for one in self.rested])) if self.rested else 0.0
        return side * sight.yaw >= TURNED and side * (sight.yaw - rest) >= FURTHER


def is_shown(step: Step, sight: Sight, table: Expressions, off: frozenset[str]) -> bool:
    """Whether a sight shows what is asked; with the cue "order" off, anything that may be asked does."""
    if "order" in off:
        return any(table.is_shown(name, sight.agreement) for name in table.asked)
    if table.is_shown(step.prompt.expression, sight.agreement) and step.is_rested:
        step.posed_at = sight.at
    if not step.prompt.turn or "turn" in off:
        return step.posed_at == sight.at
    return is_turned(step, sight, off) and sight.at - step.posed_at <= CARRIED


def is_turned(step: Step, sight: Sight, off: frozenset[str]) -> bool:
    """Whether the head is turned as asked."""
    return not step.prompt.turn or "turn" in off or step.is_turned(sight)


def measure(step: Step) -> dict[str, float]:
    """Return the value of each cue over a step that is held long enough; `deny` says which side of its limit is bad."""
    rest, pose = step.rested[-_LOOKED_AT:], [one for one in step.path if step.held_since is not None and one.at >= step.held_since][-_LOOKED_AT:]
    first, last = rest[0], step.latest or rest[0]
    before, after = [one.points for one in rest], [one.points for one in pose]
    slip, way = cues.slip(first.gray, last.gray, (first.points, last.points), first.share)
    turned = bool(step.prompt.turn)
    return {
        "flat": cues.change(before, after),
        "planar": cues.parallax(before[-3:], after[-3:]) if turned else np.inf,
        "sudden": cues.largest_share([one.points for one in step.path if one.at >= first.at], before, after),
        "stuck": slip if way >= _MOVED else np.inf,
        "frozen": float(np.mean(step.frozen)) if step.frozen else 1.0,
    }


def deny(values: dict[str, float], limits: Limits, off: frozenset[str]) -> str:
    """Return the name of the first cue that denies a step, "" if none does.

    Args:
        values: as `measure` returns them.
        limits: where they deny.
        off: cues that are switched off.
    """
    at_most = {"sudden": limits.sudden, "frozen": limits.frozen}
    at_least = {"planar": limits.planar, "stuck": limits.stuck}
    denied = [name for name, limit in at_most.items() if values[name] > limit] + [name for name, limit in at_least.items() if values[name] < limit]
    confirmed = values["flat"] >= limits.flat or limits.planar <= values["planar"] < np.inf
    return next((name for name in [*denied, *([] if confirmed else ["flat"])] if name not in off), "")
