"""The geometry that notices are read and written with: one text in a fold, any grid at a desk."""

from __future__ import annotations

from typing import Final

from detente.dossiers import shapes
from detente.dossiers.geometry import AsSent, AsWritten
from detente.dossiers.position import parse_position

AS_SENT: Final = AsSent()
AS_WRITTEN: Final = AsWritten(lambda text: shapes.parse(text, {"WGS84": parse_position}))
