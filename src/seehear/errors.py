# SPDX-License-Identifier: Apache-2.0
"""The two errors a user can cause; every other exception is a fault of the project."""


class InputError(ValueError):
    """What the user gave cannot be used.

    The message is one line: what was expected, what came, where, and what to do. The command line prints it without a
    traceback and leaves with exit code 2.
    """


class MediaError(InputError):
    """One media file cannot be used; `reason` is a short word of `media.scan.REASONS`, such as "no sound"."""

    def __init__(self, path: object, reason: str, detail: str = "") -> None:
        self.path, self.reason, self.detail = str(path), reason, detail
        super().__init__(f"{path}: {reason}" + (f" ({detail})" if detail else ""))

    def __reduce__(self) -> tuple[type["MediaError"], tuple[str, str, str]]:
        return type(self), (self.path, self.reason, self.detail)
