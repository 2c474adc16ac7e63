"""One target under atheris, in a process of its own: libFuzzer ends the process it runs in."""

from __future__ import annotations

import sys

import atheris


def main(name: str, options: list[str]) -> None:
    """Hands ``target.run`` to libFuzzer with these options. Does not return.

    The status is 0 when the time ran out and nothing was found.
    """
    with atheris.instrument_imports(include=["detente"]):
        from fuzz.registry import TARGETS  # noqa: PLC0415 - it is this import that is watched
    atheris.Setup([sys.argv[0], *options], TARGETS[name].run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
