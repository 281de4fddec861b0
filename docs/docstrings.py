"""What griffe, which reads docstrings without running anything, has to know of ours."""

from typing import Any

import griffe

from workbench.options import with_shared


class Docstrings(griffe.Extension):
    """Complete a docstring before it is parsed."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Read `Example:` as code, not as a quotation; add the shared options, as `checked` does when it runs."""
        if obj.docstring:
            obj.docstring.value = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n")
            if isinstance(obj, griffe.Function) and any(str(one.value) == "checked" for one in obj.decorators):
                obj.docstring.value = with_shared(obj.docstring.value, [one.name for one in obj.parameters])
