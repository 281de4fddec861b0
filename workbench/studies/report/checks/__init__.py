"""A report's parts, checked before they are shown."""
