"""What the service raises on purpose.

CaptchaError (a FerSysError)
├── RefusedError   a request that is not granted: a code for programs, an HTTP status, words for people
├── StoreError     the store, or what else must be written, cannot be reached: nothing passes
├── WorkerError    code that looked at a frame raised; its own text is left out, it may hold pixels
└── AuditError     the audit log has been changed or cannot be written
"""

from fersys.errors import FerSysError


class CaptchaError(FerSysError):
    """Base of what the CAPTCHA service raises on purpose."""


class RefusedError(CaptchaError):
    """A request that is not granted.

    Attributes:
        code: for programs, such as "wrong-step"; part of the documented interface.
        status: HTTP status, 4xx or 5xx.
        wait: seconds after which another try makes sense; 0 if time changes nothing.
    """

    def __init__(self, code: str, status: int, words: str, wait: float = 0.0) -> None:
        super().__init__(words)
        self.code, self.status, self.wait = code, status, wait


class StoreError(CaptchaError):
    """What must be read or written cannot be reached."""


class WorkerError(CaptchaError):
    """Code that looked at a frame raised, or took too long."""


class AuditError(CaptchaError):
    """The audit log has been changed, or cannot be written."""
