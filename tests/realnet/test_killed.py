"""A node that is killed while both sides speak, again and again."""

from __future__ import annotations

import threading

import pytest
from processes import until
from realnet.rig import Pair, Station

from detente.core.errors import LocalError, Refusal

KILLS = 5


class Speaker(threading.Thread):
    """Says one thing after the other until it is told to stop, whether its node runs or not."""

    def __init__(self, pair: Pair, station: Station) -> None:
        super().__init__(daemon=True)
        self._pair = pair
        self._station = station
        self._enough = threading.Event()
        self.said = 0
        self.wrong: list[LocalError] = []

    def run(self) -> None:
        number = 0
        while not self._enough.wait(0.1):
            number += 1
            precedence = "FLASH" if number % 5 == 0 else "ROUTINE"
            try:
                words = f"{self._station.name} {number}"
                self._pair.say(self._station, words, precedence=precedence)
                self.said += 1
            except LocalError as error:
                if error.refusal != Refusal.UNREACHABLE:
                    self.wrong.append(error)

    def stop(self) -> None:
        self._enough.set()
        self.join(30)
        assert not self.is_alive()
        assert self.wrong == []


@pytest.mark.timeout(170)
def test_a_node_killed_in_mid_traffic_loses_nothing(talking: Pair) -> None:
    """After five SIGKILLs everything a node has answered for is there, once and in order, in one
    incarnation, and nobody is mute or accused."""
    pair = talking
    speakers = [Speaker(pair, station) for station in pair.both]
    for speaker in speakers:
        speaker.start()
    for _ in range(KILLS):
        for speaker in speakers:
            heard = speaker.said
            until(lambda s=speaker, n=heard: s.said > n + 5, "both to speak")
        pair.bravo.kill()
        pair.bravo.start()
    for speaker in speakers:
        speaker.stop()
    pair.settle()
    pair.account()
