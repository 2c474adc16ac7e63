"""The fuzzing itself: what it takes for a breach, what it keeps, and what it says."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import pytest
from fuzz import __main__ as fuzzing
from fuzz import contract, reach, seeds
from fuzz.contract import BrokenError, Target
from fuzz.mutations import mutations
from fuzz.registry import TARGETS

from detente.core.encoding import Reader, varint
from detente.core.errors import PeerError, Refusal

CORPUS_BYTES_MAX = 1_000_000


def refuse(_: bytes) -> bytes:
    raise PeerError(Refusal.MALFORMED)


def burst(_: bytes) -> bytes:
    raise ValueError("nobody named this")


def looked(data: bytes) -> None:
    """A target with a way through our code that few bytes take."""
    contract.read(Reader(data).varint)


def target(**changes: object) -> Target:
    fields = {"name": "one", "run": looked, "seeds": lambda: (b"\x01",)}
    return Target(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_named_refusal_is_no_finding() -> None:
    """It is an answer; every other exception goes on up."""
    assert contract.read(refuse, b"") is None
    assert contract.outcome(refuse, b"") == (Refusal.MALFORMED, "[]")
    for ask in (contract.read, contract.outcome):
        with pytest.raises(ValueError):
            ask(burst, b"")


def test_another_form_of_the_same_value_is_a_finding() -> None:
    """Canonical bytes come back as they were, and what cannot be written was never read."""
    assert contract.canonical(b"ab", bytes, bytes) == b"ab"
    assert contract.canonical(b"ab", refuse, burst) is None
    with pytest.raises(BrokenError):
        contract.canonical(b"aB", bytes.lower, bytes)
    with pytest.raises(BrokenError):
        contract.canonical(b"ab", bytes, refuse)


def test_a_value_that_drifts_is_a_finding() -> None:
    """Where one value has several forms, reading what was written gives it again."""
    assert contract.stable(b" ab", bytes.strip, bytes) == b"ab"
    assert contract.stable(b"ab", refuse, burst) is None
    with pytest.raises(BrokenError):
        contract.stable(b"ab", lambda data: data + b"c", bytes)


def test_a_stream_that_depends_on_its_chunks_is_a_finding() -> None:
    """Cut anywhere, it is the same; every split holds all the bytes in order."""
    for data in (b"", b"a", bytes(range(200)), bytes(3000)):
        assert {b"".join(chunks) for chunks in contract.split(data)} == {data}
    assert contract.alike(b"abcd", b"".join) == b"abcd"
    with pytest.raises(BrokenError):
        contract.alike(b"abcd", len)


def test_mutations_are_the_same_every_time() -> None:
    """They hang on the name of the target alone, and keep to its length."""
    one = target(tries=300, bytes_max=30, words=(b"word",))
    begin = [b"begin with this", b"", varint(1 << 62)]
    first = list(mutations(one, begin))
    assert first == list(mutations(one, begin))
    assert first != list(mutations(target(name="two", tries=300, bytes_max=30), begin))
    assert len(first) == 300
    assert max(map(len, first)) == 30
    assert any(b"word" in data for data in first)


def test_what_takes_a_new_way_is_kept() -> None:
    """The smallest first, and no more than there is room for."""
    new = [b"\x80\x80\x80\x01", b"\x02", b"\x80\x01", b"\x80"]
    kept = [b"\x80", b"\x80\x01", b"\x80\x80\x80\x01"]
    assert list(reach.worth_keeping(target(), (b"\x01",), new, 99)) == kept
    assert list(reach.worth_keeping(target(), (b"\x01",), new, 1)) == kept[:1]


def test_the_corpus_is_small_and_named_by_content() -> None:
    """Each folder belongs to a target; no vector is copied into it."""
    files = [path for path in seeds.CORPUS.rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} <= set(TARGETS)
    assert sum(path.stat().st_size for path in files) < CORPUS_BYTES_MAX
    for path in files:
        assert path.name == hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    for name, one in TARGETS.items():
        assert not set(one.seeds()) & set(seeds.corpus(name))


def test_without_the_fuzzer_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing fails for want of an optional tool, and nobody takes it for a run."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert fuzzing.main(["leaf"]) == 0
    assert capsys.readouterr().out.startswith("skipped: atheris is not installed")


def test_an_unknown_target_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """And the known ones with it."""
    assert fuzzing.main(["leaves"]) == 2
    said = capsys.readouterr().err
    assert "no target leaves" in said
    assert "leaf" in said


@pytest.fixture
def corpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A corpus of this test alone, and the fuzzer taken for installed."""
    monkeypatch.setattr(seeds, "CORPUS", tmp_path / "corpus")
    monkeypatch.setattr(seeds, "ROOT", tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    return tmp_path / "corpus"


def test_a_finding_is_kept_and_fails_the_run(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its bytes go into the corpus, where every run of the tests meets them."""

    def child(_: Target, options: list[str]) -> str:
        prefix = next(one for one in options if one.startswith("-artifact_prefix="))
        Path(prefix.partition("=")[2] + "crash-1").write_bytes(b"broken")
        return "noise\n === Uncaught Python exception: ===\nValueError: nobody named this"

    monkeypatch.setattr(fuzzing, "_child", child)
    assert fuzzing.main(["leaf"]) == 1
    assert [path.read_bytes() for path in (corpus / "leaf").iterdir()] == [b"broken"]
    said = capsys.readouterr().out
    assert "1 findings" in said
    assert "ValueError" in said


def test_a_quiet_run_gives_its_figures(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --keep, what reached new code is in the corpus afterwards."""

    def child(one: Target, options: list[str]) -> str:
        assert f"-max_len={one.bytes_max}" in options
        assert "-max_total_time=7" in options
        (Path(options[-2]) / "new").write_bytes(b"\x01")
        return "#1 NEW cov: 83 ft: 9\nDone 1234 runs in 7 second(s)"

    monkeypatch.setattr(fuzzing, "_child", child)
    assert fuzzing.main(["leaf", "--seconds", "7", "--keep"]) == 0
    assert "1,234 runs in 7 s, 83 edges, 1 new inputs, 0 findings" in capsys.readouterr().out
    assert len(list((corpus / "leaf").iterdir())) <= 1


def test_a_fuzzer_that_does_not_run_fails_the_run(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A crash of the tool is not taken for silence of the code."""
    monkeypatch.setattr(fuzzing, "_child", lambda *_: "Segmentation fault")
    assert fuzzing.main(["leaf"]) == 1
    assert "did not run" in capsys.readouterr().out
