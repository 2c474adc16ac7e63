"""A null-modem cable: two pseudo-terminals; what one device is given the other one reads."""

from __future__ import annotations

import asyncio
import os
import pty

FAST = 200_000  # bits a second: tests wait for no airtime, and no byte overruns a pseudo-terminal


class Cable:
    """Both devices by name. Carries while the loop runs that made it, until closed."""

    def __init__(self) -> None:
        self.masters: list[int] = []
        self.names: list[str] = []
        self.cut = False
        for number in (0, 1):
            master, device = pty.openpty()
            os.set_blocking(master, False)
            self.names.append(os.ttyname(device))
            self.masters.append(master)
            os.close(device)
            asyncio.get_running_loop().add_reader(master, self._carry, number)

    def _carry(self, number: int) -> None:
        try:
            data = os.read(self.masters[number], 4096)
            if not self.cut:
                os.write(self.masters[1 - number], data)
        except OSError:  # nobody has the device open: bytes go nowhere
            return

    def close(self) -> None:
        """Takes both devices away."""
        for master in self.masters:
            asyncio.get_running_loop().remove_reader(master)
            os.close(master)
