"""Two parties on one machine with no node running: every command that needs no network."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

PASSPHRASES = ("correct horse battery staple", "trompe l'oeil à midi")


class Parties:
    """The homes of Alpha and Bravo below one folder, and how to run a command at one of them."""

    def __init__(self, folder: Path, run) -> None:
        self.folder, self._run = folder, run
        self.alpha, self.bravo = folder / "alpha", folder / "bravo"
        self.files: dict[Path, Path] = {
            home: home.with_suffix(".passphrases") for home in (self.alpha, self.bravo)
        }

    def at(self, home: Path, *arguments: object, status: int = 0):
        """The JSON that a command prints."""
        words = ["--home", home, "--passphrase-file", self.files[home], *arguments, "--json"]
        result = self._run(*words)
        assert result.exit_code == status, result.output
        return json.loads(result.stdout)

    def digits(self, home: Path) -> str:
        """The digits of a party, without asking its node."""
        return self.at(home, "party", "card")["digits"]


def write_private(path: Path, phrases: tuple[str, ...]) -> None:
    """A file that only its owner reads, one passphrase a line."""
    path.touch(mode=0o600)
    path.write_text("\n".join(phrases) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def made(run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Alpha with two officers and Bravo with one, made once; each trusts the other's card."""
    parties = Parties(tmp_path_factory.mktemp("made"), run)
    for home, phrases in ((parties.alpha, PASSPHRASES), (parties.bravo, PASSPHRASES[:1])):
        write_private(parties.files[home], phrases)
        parties.at(
            home,
            *("party", "init", "--name", home.name.capitalize(), "--root", f"{home}.root"),
            *("--officers", len(phrases), "--address", "192.0.2.7:7411"),
            *("--mark", home.parent / "marks" / home.name),
        )
    for home, other in ((parties.alpha, parties.bravo), (parties.bravo, parties.alpha)):
        digits = ("--digits", parties.digits(other), "--method", "voice")
        parties.at(home, "party", "trust", other / "own.card", *digits)
    return parties.folder


@pytest.fixture
def parties(run, made: Path, tmp_path: Path) -> Parties:
    """A copy of both homes for one test; their marks are shared, with one for each line."""
    shutil.copytree(made, tmp_path / "parties")
    return Parties(tmp_path / "parties", run)


def test_a_party_is_made_and_shown(run, parties: Parties, tmp_path: Path):
    """The card shows the same digits as the making did; the root key lies outside, closed."""
    card = parties.at(parties.alpha, "party", "card", "--all")
    assert card["digits"] == parties.digits(parties.alpha)
    assert card["bearers"] == ["tls 192.0.2.7:7411"]
    assert [c["name"] for c in card["cards"] if not c["own"]] == ["Bravo"]
    assert Path(f"{parties.alpha}.root").stat().st_mode & 0o777 == 0o600
    saved = tmp_path / "saved.card"
    assert run("--home", parties.alpha, "party", "card", "--out", saved).exit_code == 0
    assert saved.read_bytes() == (parties.alpha / "own.card").read_bytes()
    again = run("--home", parties.alpha, "party", "card", "--out", saved)
    assert again.exit_code == 2
    shown = run("verify", saved)
    assert shown.exit_code == 0
    assert card["digits"] in shown.output


def test_the_paper_register_is_printed(run, tmp_path: Path):
    """Making a party ends with what the officers write down by hand."""
    phrases = tmp_path / "phrases"
    write_private(phrases, PASSPHRASES[:1])
    shown = run(
        *("--home", tmp_path / "h", "--passphrase-file", phrases, "party", "init"),
        *("--name", "Alpha", "--officers", 1, "--root", tmp_path / "root"),
        *("--mark", tmp_path / "mark"),
    )
    assert shown.exit_code == 0, shown.output
    assert "PAPER REGISTER of Alpha" in shown.output
    assert shown.output.count("  [ ] ") == 5
    groups = [word for word in shown.output.split() if len(word) == 5 and word.isdigit()]
    assert len(groups) == 8


def test_wrong_digits_trust_nobody(run, parties: Parties, tmp_path: Path):
    """Digits that are not the card's are refused, and the party stays unknown."""
    carol = tmp_path / "carol"
    parties.files[carol] = parties.files[parties.bravo]
    parties.at(
        carol, *("party", "init", "--name", "Carol", "--officers", 1), "--root", f"{carol}.r"
    )
    wrong = "11111 " * 8
    refused = parties.at(
        parties.alpha,
        *("party", "trust", carol / "own.card", "--digits", wrong, "--method", "voice"),
        status=2,
    )
    assert refused["error"]["refusal"] == "wrong-digits"
    cards = parties.at(parties.alpha, "party", "card", "--all")["cards"]
    assert {card["name"] for card in cards} == {"Alpha", "Bravo"}


def test_trust_is_taken_back_and_given_anew(run, parties: Parties):
    """The screen says what becomes of each line, and that only the digits bring trust back."""
    parties.at(parties.alpha, *("line", "propose", "North", "--member", "Bravo", "--no-send"))
    files = ("--home", parties.alpha, "--passphrase-file", parties.files[parties.alpha])
    assert run(*files, "party", "distrust", "Bravo").exit_code == 2  # a reason is needed
    shown = run(*files, "party", "distrust", "Bravo", "--reason", "their office was entered")
    assert shown.exit_code == 0, shown.output
    assert "Bravo is trusted no more" in shown.output
    assert "Nothing passes here any more." in shown.output
    assert "TRUSTED NO MORE" in run(*files, "party", "card", "--all").output
    card = parties.bravo / "own.card"
    refused = parties.at(parties.alpha, "party", "trust", card, status=2)
    assert refused["error"]["refusal"] == "usage"
    again = ("--method", "by-hand", "--digits", parties.digits(parties.bravo))
    assert parties.at(parties.alpha, "party", "trust", card, *again)["name"] == "Bravo"
    assert "TRUSTED NO MORE" not in run(*files, "party", "card", "--all").output


def test_officers_are_all_needed(run, parties: Parties, tmp_path: Path):
    """One of two passphrases opens nothing; a file open to others is not read."""
    one = parties.files[parties.bravo]
    shown = run("--home", parties.alpha, "--passphrase-file", one, "line", "list", "--json")
    assert shown.exit_code == 2
    assert json.loads(shown.stdout)["error"]["refusal"] == "bad-passphrase"
    one.chmod(0o644)
    shown = run("--home", parties.bravo, "--passphrase-file", one, "line", "list")
    assert shown.exit_code == 2


def test_one_officer_changes_a_passphrase(run, parties: Parties, tmp_path: Path):
    """The other's stays; the root key's copies are changed apart, and the screen says what still
    opens with the old one."""
    new = "a lantern on the far pier"
    write_private(tmp_path / "new", (new,))
    change = ("party", "passphrase", "--new", tmp_path / "new")
    assert parties.at(parties.alpha, *change, status=2)["error"]["refusal"] == "usage"
    root = Path(f"{parties.alpha}.root")
    files = ("--home", parties.alpha, "--passphrase-file", parties.files[parties.alpha])
    shown = run(*files, *change, "--officer", 2)
    assert shown.exit_code == 0, shown.output
    assert "THE OLD ONE STILL OPENS every backup" in shown.output
    assert "detente party passphrase --officer 2 --root FILE" in shown.output
    refused = parties.at(parties.alpha, "party", "card", "--all", status=2)
    assert refused["error"]["refusal"] == "bad-passphrase"
    changed = parties.at(parties.alpha, *change, "--officer", 2, "--root", root)
    assert changed == {"officer": 2, "officers": 2, "changed": str(root)}
    parties.files[parties.alpha].write_text(f"{PASSPHRASES[0]}\n{new}\n", encoding="utf-8")
    assert parties.at(parties.alpha, "party", "rotate", "--root", root)["serial"] == 2


def test_a_line_by_file(run, parties: Parties, tmp_path: Path):
    """Proposed to a file, accepted from it; what is said waits in the outbox."""
    charter = tmp_path / "north.charter"
    proposed = parties.at(
        parties.alpha,
        *("line", "propose", "North", "--member", "Bravo", "--set", "seen-within-s=7"),
        *("--language", "en", "--language", "ru", "--no-send", "--out", charter),
    )
    assert run("verify", charter).exit_code == 0
    accepted = parties.at(parties.bravo, "line", "accept", charter)
    assert accepted == {"line": proposed["line"], "title": "North", "joining": False}
    said = parties.at(parties.alpha, "say", "Fog is expected.", "-s", "Weather", "-p", "FLASH")
    assert (said["state"], said["entry"]) == ("queued", None)
    (row,) = parties.at(parties.alpha, "outbox", "list")["outbox"]
    assert (row["precedence"], row["subject"]) == ("FLASH", "Weather")
    status = parties.at(parties.alpha, "line", "status")
    assert (status["title"], status["open"], status["queued"]) == ("North", False, 1)
    assert parties.at(parties.alpha, "inbox")["entries"] == []
    words = [row["word"] for row in parties.at(parties.alpha, "journal")["journal"]]
    assert words == ["trust", "line"]


def test_the_charter_can_be_proven(run, parties: Parties, tmp_path: Path):
    """Leaf 0 becomes a proof and an export that verify from the card alone, and fail when bent."""
    parties.at(parties.alpha, *("line", "propose", "North", "--member", "Bravo", "--no-send"))
    proof, export = tmp_path / "a.tlog-proof", tmp_path / "a.detente"
    parties.at(parties.alpha, "prove", "0/0:0", "--out", proof)
    parties.at(parties.alpha, "transcript", "export", "--out", export)
    card = parties.alpha / "own.card"
    for path in (proof, export):
        shown = run("verify", path, "--card", card, parties.bravo / "own.card", "--json")
        assert shown.exit_code == 0, shown.output
        assert json.loads(shown.stdout)["ok"] is True
    bent = bytearray(proof.read_bytes())
    bent[len(bent) // 2] ^= 1
    proof.write_bytes(bent)
    shown = run("verify", proof, "--card", card)
    assert shown.exit_code == 3
    assert shown.output.startswith("NOT VERIFIED")


def test_backup_and_restore(run, parties: Parties, tmp_path: Path):
    """A backup is rehearsed and restored into another home, which holds the same party."""
    saved, home = tmp_path / "alpha.backup", tmp_path / "restored"
    parties.at(parties.alpha, *("line", "propose", "North", "--member", "Bravo", "--no-send"))
    parties.at(parties.alpha, "party", "backup", "--out", saved)
    parties.at(parties.alpha, "party", "restore", "--rehearse", saved)
    restored = run("--home", home, "party", "restore", saved, "--json")
    assert restored.exit_code == 0, restored.output
    party = parties.at(parties.alpha, "party", "card")["party"]
    assert json.loads(restored.stdout) == {
        "home": str(home),
        "party": party,
        "mute": False,
        "reason": "",
    }
    parties.files[home] = parties.files[parties.alpha]
    lines = parties.at(home, "line", "list")["lines"]
    assert [line["title"] for line in lines] == ["North"]


def test_rotation_keeps_the_digits(run, parties: Parties):
    """A new card has another serial and the same digits; the other side takes it without them."""
    root = f"{parties.alpha}.root"
    before = parties.digits(parties.alpha)
    rotated = parties.at(parties.alpha, "party", "rotate", "--root", root)
    assert (rotated["serial"], rotated["digits"]) == (2, before)
    taken = parties.at(parties.bravo, "party", "trust", parties.alpha / "own.card")
    assert taken["serial"] == 2


def test_revocation(run, parties: Parties, tmp_path: Path):
    """A revocation is written for handing out, and names the heads still stood by."""
    parties.at(parties.alpha, *("line", "propose", "North", "--member", "Bravo", "--no-send"))
    out = tmp_path / "alpha.revocation"
    parties.at(
        parties.alpha,
        *("party", "revoke", "--root", f"{parties.alpha}.root", "--key", "log 0"),
        *("--reason", "lost", "--out", out),
    )
    text = out.read_text(encoding="utf-8")
    assert text.startswith("detente revocation v1\n")
    assert "\nkey log 0\nreason lost\n" in text
    assert "\nstands detente/v1/" in text
