"""The serial bearer: a sealed link over a tty (spec/bearer-sealed.md §7).

The tty is set by ``termios`` alone: a loop needs of it a descriptor, a raw mode and a speed.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import termios
import tty
from contextlib import suppress
from dataclasses import dataclass, replace

from detente.bearers.contract import LINK_QUEUE_BYTES_MAX, Inbox, framed
from detente.bearers.pipe import Pipe
from detente.bearers.rates import Measured
from detente.bearers.sealed_link import SealedEnd
from detente.core.errors import LocalError, PeerError, Refusal

READ_BYTES = 4096
SLICE_S = 0.02  # bytes are handed to the system in such slices: what it has nothing can overtake
UNSENT_S_MAX = 0.25  # as much may lie in its buffer where the way is slower than it was said to be


@dataclass(frozen=True, slots=True)
class Tty:
    """A device, the speed of its port in bauds, and what the way behind it carries in bits a
    second: less than eight tenths of the speed, for a byte is ten bits on a port."""

    device: str
    speed: int
    bits_per_s: int


def open_tty(given: Tty) -> int:
    """A descriptor of the device, raw, at its speed, ours alone.

    LocalError NOT_FOUND if there is no such device, IN_USE if somebody has it, USAGE for a speed
    that no port has.
    """
    speed = getattr(termios, f"B{given.speed}", None)
    if speed is None:
        raise LocalError(Refusal.USAGE, f"{given.device}: no port has {given.speed} bauds")
    try:
        fd = os.open(given.device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        raise LocalError(Refusal.NOT_FOUND, f"{given.device}: {exc.strerror}") from exc
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        tty.setraw(fd)
        mode = termios.tcgetattr(fd)
        mode[2] |= termios.CLOCAL | termios.CREAD
        mode[4] = mode[5] = speed
        termios.tcsetattr(fd, termios.TCSAFLUSH, mode)
    except BlockingIOError as exc:
        os.close(fd)
        raise LocalError(Refusal.IN_USE, f"{given.device} is in use") from exc
    except (OSError, termios.error) as exc:
        os.close(fd)
        raise LocalError(Refusal.NOT_FOUND, f"{given.device} is no serial port") from exc
    return fd


class SerialLink:
    """One life of a sealed link. Promises what ``contract.Link`` says."""

    bearer = "serial"
    wide = False
    key = b""  # it has none: whoever has the secret is the peer

    def __init__(self, port: SerialPort, fresh: bytes) -> None:
        self.peer = port.peer
        self.fresh = fresh
        self.inbox = Inbox()
        self._port = port
        self._reason: str | None = None
        self._gone = asyncio.Event()

    def send(self, frame: bytes, *, urgent: bool = False) -> None:
        """As ``Link.send``."""
        framed(frame)
        if self._reason is None and self.queued_bytes() + len(frame) > LINK_QUEUE_BYTES_MAX:
            self.close("peer does not read")
        if self._reason is not None:
            raise PeerError(Refusal.UNREACHABLE, self._reason)
        self._port.end.send(frame, urgent=urgent)
        self._port.stir()

    def queued_bytes(self) -> int:
        """As ``Link.queued_bytes``."""
        return self._port.end.queued_bytes()

    def measured(self) -> Measured:
        """As ``Link.measured``; the rate is what the way is said to carry until one is measured."""
        found = self._port.end.measured()
        return found if found.bits_per_s else replace(found, bits_per_s=self._port.bits_per_s)

    def heard_s(self) -> float | None:
        """As ``Link.heard_s``."""
        return self._port.end.heard_s

    async def receive(self) -> list[bytes]:
        """As ``Link.receive``."""
        frames = await self.inbox.take()
        self._port.look_at_inbox()
        return frames

    def close(self, reason: str) -> None:
        """As ``Link.close``: what is queued is lost, and the next life has other keys."""
        if self._reason is None:
            self._port.end_life(reason)
        self.lost(reason)
        self.inbox.drop(reason)

    def lost(self, reason: str) -> None:
        """This life of the link is over; what arrived stays readable."""
        if self._reason is None:
            self._reason = reason
            self.inbox.end(reason)
            self._gone.set()

    async def closed(self) -> str:
        """As ``Link.closed``."""
        await self._gone.wait()
        return self._reason or ""


class SerialPort:
    """An open tty with a sealed link on it: its lives come one after the other."""

    def __init__(self, fd: int, end: SealedEnd, peer: bytes, bits_per_s: int) -> None:
        self.peer = peer
        self.end = end
        self.bits_per_s = bits_per_s
        self.silent = False  # nothing leaves; what comes is taken
        self._fd = fd
        self._pipe = Pipe(end)
        self._loop = asyncio.get_running_loop()
        self._stirred = asyncio.Event()
        self._life: SerialLink | None = None
        self._lives: asyncio.Queue[SerialLink | None] = asyncio.Queue()
        self._unwritten = b""
        self._unread = False
        self._why: str | None = None
        self._loop.add_reader(fd, self._readable)
        self._sending = self._loop.create_task(self._send_forever())

    async def link(self) -> SerialLink:
        """The next life of the link. PeerError UNREACHABLE once the port is lost or closed."""
        found = None if self._why is not None else await self._lives.get()
        if found is None:
            raise PeerError(Refusal.UNREACHABLE, self._why or "closed")
        return found

    def close(self, reason: str = "closed") -> None:
        """Lets go of the device. Idempotent."""
        if self._why is not None:
            return
        self._why = reason
        self._loop.remove_reader(self._fd)
        self._sending.cancel()
        os.close(self._fd)
        if self._life is not None:
            self._life.lost(reason)
            self._life = None
        self._lives.put_nowait(None)

    def end_life(self, reason: str) -> None:
        """Ends the life that is up, on our side; the peer learns it from the next announcement."""
        self._life = None
        self.end.end(reason, self._loop.time())
        self.look_at_inbox()
        self.stir()

    def be_silent(self) -> None:
        """From now on no byte leaves, not even of what the system has taken already."""
        self.silent, self._unwritten = True, b""
        with suppress(termios.error):  # the next read says what is wrong with the port
            termios.tcflush(self._fd, termios.TCOFLUSH)
        self.stir()

    def speak(self) -> None:
        """Bytes leave again, in a new life: what waited would be of the past."""
        life, self.silent = self._life, False
        self.end_life("the silence is over")
        if life is not None:
            life.lost("the silence is over")

    def listens(self, *, unheard: bool) -> None:
        """Whether the peer is known to receive and to send nothing; what was not repeated for it
        while it was comes again in a new life."""
        if self.end.unheard and not unheard and self.end.gave_up and not self.silent:
            self.speak()
        self.end.unheard = unheard

    def stir(self) -> None:
        """There is something to be sent."""
        self._stirred.set()

    def look_at_inbox(self) -> None:
        """The device is left unread while the inbox is full: what the system drops meanwhile is
        sent again."""
        full = self._life is not None and self._life.inbox.full
        if self._why is not None or full == self._unread:
            return
        self._unread = full
        if full:
            self._loop.remove_reader(self._fd)
        else:
            self._loop.add_reader(self._fd, self._readable)

    def _look(self) -> None:
        """A life that is over is named, one that has begun is handed on."""
        keys = self.end.keys
        if self._life is not None and (keys is None or keys.fresh != self._life.fresh):
            self._life.lost(self.end.why)
            self._life = None
        if keys is not None and self._life is None:
            self._life = SerialLink(self, keys.fresh)
            self._lives.put_nowait(self._life)
        self.look_at_inbox()

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError as exc:
            self.close(f"the port is lost: {exc.strerror}")
            return
        if not data:
            self.close("the port is lost: hung up")
            return
        frames = self._pipe.feed(data, self._loop.time())
        before = self._life
        if frames and before is None:
            self._look()  # the life began in these very bytes
        if frames and self._life is not None:
            self._life.inbox.feed(b"".join(map(framed, frames)))
        self._look()
        self.stir()

    async def _send_forever(self) -> None:
        """Hands bytes on as fast as the way carries them, a slice at a time."""
        per_s, last_s, credit = self.bits_per_s / 8, self._loop.time(), 1.0
        while True:
            now_s = self._loop.time()
            credit = min(credit + (now_s - last_s) * per_s, max(1.0, per_s * UNSENT_S_MAX))
            last_s = now_s
            self._stirred.clear()
            if self.silent:
                await self._stirred.wait()
                continue
            room = 0 if self._unwritten or self._is_behind() else int(credit)
            taken = self._pipe.take(now_s, room) if room else b""
            credit -= len(taken)
            self._look()
            if not self._write(self._unwritten + taken):
                return
            if taken or self._unwritten or not room:
                await asyncio.sleep(max(SLICE_S, (1.0 - credit) / per_s))
                continue
            credit = 1.0  # nothing was saved up while there was nothing to say
            wake_s = self._pipe.wake_s()
            wait_s = None if wake_s is None else max(SLICE_S, wake_s - now_s)
            try:
                await asyncio.wait_for(self._stirred.wait(), wait_s)
            except TimeoutError:
                continue
            finally:
                last_s = self._loop.time()

    def _is_behind(self) -> bool:
        """Whether the system still has more than it should."""
        try:
            waiting = struct.unpack("i", fcntl.ioctl(self._fd, termios.TIOCOUTQ, bytes(4)))[0]
        except OSError:
            return False  # the next write or read says what is wrong
        return bool(8 * waiting > self.bits_per_s * UNSENT_S_MAX + 8)

    def _write(self, data: bytes) -> bool:
        """False if the port is lost."""
        try:
            done = os.write(self._fd, data) if data else 0
        except BlockingIOError:
            done = 0
        except OSError as exc:
            self.close(f"the port is lost: {exc.strerror}")
            return False
        self._unwritten = data[done:]
        return True


def open_port(given: Tty, secret: bytes, own: bytes, peer: bytes) -> SerialPort:
    """A sealed link over a tty, from the running loop on. LocalError as ``open_tty``."""
    now_s = asyncio.get_running_loop().time()
    fd = open_tty(given)
    end = SealedEnd(secret, own, peer, given.bits_per_s, os.urandom, now_s)
    return SerialPort(fd, end, peer, given.bits_per_s)
