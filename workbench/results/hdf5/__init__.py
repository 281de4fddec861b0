"""Result files: inspected before reading, and verified after."""
