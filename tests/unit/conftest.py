"""Hypothesis profiles: a few examples in every run, many with EXAMPLES=10000."""

import os

from hypothesis import settings

settings.register_profile("unit", max_examples=int(os.environ.get("EXAMPLES", "25")), deadline=None)
settings.load_profile("unit")
