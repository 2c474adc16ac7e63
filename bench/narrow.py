"""A FLASH of 200 words over a real pseudo-terminal that carries 75 bits a second.

Once with nothing else to send and once behind a megabyte of ROUTINE, of which a part is on its way.
The floor is what cannot be left out: the compressed text, its salt and the author's signature.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
from bench.cable import cable
from bench.ground import ROOMY, Ground, linked, make_ground, opened, running, until
from bench.hearing import Ear
from bench.plan import Figures, Plan
from bench.samples import submission, texts, words

from detente.core.events import Submit
from detente.core.leaf import Precedence
from detente.core.line import Line
from detente.core.link_keys import SECRET_BYTES
from detente.node.config import Serial, load_config, write_config
from detente.node.link_secrets import keep
from detente.node.node import Node

BITS_PER_S = 75
BITS_PER_S_SHORT = 19_200
WORDS = 200
BACKLOG_TEXTS = 2000  # of 500 bytes: a megabyte
BACKLOG_TEXTS_SHORT = 40
SIGNATURE_BYTES = 64
PATIENCE_S = 400.0
ANSWERS = ("receipt", "receipt-ahead")  # of all so far, or of what came ahead of a gap
UNDER_WAY_S = 15.0  # of the backlog, before FLASH: in the midst of a fragment


def measure(plan: Plan) -> Figures:
    """Seconds until the far end has it, verified and readable, over the floor; and the receipt."""
    rate = plan.sized(BITS_PER_S_SHORT, BITS_PER_S)
    ground = make_ground(plan.folder / "narrow", changes=ROOMY)
    with cable(rate) as devices:
        _wire(ground, devices, rate)
        return asyncio.run(_drive(plan, ground, rate))


def _wire(ground: Ground, devices: tuple[str, str], rate: int) -> None:
    """Both homes have a port to each other, a secret, and no network."""
    with opened(ground.alpha) as alpha, opened(ground.bravo) as bravo:
        secret = alpha.entropy(SECRET_BYTES)
        parties = alpha.station.party, bravo.station.party
        keep(alpha, parties[1], secret)
        keep(bravo, parties[0], secret)
    for home, device, peer in zip(
        (ground.alpha, ground.bravo), devices, reversed(parties), strict=True
    ):
        _configure(home, Serial(device=device, peer=peer.hex(), carries=rate))


def _configure(home: Path, port: Serial) -> None:
    config = load_config(home)
    write_config(home, msgspec.structs.replace(config, listen=[], serial=[port]))


async def _drive(plan: Plan, ground: Ground, rate: int) -> Figures:
    async with running(ground.bravo) as bravo, running(ground.alpha) as alpha:
        line, other = await linked(alpha, PATIENCE_S), await linked(bravo, PATIENCE_S)
        lines = (line, other)
        await until(lambda: all(map(_is_calm, lines)), "never at rest", PATIENCE_S)
        plan.done(0.3)
        text = words(plan.seed, WORDS)
        given = submission(line, text, 0, alpha.entropy(16), Precedence.FLASH)
        alone_s, back_s = await _flash(alpha, bravo, given, "received")
        await until(lambda: all(map(_is_calm, lines)), "never at rest", PATIENCE_S)
        plan.done(0.6)
        backlog = texts(plan.seed)
        for _ in range(plan.sized(BACKLOG_TEXTS_SHORT, BACKLOG_TEXTS)):
            alpha.submit(submission(line, next(backlog), 0, alpha.entropy(16)))
        await asyncio.sleep(plan.sized(1, int(UNDER_WAY_S)))
        given = submission(line, text, 0, alpha.entropy(16), Precedence.FLASH)
        behind_s, behind_back_s = await _flash(alpha, bravo, given, "received-ahead")
    assert given.draft.body is not None
    floor_s = 8 * (len(given.draft.body) + SIGNATURE_BYTES + len(given.draft.salt)) / rate
    ratio = behind_s / floor_s
    return {
        "bits_per_s": rate,
        "body_bytes": len(given.draft.body),
        "floor_s": floor_s,
        "flash_alone_s": alone_s,
        "flash_behind_s": behind_s,
        "receipt_alone_s": back_s,
        "receipt_behind_s": behind_back_s,
        "flash_alone_over_floor": alone_s / floor_s,
        "flash_over_floor": ratio,
    } | ({} if plan.short else {"flash_75bps_over_floor": ratio})


def _is_calm(line: Line) -> bool:
    """Whether all that is entered is confirmed, and nothing waits to be stated."""
    own, session = line.own, next(iter(line.sessions.values()))
    if own is None or session.flight or line.seen_due_ms or line.cosign_due_ms:
        return False
    return session.holds.get(own.id, 0) == own.size


async def _flash(alpha: Node, bravo: Node, given: Submit, word: str) -> tuple[float, float]:
    """Seconds until bravo tells of it, and from then until alpha has bravo's signed receipt."""
    there, here = Ear(bravo), Ear(alpha)
    begun_s = time.perf_counter()
    alpha.submit(given)
    came_s = await there.until(word, patience_s=PATIENCE_S)
    for answer in ANSWERS:
        here.forget(answer)  # that of what came before
    await until(lambda: any(word in here.at_s for word in ANSWERS), "no receipt", PATIENCE_S)
    return came_s - begun_s, time.perf_counter() - came_s
