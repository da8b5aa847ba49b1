# SPDX-License-Identifier: Apache-2.0
"""Pretext tasks, one a file."""
