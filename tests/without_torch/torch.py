"""Stands in for torch on the path, so that a run shows what works without it."""

raise ModuleNotFoundError("torch is made unavailable for this run", name="torch")
