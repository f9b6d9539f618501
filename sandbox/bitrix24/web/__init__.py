"""The HTTP side of a portal: transport, gateway in front of the methods, inspection and page."""
