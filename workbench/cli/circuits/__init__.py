"""The commands `workbench circuits`."""
