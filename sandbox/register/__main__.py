"""``python -m sandbox.register``: the register as a program."""

from sandbox.register.server import main

main()
