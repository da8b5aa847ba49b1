# SPDX-License-Identifier: Apache-2.0
"""The verbs of `seehear`. Their options are their signatures, so no module here imports anything heavy at its top."""
