"""The other side of helper.py: a process that answers JSON lines with JSON lines.

Every request is one line `{"id": N, "do": NAME, ...}` and is answered by one line `{"id": N, ...}` or
`{"id": N, "error": TEXT}`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

Action = Callable[..., dict[str, Any]]


def answer_lines(actions: dict[str, Action]) -> None:
    """Until standard input ends; what comes beside `id` and `do` is handed to the action by name."""
    for line in sys.stdin:
        request = json.loads(line)
        number, action = request.pop("id"), request.pop("do")
        try:
            reply = actions[action](**request)
        except Exception as problem:  # reported to the suite, which fails the check that asked
            reply = {"error": f"{type(problem).__name__}: {problem}"}
        print(json.dumps({"id": number, **reply}), flush=True)
