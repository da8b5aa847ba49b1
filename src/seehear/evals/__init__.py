# SPDX-License-Identifier: Apache-2.0
"""Protocols: how good the encoders became, one protocol a file."""
