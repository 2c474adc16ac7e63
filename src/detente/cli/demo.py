"""`detente demo`: two real nodes, a conversation, two cuts, a kill, one transcript."""

from __future__ import annotations

import base64
import secrets
import shutil
import signal
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from detente.cli.app import CHECK_FAILED, Command, Option, Session, as_document
from detente.cli.demo_script import (
    ACTS,
    ALPHA,
    BRAVO,
    PROVEN,
    Event,
    Mark,
    Say,
    Step,
    Translate,
)
from detente.cli.demo_story import Story
from detente.core.errors import LocalError, Refusal
from detente.words import _, marked

if TYPE_CHECKING:
    from detente.cli.demo_figures import Submitted
    from detente.cli.demo_world import Cable, Patience, Side

INBOX_MAX = 200  # above all that the demo says
CHAPTERS: Final = (
    marked("They speak, in three languages and at every precedence"),
    marked("The connection is cut in mid-conversation; both go on"),
    marked("What was queued has arrived"),
    marked("Bravo's node is killed in mid-conversation, and started again"),
    marked("The connection is cut again; one corrects, one cancels"),
    marked("The watches hand over"),
)


@click.command(
    cls=Command, help=marked("See it work: two nodes, two cuts, a kill, and one transcript.")
)
@click.option("--exit", "leave", is_flag=True, cls=Option, help=marked("End when it is over."))
@click.option(
    "--keep",
    "keep",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("Leave homes, cards, transcripts and proofs in this new folder."),
)
@click.option(
    "--seconds-max",
    type=click.IntRange(1),
    default=120,
    show_default=True,
    cls=Option,
    help=marked("Give up after so many seconds."),
)
@click.pass_context
def demo(ctx: click.Context, leave: bool, keep: Path | None, seconds_max: int) -> None:
    """Exit status 3 where a figure is not what was promised."""
    session: Session = ctx.obj
    folder = _folder(keep)
    # A service manager's stop is a person's Ctrl-C: the nodes must not outlive the demo.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        good = _run(session, folder, leave=leave, seconds_max=seconds_max)
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    if not good:
        ctx.exit(CHECK_FAILED)


def _folder(keep: Path | None) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="detente-demo-"))
    if keep.exists() and any(keep.iterdir()):
        raise LocalError(Refusal.IN_USE, f"{keep} is not empty")
    keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    return keep.absolute()


def _run(session: Session, folder: Path, *, leave: bool, seconds_max: int) -> bool:
    from detente.cli.demo_desks import DemoDesk
    from detente.cli.demo_world import Cable, Patience, Side, free_port

    story = Story(quiet=session.as_json)
    alpha, bravo = Side(ALPHA, folder, free_port()), Side(BRAVO, folder, free_port())
    cable = Cable()
    desks: list[DemoDesk] = []
    play = Play(story, Patience(seconds_max), alpha, bravo, cable)
    try:
        play.set_up()
        for chapter, act in zip(CHAPTERS, ACTS, strict=True):
            play.act(_(chapter), act)
        result = play.finish()
        story.figures(result)
        if session.as_json:
            click.echo(as_document(result))
        if not leave:
            desks += [DemoDesk(alpha), DemoDesk(bravo)]
            story.desks([(desk.side.name, desk.open()) for desk in desks])
            story.staying(folder)
            _until_interrupted()
    finally:
        for desk in desks:
            desk.close()
        for side, other in ((alpha, bravo), (bravo, alpha)):
            side.stop()
            if side.party and other.party:
                side.call_through(other, None)
        cable.close()
    return bool(result["good"])


def _until_interrupted() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        click.echo(err=True)


class Play:
    """The play: its actors, its script, and what was submitted so far."""

    def __init__(
        self, story: Story, patience: Patience, alpha: Side, bravo: Side, cable: Cable
    ) -> None:
        self._story = story
        self._patience = patience
        self._sides = {side.name: side for side in (alpha, bravo)}
        self._cable = cable
        self._submitted: list[Submitted] = []
        self._said: dict[str, Say] = {}
        self._cuts = 0
        self._kills = 0

    # --- before the first word -----------------------------------------------------------------

    def set_up(self) -> None:
        """Parties, nodes, trust by digits, a charter proposed and accepted, watches on duty."""
        story, sides = self._story, self._sides
        alpha, bravo = sides[ALPHA], sides[BRAVO]
        story.begin()
        story.chapter(_("Each party makes its keys, and they compare digits by voice"))
        for side in sides.values():
            side.make(secrets.token_urlsafe(18))
            story.keys(side.name, side.digits)
        for side, other in ((alpha, bravo), (bravo, alpha)):
            side.call_through(other, self._cable.lay(other.port))
        for side in sides.values():
            side.launch()
        for side in sides.values():
            side.wait_ready()
        for side, other in ((alpha, bravo), (bravo, alpha)):
            card = base64.b64encode(other.card.read_bytes()).decode()
            side.ask("trust", card_b64=card, method="voice", digits=other.digits)
        self._patience.until("links", lambda: all(s.ask("status")["links"] for s in sides.values()))
        story.chapter(_("Alpha proposes a line, Bravo accepts it"))
        self._open_line(alpha, bravo)
        for side in sides.values():
            side.ask("duty", on=True, who="")
        story.picture("whole", self._stores())

    def _open_line(self, alpha: Side, bravo: Side) -> None:
        proposed = alpha.ask(
            "propose",
            title="Demo line",
            members=[{"party": bravo.party, "role": "party"}],
            drill=True,
            languages=["en", "ru", "uk"],
            padding=True,
            set={"seen-within-s": 1},  # receipts below IMMEDIATE without half a minute of wait
            send=True,
        )
        # By hand rather than over the link where the offer has not come yet: both are allowed.
        bravo.ask("accept", charter_b64=proposed["charter_b64"])
        sides = self._sides.values()
        self._patience.until(
            "an open line", lambda: all(side.ask("lines")[0]["open"] for side in sides)
        )

    def _stores(self) -> dict[str, dict[str, int]]:
        stores = {}
        for name, side in self._sides.items():
            if not side.process.runs:
                continue
            line = side.ask("lines")[0]
            me = next(member["number"] for member in line["members"] if member["me"])
            sizes = {log: head["size"] for log, head in line["checkpoints"].items()}
            own = sum(size for log, size in sizes.items() if log.startswith(f"{me}/"))
            theirs = sum(sizes.values()) - own
            stores[name] = {"own": own, "theirs": theirs, "queued": line["queued"]}
        return stores

    # --- the conversation ----------------------------------------------------------------------

    def act(self, chapter: str, steps: tuple[Step, ...]) -> None:
        """One act of the script."""
        self._story.chapter(chapter)
        for step in steps:
            if isinstance(step, Say):
                self._say(step)
            elif isinstance(step, Mark):
                entry = self._entry(step.author, step.key)
                comment = step.comment or None
                side = self._sides[step.author]
                side.ask("mark", entry=entry, rung=step.rung, stater="watch", comment=comment)
                self._story.marked(step, self._said[step.key].subject)
            elif isinstance(step, Translate):
                entry = self._entry(step.author, step.key)
                self._sides[step.author].ask(
                    "translate",
                    entry=entry,
                    grade=step.grade,
                    language=step.language,
                    text=step.text,
                )
                self._story.translated(step, self._said[step.key].subject)
            else:
                self._happen(step, steps)

    def _say(self, step: Say) -> None:
        from detente.cli.demo_figures import Submitted, text_hash

        relations = []
        if step.relation is not None:
            relation, key = step.relation
            relations = [{"relation": relation, "entry": self._entry(step.author, key)}]
        self._sides[step.author].ask(
            "say",
            text=step.text,
            subject=step.subject,
            precedence=step.precedence,
            language=step.language,
            label="parties-only",
            relations=relations,
        )
        self._submitted.append(Submitted(step.author, step.precedence, text_hash(step.text)))
        if step.key:
            self._said[step.key] = step
        self._story.said(step)

    def _entry(self, name: str, key: str) -> str:
        """The serial under which a party's node stores an entry; waits until it is there."""
        side, text = self._sides[name], self._said[key].text
        found: list[str] = []

        def look() -> bool:
            views = side.ask("inbox", limit=INBOX_MAX, only="all")["entries"]
            found[:] = [view["entry"] for view in views if view.get("text") == text]
            return bool(found)

        self._patience.until(f"{key} at {name}", look)
        return found[0]

    def _happen(self, event: Event, act: tuple[Step, ...]) -> None:
        story, bravo = self._story, self._sides[BRAVO]
        if event.what == "cut":
            for step in act:  # what is spoken of during the cut has to be in a log before it
                if isinstance(step, Say) and step.relation and step.relation[1] in self._said:
                    self._entry(step.author, step.relation[1])
            self._cuts += bool(self._cable.cut())
            story.picture("cut", self._stores())
        elif event.what == "mend":
            story.picture("cut", self._stores())
            self._cable.mend()
            self._patience.until("a link", lambda: bravo.ask("status")["links"])
            story.picture("whole", self._stores())
        elif event.what == "kill":
            bravo.kill()
            self._kills += 1
            story.picture("dead", self._stores())
        elif event.what == "restart":
            bravo.launch()
            bravo.wait_ready()
            self._patience.until("a link", lambda: bravo.ask("status")["links"])
            story.picture("whole", self._stores())

    # --- what came of it -----------------------------------------------------------------------

    def finish(self) -> dict[str, Any]:
        """Waits for the last receipt, exports both copies, and computes every figure from them."""
        from detente.cli.demo_figures import read_submitted, recount, write_submitted

        self._story.chapter(
            _("Every dispatch has its receipt; both copies are exported and checked")
        )
        self._patience.until("every receipt", self._all_received)
        self._patience.until("equal checkpoints", self._equal)
        folder = self._sides[ALPHA].folder
        submitted = folder / "submitted.json"
        submitted.write_text(write_submitted(self._submitted), encoding="utf-8")
        exports = {ALPHA: folder / "transcript.detente", BRAVO: folder / "bravo.detente"}
        for name, path in exports.items():
            self._sides[name].ask("export", path=str(path))
        proofs = self._prove(folder)
        figures = recount(
            read_submitted(submitted.read_text(encoding="utf-8")),
            {name: [path.read_bytes()] for name, path in exports.items()},
        )
        result: dict[str, Any] = asdict(figures)
        result["verified"] = self._verified([*exports.values(), *proofs])
        result["cuts"], result["kills"] = self._cuts, self._kills
        result["good"] = (
            figures.receipts == figures.dispatches == len(self._submitted)
            and not (figures.lost or figures.reordered or figures.duplicated or figures.unexpected)
            and set(figures.incarnations.values()) == {1}
            and figures.checkpoints_equal
            and result["verified"]
        )
        result["seconds"] = round(self._patience.elapsed_s(), 2)
        return result

    def _all_received(self) -> bool:
        for name, side in self._sides.items():
            views = side.ask("inbox", limit=INBOX_MAX, only="ours")["entries"]
            said = [view for view in views if view["kind"] == "dispatch"]
            if len(said) < sum(one.author == name for one in self._submitted):
                return False
            if not all(any(s["rung"] == "received" for s in view["ladder"]) for view in views):
                return False
        return True

    def _equal(self) -> bool:
        heads = [side.ask("lines")[0] for side in self._sides.values()]
        return heads[0]["checkpoints"] == heads[1]["checkpoints"] and not any(
            line["queued"] for line in heads
        )

    def _prove(self, folder: Path) -> list[Path]:
        """One FLASH in its log, and the same with the other side's receipt beside it."""
        author = self._said[PROVEN].author
        entry = self._entry(author, PROVEN)
        paths = []
        for name, bundle in (("flash.tlog-proof", False), ("flash.bundle", True)):
            proof = self._sides[author].ask("prove", entry=entry, bundle=bundle)
            path = folder / name
            path.write_bytes(base64.b64decode(proof["proof_b64"]))
            paths.append(path)
        return paths

    def _verified(self, paths: list[Path]) -> bool:
        """Whether a stranger with both cards would accept every file."""
        from detente.dossiers.verify import verify_file

        cards = [side.card.read_bytes() for side in self._sides.values()]
        now_s = int(time.time())
        return all(verify_file(path.read_bytes(), cards, now_s).ok for path in paths)
