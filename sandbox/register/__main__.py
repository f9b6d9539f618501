"""``python -m sandbox.register``: the register as a program of its own."""

from sandbox.register.server import main

main()
