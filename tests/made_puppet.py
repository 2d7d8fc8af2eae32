"""A camera that is none: before the page's `getUserMedia` stands a canvas on which Python paints whatever is to be seen.

With `PacedJudge` the judge's clock goes with the frames, so that a slow machine sees what a fast one sees.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
from playwright.sync_api import BrowserContext

from app.captcha.judge import Judge, JudgeSession, Prompt, StepState
from app.captcha.spoof_actors import Actor
from fersys.results import Image

TICK = 0.1  # seconds from frame to frame, as the actor and the judge have it
_PAINTED, _NOTED = "paintedByPython", "notedByPython"
# The page asks for the next frame once what the service said has been answered by the canvas.
_CAMERA = """(() => {
  if (!location.pathname.endsWith("/captcha/frame")) return;
  const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
  let view = { nonce: "", prompt: null, hint: "", id: "" };
  const shown = () => new Promise((resolve) => {
    document.querySelector("video").requestVideoFrameCallback(resolve);
    setTimeout(resolve, 200);
  });
  const paint = async () => {
    const bytes = Uint8Array.from(atob(await window.PAINTED(view)), (letter) => letter.charCodeAt(0));
    const picture = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
    if (canvas.width !== picture.width) Object.assign(canvas, { width: picture.width, height: picture.height });
    pen.drawImage(picture, 0, 0);
  };
  window.tracks = [];
  navigator.mediaDevices.getUserMedia = async () => {
    await paint();
    setInterval(() => pen.fillRect(0, 0, 1, 1), 100); // a canvas that does not change sends nothing
    const stream = canvas.captureStream(30);
    window.tracks.push(...stream.getTracks());
    return stream;
  };
  const ask = window.fetch;
  window.fetch = async (path, options) => {
    if (options?.body instanceof Blob) await window.NOTED(btoa(String.fromCharCode(...new Uint8Array(await options.body.arrayBuffer()))));
    const answer = await ask(path, options);
    const told = String(path).includes("challenges") ? await answer.clone().json() : {};
    if (told.prompt) {
      view = told;
      await paint();
      await shown();
    }
    return answer;
  };
})();""".replace("PAINTED", _PAINTED).replace("NOTED", _NOTED)


@dataclass
class Puppeteer:
    """Paints what an actor shows.

    Attributes:
        actor: before the camera; it can be replaced.
        at: called with what the client was told last, before each frame.
        time: seconds, as the actor has it.
        sent: what the page sent to the service.
    """

    actor: Actor
    at: Callable[[dict[str, Any]], None] = lambda view: None
    time: float = 0.0
    sent: list[bytes] = field(default_factory=list)

    def enter(self, context: BrowserContext) -> None:
        """Take the place of the camera in all pages of a window."""
        context.expose_function(_PAINTED, self.paint)
        context.expose_function(_NOTED, lambda text: self.sent.append(base64.b64decode(text)))
        context.add_init_script(_CAMERA)

    def paint(self, view: dict[str, Any]) -> str:
        """The next frame, as base64 of a JPEG."""
        self.at(view)
        self.time += TICK
        image = self.actor.show(view, self.time)
        done, content = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
        assert done
        return base64.b64encode(content.tobytes()).decode()


class _PacedSession:
    def __init__(self, session: JudgeSession, tick: float) -> None:
        self._session, self._tick, self._now = session, tick, 0.0

    def ask(self, prompt: Prompt, at: float) -> None:
        self._session.ask(prompt, self._now)

    def look(self, image: Image, at: float) -> StepState:
        self._now += self._tick
        return self._session.look(image, self._now)


class PacedJudge:
    """A judge for whom each frame comes `tick` seconds after the last, whenever it comes."""

    def __init__(self, judge: Judge, tick: float = TICK) -> None:
        self._judge, self._tick = judge, tick
        self.expressions: Sequence[str] = judge.expressions
        self.turns: Sequence[str] = judge.turns
        self.answer_life = judge.answer_life

    def begin(self) -> _PacedSession:
        return _PacedSession(self._judge.begin(), self._tick)
