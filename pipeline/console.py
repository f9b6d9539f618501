"""Output on the terminal: messages, and the results of commands."""

import sys


def say(text: str) -> None:
    """Write a message about progress or trouble to standard error."""
    print(text, file=sys.stderr, flush=True)


def print_lines(*lines: str) -> None:
    """Write the result of a command to standard output."""
    for line in lines:
        print(line)
