# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a 360° or ambisonic file, and how to mend it."""
