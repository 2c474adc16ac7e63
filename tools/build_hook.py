"""Compiles the catalogs whenever the package is built or installed from source."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileCatalogs(BuildHookInterface[Any]):
    """A wheel without .mo files would speak English only, and say so to nobody."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatch
        """Runs before the files of the package are gathered."""
        root = Path(self.root)
        runpy.run_path(str(root / "tools" / "catalogs.py"))["compile_all"](root)
