# SPDX-License-Identifier: Apache-2.0
"""Claims of a paper as arms, seeds and protocols, with a verdict on each."""
