"""Waiting for conditions with a deadline."""
import time


class NotYet(Exception):
    """Raised by a condition that does not hold yet; the text says what was seen instead."""


class TooLate(AssertionError):
    """A condition did not come true before its deadline."""


def wait_for(condition, seconds, what, interval=0.3):
    """Calls `condition` until it answers something true, and returns that.

    A condition may raise NotYet to say what it saw; the last such text is part of the failure.
    """
    deadline = time.monotonic() + seconds
    while True:
        seen = ""
        try:
            answer = condition()
            if answer:
                return answer
        except NotYet as reason:
            seen = f"; seen last: {reason}"
        if time.monotonic() >= deadline:
            raise TooLate(f"{what}: not within {seconds} s{seen}")
        time.sleep(interval)


def stays(condition, seconds, what, interval=0.5):
    """Checks for `seconds` that `condition` holds every time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), what
        time.sleep(interval)


def merged(base, *changes):
    """A deep copy of `base` with the changes laid over it, dictionary by dictionary."""
    result = {key: merged(value) if isinstance(value, dict) else value for key, value in base.items()}
    for change in changes:
        for key, value in change.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if both else value
    return result
