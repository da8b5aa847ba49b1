# SPDX-License-Identifier: Apache-2.0
"""The procedural world: a seed makes a scene, a scene makes a real media file and its exact truth."""
