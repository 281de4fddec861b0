"""The command `workbench lab`."""
