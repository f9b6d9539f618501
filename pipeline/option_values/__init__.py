"""Where the options' values come from beside the command line.

``file_options`` reads the table ``[options]`` of the configuration file; ``store_options`` lays the
options of the built-in stores' keys over the configuration.
"""
