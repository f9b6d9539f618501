"""Words to the person at the terminal."""

import sys


def say(text: str) -> None:
    """Write a message to standard error: news of what goes on."""
    print(text, file=sys.stderr, flush=True)


def print_lines(*lines: str) -> None:
    """Write lines to standard output: the result that was asked for."""
    for line in lines:
        print(line)
