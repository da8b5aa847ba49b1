# SPDX-License-Identifier: Apache-2.0
"""What there is: catalog, packed library, loader."""
