# SPDX-License-Identifier: Apache-2.0
"""What the surround world looks and sounds like: one self-contained page to look at and listen to."""

from seehear.gallery.page import gallery

__all__ = ["gallery"]
