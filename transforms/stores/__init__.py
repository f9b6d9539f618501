"""The two stores: how their rows are read and what each column means."""
