# SPDX-License-Identifier: Apache-2.0
"""Where the sound of a 360° recording comes from, seen over its picture."""
