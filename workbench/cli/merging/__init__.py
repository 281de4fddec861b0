"""The commands of two models: `workbench merge`."""
