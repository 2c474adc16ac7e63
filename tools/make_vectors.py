"""Makes vectors/ anew (`make vectors`). Equal code makes equal files: no difference may show.

``make_vectors.py --freeze`` also makes the ML-DSA-44 signatures and sealed heads that
are not there yet.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from vectors_bytes import commitments, encoding, merkle, note_vectors
from vectors_courier import couriers
from vectors_files import accusations, exports, proofs
from vectors_forks import forks
from vectors_form import FOLDERS, Made, schema, write
from vectors_frames import entries_vectors, frame_vectors
from vectors_ground import NAMES, Frozen, Ground
from vectors_leaves import leaves
from vectors_links import links
from vectors_places import places
from vectors_run import run
from vectors_scenes import sessions
from vectors_texts import cards, charters

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
FROZEN = "frozen.json"


def made(ground: Ground) -> Iterator[Made]:
    """Every vector, without its value."""
    yield from encoding()
    yield from leaves()
    yield from merkle(ground)
    yield from note_vectors(ground)
    yield from cards(ground)
    yield from charters(ground)
    yield from commitments()
    yield from frame_vectors()
    yield from entries_vectors()
    yield from sessions(ground)
    yield from forks(ground)
    yield from links(ground)
    yield from proofs(ground)
    yield from exports(ground)
    yield from accusations(ground)
    yield from places()
    yield from couriers(ground)


def files(frozen: Frozen) -> Iterator[tuple[str, str]]:
    """Every file under vectors/ that is made: its path, its text.

    Raises SystemExit where the code answers otherwise than the maker says.
    """
    ground, wrong = Ground(frozen), []
    texts = {name: ground.party(name).card.data.decode() for name in NAMES}
    yield "schema.json", schema()
    for name, vector in made(ground):
        expect, value = run(vector, texts)
        if expect != vector.expect:
            wrong.append(f"error: {name}: {expect} where {vector.expect} is meant")
        vector.value = value
        yield f"{name}.json", write(vector)
    if wrong:
        raise SystemExit("\n".join(wrong))


def main(arguments: list[str]) -> int:
    """Writes every file and removes what is no longer made."""
    frozen = Frozen.load(VECTORS / FROZEN)
    wanted = dict(files(frozen))
    if frozen.fresh and "--freeze" not in arguments:
        print(f"error: {frozen.fresh} ML-DSA-44 signatures or seals are of messages never met")
        print("hint: if that is meant: tools/make_vectors.py --freeze")
        return 1
    for folder in FOLDERS:
        (VECTORS / folder).mkdir(parents=True, exist_ok=True)
        for path in (VECTORS / folder).glob("*.json"):
            if path.relative_to(VECTORS).as_posix() not in wanted:
                path.unlink()
    for name, text in wanted.items():
        (VECTORS / name).write_text(text, "utf-8")
    frozen.save(VECTORS / FROZEN)
    print(f"{len(wanted) - 1} vectors")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
