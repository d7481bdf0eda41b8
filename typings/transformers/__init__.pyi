# The type checker would read 3,000 files of it, a third of its time, for the few calls of models/convert.py and rules/meaning/embedding.py.
from typing import Any

def __getattr__(name: str) -> Any: ...
