# SPDX-License-Identifier: Apache-2.0
"""seehear: learn to see and hear from videos nobody labelled."""

__version__ = "0.1.0"
