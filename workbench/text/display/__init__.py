"""Texts of anyone's on a screen: tables for a terminal and for a notebook."""
