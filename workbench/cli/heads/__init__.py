"""The commands `workbench heads`."""
