"""Where heads attend: patterns and kinds."""
