# SPDX-License-Identifier: Apache-2.0
"""Files in, files out: probe, decode a window, encode, tags, scan."""
