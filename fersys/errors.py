"""Every error that FER-Sys raises on purpose.

FerSysError
├── LabelError      a label that is none of the seven expressions
├── DataError       a data set that is missing, of wrong size or shape
├── ImageError      a picture that cannot be read or is not an RGB uint8 image
├── VideoError      a video or camera that cannot be read, or a video that cannot be written
├── PackageError    a model folder that is incomplete, changed or of another format version
├── ModelError      a model or a runtime that is unknown, missing or answers out of contract
├── HubError        a hub that cannot be reached, refuses, or holds something else than was expected
└── ConfigError     a setting out of its range

A message says what is wrong, what is allowed and what was received.
"""


class FerSysError(Exception):
    """Base of all errors that FER-Sys raises on purpose."""


class LabelError(FerSysError):
    """A label is none of the seven expressions."""


class DataError(FerSysError):
    """A data set is missing, or of a wrong size, shape or label set."""


class ImageError(FerSysError):
    """A picture cannot be read, or an array is not an RGB uint8 image."""


class VideoError(FerSysError):
    """A video or camera cannot be read, or a video cannot be written."""


class PackageError(FerSysError):
    """A model folder is incomplete, changed, or of another format version."""


class ModelError(FerSysError):
    """A model or runtime is unknown, missing, or answers out of contract."""


class HubError(FerSysError):
    """A hub cannot be reached, refuses, or holds something else than was expected."""


class ConfigError(FerSysError):
    """A setting is out of its allowed range."""
