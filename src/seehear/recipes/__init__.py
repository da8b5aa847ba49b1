# SPDX-License-Identifier: Apache-2.0
"""Experiments as typed functions that return a Run."""
