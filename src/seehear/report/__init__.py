# SPDX-License-Identifier: Apache-2.0
"""One self-contained page about what was trained and how good it became."""

from seehear.report.page import write_report

__all__ = ["write_report"]
