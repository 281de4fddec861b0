"""Display of untrusted text: names in messages, tables for a terminal and a notebook."""
