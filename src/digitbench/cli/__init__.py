"""The command line: ``digitbench <command>``."""
