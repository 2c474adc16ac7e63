"""Profiles as people deal with them: shipped or their own, adopted by all, suspended by one."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from detente.core.body import unpack
from detente.core.charter import parse_charter
from detente.core.contested import ends_of
from detente.core.decisions import State, state_of_offer
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.extras import decode_offer
from detente.core.leaf import Kind
from detente.core.line import Line
from detente.core.transcript import Entry, Place
from detente.dossiers import notices as dossiers
from detente.dossiers.notice_forms import Form, ProfileText, Statement, Suspension
from detente.dossiers.profile import Profile, read_word
from detente.dossiers.profile_reading import parse_toml
from detente.dossiers.regimes import Filed, Regime, RegimeState, forms_in
from detente.node import amendments, asked, releasing
from detente.node.geometry import AS_SENT
from detente.node.opening import clock
from detente.node.places import entry_word, find_line

if TYPE_CHECKING:
    from detente.node.node import Node

Request = Mapping[str, Any]
Look = Callable[[], dict[str, Any]]
DIGEST_LETTERS_MIN = 8
READ_S = 1.0  # that one question may spend on a record which nobody has read for notices yet
ALONE_S = 3600.0  # the same of a node without a network, which keeps nobody waiting
OWN_FOLDER = "profiles"  # in a home: a party's own profiles


def packaged() -> dict[str, Profile]:
    """Every profile that comes with the program, by name."""
    found = sorted(files("detente").joinpath("profiles").iterdir(), key=lambda at: at.name)
    read = [parse_toml(one.read_bytes()) for one in found if one.name.endswith(".toml")]
    return {one.name: one for one in read}


def shipped(node: Node) -> dict[str, Profile]:
    """Every profile that comes with the program, and those of this home, by name.

    LocalError MALFORMED names the file of the home that is no profile.
    """
    found = packaged()
    for file in sorted((node.home.path / OWN_FOLDER).glob("*.toml")):
        try:
            profile = parse_toml(file.read_bytes())
        except LocalError as error:
            detail = f"{file.name}: {error.detail}"
            raise LocalError(error.refusal, detail, **error.facts) from error
        found[profile.name] = profile
    return found


def dossier_of(
    node: Node, line: Line, last: int | None = 0, besides: Container[Place] = ()
) -> dossiers.Dossier:
    """The dossier of a line now, but for notices whose validity has ended and that nothing rests
    on: it costs what is open, however many there were. So many of these of each log as ``last``
    says are in it, all if that is None, and those ``besides``."""
    folds, now_s = node.folds(line), clock(node.home).wall_s
    known, frozen = _known(node, line), folds.frozen(node.station, line)
    return dossiers.dossier(
        line.shelf,
        parse_charter(line.charter_text),
        line.charter,
        AS_SENT,
        now_s,
        frozen=frozen,
        known=known,
        stated=folds.statements(line, frozen),
        closed=dossiers.NONE_CLOSED if last is None else folds.formed.closed(now_s, last, besides),
    )


def profile_view(profile: Profile) -> dict[str, Any]:
    """A profile in plain values, each number with its source."""
    return {
        "name": profile.name,
        "digest": profile.digest,
        "titles": dict(profile.titles),
        "status": profile.status,
        "status_certainty": profile.status_certainty,
        "source": profile.source,
        "receipt": profile.receipt,
        "deadline": profile.deadline.rule,
        "numbers": [one._asdict() | {"said": one.said} for one in profile.numbers.values()],
        "fields": [
            {
                "name": one.name,
                "type": one.type,
                "need": one.need,
                "unit": one.unit,
                "choices": list(one.choices),
                "phrases": [each._asdict() | {"says": dict(each.says)} for each in one.phrases],
                "labels": dict(one.labels),
                "source": one.source,
            }
            for one in profile.fields.values()
        ],
        "to_state": {one.name: one.said for one in profile.unsure},
        "canonical": profile.canonical.decode(),
    }


def regime_view(regime: Regime) -> dict[str, Any]:
    """An adoption in plain values."""
    return {
        "word": regime.word,
        "state": regime.state.value,
        "since_s": regime.since_s,
        "parties": list(regime.parties),
        "missing": [{"member": member, "number": name} for member, name in regime.missing],
        "suspended": [
            {"member": one.place.log.member, "at_s": one.at_s, "reason": one.reason}
            for one in regime.suspensions
        ],
    }


def profiles(node: Node, request: Request) -> dict[str, Any]:
    """What can be adopted, and what became of every adoption on a line, if there is one."""
    found = list(shipped(node).values())
    named = asked.text(request, "name", "")
    adopted: list[Regime] = []
    entered: dict[str, tuple[bool, bool]] = {}
    offers: list[dict[str, Any]] = []
    if request.get("line") is not None or len(node.station.lines) == 1:
        line = find_line(node.station, request.get("line"))
        adopted = list(dossier_of(node, line).regimes.values())
        found += [one for one in _sent(node, line) if one not in found]
        forms = _forms(node, line)
        entered = {one.digest: _entered(line, one, forms) for one in found}
        offers = [
            _offer_view(line, *one) | {"sealed": state is State.SEALED}
            for state in (State.OPEN, State.SEALED)
            for one in _offers(node, line, state)
        ]
    shown = [one for one in found if named in {"", one.name}]
    if not shown:
        known = ", ".join(one.name for one in found)
        raise LocalError(Refusal.NOT_FOUND, f"no profile {named}: {known}")
    return {
        "profiles": [
            profile_view(one)
            | dict(zip(("sent", "stated"), entered.get(one.digest, (False, False)), strict=True))
            for one in shown
        ],
        "offered": offers,
        "adopted": [
            regime_view(one) for one in adopted if one.word.startswith(f"{named}/" if named else "")
        ],
    }


def _offer_view(line: Line, entry: Entry, words: tuple[str, ...]) -> dict[str, Any]:
    """An offer that is not final, and the digests of what it would adopt anew."""
    new = [read_word(word) for word in words if word not in line.charter.profiles]
    return {
        "entry": entry_word(entry),
        "mine": entry.place.log.member == line.me,
        "digests": [parts.digest for parts in new if parts is not None],
    }


def adopt(node: Node, request: Request) -> Look | dict[str, Any]:
    """Our part of an adoption: its text and our statements entered where they are not there, then
    its amendment offered, or the other side's assented to or sealed.

    With ``fix`` nothing is entered: ``forms`` are those that people have to authorise before it.
    LocalError NOT_ALLOWED where a number that nobody has read in its source is not stated.
    """
    line = find_line(node.station, request.get("line"))
    profile = _meant(node, line, request)
    texts = _to_enter(node, line, profile, request)
    made = [_say(node, line, request, text, profile.name) for text in texts]
    if asked.flag(request, "fix", False):
        return {"forms": made}
    for entry in _open_offers(node, line, profile):
        leaf = entry.leaf
        if entry.place.log.member == line.me or leaf is None:
            raise LocalError(Refusal.NOT_ALLOWED, f"we offered it in {entry_word(entry)}")
        sealer = decode_offer(leaf.extra).sealer
        do = amendments.seal if sealer == line.me else amendments.assent
        return do(node, dict(request) | {"entry": entry_word(entry)})
    words = [word for word in line.charter.profiles if not word.startswith(f"{profile.name}/")]
    words.append(profile.word(_edition(node, line, profile)))
    return amendments.amend(node, dict(request) | {"set": {"profiles": words}})


def _meant(node: Node, line: Line, request: Request) -> Profile:
    """By a file; by its name, where it is ours; or by its digest, where the other side wrote it:
    a text that came under a familiar name is not taken for the familiar one."""
    if request.get("toml_b64") is not None:
        return parse_toml(asked.data(request, "toml_b64"))
    name = asked.text(request, "name")
    own, sent = shipped(node), _sent(node, line)
    named = {
        one.digest: one
        for one in (*own.values(), *sent)
        if len(name) >= DIGEST_LETTERS_MIN and one.digest.startswith(name)
    }
    if len(named) == 1:
        return next(iter(named.values()))
    offered = set(_offered_digests(node, line))
    theirs = [one for one in sent if one.name == name and one.digest in offered]
    if name in own and all(one == own[name] for one in theirs):
        return own[name]
    other = [one.digest for one in sent if one.name == name]
    if other:
        detail = (
            f"{name} was written elsewhere: read it, as `notice profiles {name}` shows it, and"
            f" adopt it by its digest, {', '.join(other)}"
        )
        raise LocalError(Refusal.NOT_ALLOWED, detail)
    raise LocalError(Refusal.NOT_FOUND, f"no profile {name}: {', '.join(own)}")


def _sent(node: Node, line: Line) -> list[Profile]:
    """Every profile whose text stands in the transcript, each once."""
    texts = [one.form.profile for one in _forms(node, line) if isinstance(one.form, ProfileText)]
    return list({one.digest: one for one in texts}.values())


def _forms(node: Node, line: Line) -> list[Filed]:
    frozen = node.folds(line).frozen(node.station, line)
    return forms_in(line.shelf, frozen, _known(node, line))


def _known(node: Node, line: Line) -> dict[Place, Form | None]:
    """The dispatches of a line that hold forms. LocalError CONTEXT_INCOMPLETE of a node on a line
    whose record has not been read so far: a list that lacks a notice would be worse than none."""
    folds = node.folds(line)
    left = folds.read_forms(line, ALONE_S if node.links is None else READ_S)
    if left:
        detail = f"{left} entries of this record have yet to be read for notices: ask again soon"
        raise LocalError(Refusal.CONTEXT_INCOMPLETE, detail)
    return folds.formed.known


def _to_enter(node: Node, line: Line, profile: Profile, request: Request) -> list[str]:
    """The text and our statement, each unless it stands in the transcript already."""
    sent, stated = _entered(line, profile, _forms(node, line))
    given = asked.mapping(request, "state")
    for one in profile.unsure:
        if given.get(one.name) != one.said:
            detail = (
                f"{one.name}: nobody has read it in its source ({one.source}, {one.certainty}):"
                f" state it, as --state {one.name}='{one.said}', or write another profile"
            )
            raise LocalError(Refusal.NOT_ALLOWED, detail)
    texts = [] if sent else [ProfileText(profile).text()]
    return texts if stated else [*texts, _statement(profile).text()]


def _entered(line: Line, profile: Profile, forms: list[Filed]) -> tuple[bool, bool]:
    """Whether the text of a profile stands in the transcript, and whether we have stated the
    numbers of it that nobody has read in their source."""
    sent = any(isinstance(f.form, ProfileText) and f.form.profile == profile for f in forms)
    ours = [one.form for one in forms if one.place.log.member == line.me]
    return sent, not profile.unsure or _statement(profile) in ours


def _statement(profile: Profile) -> Statement:
    return Statement(profile.digest, {one.name: one.said for one in profile.unsure})


def _say(node: Node, line: Line, request: Request, text: str, name: str) -> Look | dict[str, Any]:
    asking = {key: request[key] for key in ("fix", "reason") if request.get(key) is not None}
    fields = {"subject": f"PROFILE {name}", "text": text}
    return releasing.fix_or_say(node, asking | {"line": line.id.hex()}, fields)


def _offered_digests(node: Node, line: Line) -> list[str]:
    words = [word for _, offered in _offers(node, line) for word in offered]
    return [parts.digest for parts in map(read_word, words) if parts is not None]


def _offers(
    node: Node, line: Line, state: State = State.OPEN
) -> list[tuple[Entry, tuple[str, ...]]]:
    """Every open offer, or every one in another state, with the profiles of its charter."""
    found = []
    now_s, frozen = clock(node.home).wall_s, node.folds(line).frozen(node.station, line)
    ends = ends_of(line.shelf, frozen)
    for place in line.shelf.of_kind((Kind.OFFER,)):
        entry = line.shelf.entry(*place)
        standing = state_of_offer(line.shelf, place, now_s, frozen=frozen, ends=ends)
        if standing.state is state and entry.body is not None:
            try:
                charter = parse_charter(unpack(entry.body))
            except PeerError:
                continue
            if charter.number == line.charter.number + 1:
                found.append((entry, charter.profiles))
    return found


def _open_offers(node: Node, line: Line, profile: Profile) -> list[Entry]:
    """The open offers that would adopt this very profile anew."""
    return [
        entry
        for entry, words in _offers(node, line)
        if any(
            parts.digest == profile.digest and word not in line.charter.profiles
            for word in words
            if (parts := read_word(word)) is not None
        )
    ]


def _edition(node: Node, line: Line, profile: Profile) -> int:
    """The next edition of this name: LocalError NOT_ALLOWED where it is in force as it stands."""
    found = dossier_of(node, line).regimes.values()
    editions = [0]
    for one in found:
        parts = read_word(one.word)
        if parts is None or parts.name != profile.name:
            continue
        editions.append(parts.edition)
        going = one.state not in {RegimeState.SUSPENDED, RegimeState.DROPPED}
        if going and parts.digest == profile.digest:
            raise LocalError(Refusal.NOT_ALLOWED, f"{one.word} is {one.state.value}")
    return max(editions) + 1


def suspend(node: Node, request: Request) -> Look | dict[str, Any]:
    """Our word that we give no more notices under an adoption; only all together take it up.
    With ``fix`` only its form, for a desk where people authorise it."""
    line = find_line(node.station, request.get("line"))
    name, reason = asked.text(request, "name"), asked.text(request, "reason_given")
    regime = next(
        (
            one
            for one in reversed(list(dossier_of(node, line).regimes.values()))
            if one.word.startswith(f"{name}/") and one.state is not RegimeState.DROPPED
        ),
        None,
    )
    if regime is None:
        raise LocalError(Refusal.NOT_FOUND, f"no charter of this line names {name}")
    return _say(node, line, request, Suspension(regime.word, reason).text(), name)
