# SPDX-License-Identifier: BSD-3-Clause
"""Why a goal of docs/performance.md is missed, by the key of its row in core_tables.py; each begins with the date
and names the profile.  What is not missed is not shown."""

EXPLANATIONS = {}
