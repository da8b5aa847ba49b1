# SPDX-License-Identifier: Apache-2.0
"""Encoders of video and sound, and their heads."""
