"""What is connected to what: command line, options, graph, report."""
