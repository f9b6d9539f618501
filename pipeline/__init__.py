"""The program: command line, options, the graph that connects the steps, the report."""

import logging

# Beam warns of optional packages as soon as it is imported: nothing that an operator can mend.
logging.getLogger().setLevel(logging.ERROR)
