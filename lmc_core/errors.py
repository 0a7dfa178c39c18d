"""What can go wrong, each with one sentence: what is wrong, the values received, what to do.

LMCError
├── InputError (ValueError)    the input or the arguments are wrong: exit status 2, a sentence on the page
│   ├── CheckpointError        a file that cannot be read, is not safe, or holds impossible values
│   ├── RecogniseError         a state dict whose architecture the shapes do not tell
│   ├── TraceError             a module that cannot be exported; names the fallback
│   ├── MismatchError          two networks that do not fit together; names the first tensor that differs
│   ├── DataError              data that is missing, damaged, or of another shape than the network reads
│   └── SettingError           a setting outside its range, or a name that does not exist
├── Cancelled                  the work was stopped on request
└── RunError                   a stored run that failed, with the reason kept
    └── DamagedError           a stored run that is no longer what was stored; it can be computed again
"""


class LMCError(Exception):
    """Root of every error this package raises on purpose."""


class InputError(LMCError, ValueError):
    """Wrong input or arguments."""


class CheckpointError(InputError):
    """A file that cannot be read, is not safe, or holds impossible values."""


class RecogniseError(InputError):
    """A state dict whose architecture the shapes do not tell."""


class TraceError(InputError):
    """A module that cannot be exported."""


class MismatchError(InputError):
    """Two networks that do not fit together."""


class DataError(InputError):
    """Data that is missing, damaged, or of the wrong shape."""


class SettingError(InputError):
    """A setting outside its range, or an unknown name."""


class Cancelled(LMCError):
    """Work stopped on request."""


class RunError(LMCError):
    """A run that failed; the message is the reason that was kept."""


class DamagedError(RunError):
    """A stored run that is no longer what was stored."""
