"""What is connected to what: command line, options, graph, report."""

import logging

# Beam warns of optional packages as soon as it is imported: nothing that an operator can mend.
logging.getLogger().setLevel(logging.ERROR)
