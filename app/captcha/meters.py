"""What Prometheus may ask: counts and times, in a registry of this service's own, without a label that names anybody."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

MEDIA_TYPE = CONTENT_TYPE_LATEST
_FAST = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


class Meters:
    """The meters of one service.

    Attributes:
        attempts: challenges and puzzles, by method ("face", "pow") and outcome ("begun", "passed", "failed", "expired").
        frames: frames, by outcome ("taken", "accepted", "refused", "error").
        advice: what DeepFace's anti-spoofing said of steps that were done, by outcome ("real", "unsure", "flagged"), if it is asked at all.
        verifications: answers of `/siteverify`, by result ("success" or an error code; "dummy" for every answer to a dummy secret).
        refusals: requests that were not granted, by code.
        judge_seconds, verify_seconds: how long a frame and a verification took.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.attempts = self._counter("attempts", "Challenges and puzzles.", "method", "outcome")
        self.frames = self._counter("frames", "Frames of challenges.", "outcome")
        self.advice = self._counter("advice", "Advice of the anti-spoofing networks, which decide nothing.", "outcome")
        self.verifications = self._counter("verifications", "Answers of siteverify.", "result")
        self.refusals = self._counter("refusals", "Requests that were not granted.", "code")
        self.judge_seconds = self._histogram("judge_seconds", "Decoding and judging a frame.")
        self.verify_seconds = self._histogram("verify_seconds", "Answering siteverify.")

    def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"fersys_captcha_{name}", words, labels, registry=self._registry)

    def _histogram(self, name: str, words: str) -> Histogram:
        return Histogram(f"fersys_captcha_{name}", words, registry=self._registry, buckets=_FAST)


@contextmanager
def timed(histogram: Histogram) -> Iterator[None]:
    """Observe how long a block takes, by the machine's own stopwatch, whatever the service's clock."""
    begun = time.perf_counter()
    try:
        yield
    finally:
        histogram.observe(time.perf_counter() - begun)
