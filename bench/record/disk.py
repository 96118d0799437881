"""A disk that fails to flush: the kernel refuses fsync and fdatasync to a process and its children, from a chosen one on.

In: what to run. Out: its process, and a `Disk` that is told when to fail. Knows no store. A seccomp filter hands each of the two calls to this
process, which lets it pass or answers EIO; Linux alone, on x86-64 or ARM, and no more rights are needed than a process has over itself.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import platform
import select
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# fsync, fdatasync, seccomp
_CALLS = {"x86_64": (74, 75, 317), "aarch64": (82, 83, 277)}
_NO_NEW_PRIVS = 38
_SET_FILTER, _NEW_LISTENER = 1, 8
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ASK, _ALLOW = 0x7FC00000, 0x7FFF0000
_RECEIVE, _ANSWER = 0xC0502100, 0xC0182101  # ioctls of a listener: 80 bytes in, 24 out
_CONTINUE = 1


class Disk:
    """How often flushing was asked for, and from which time on it fails: `fail_from` counts from the call to `arm`; `once`: one time alone."""

    def __init__(self) -> None:
        self.asked = 0
        self.refused = 0
        self._from: int | None = None
        self._once = False
        self._shared = mmap.mmap(-1, 1)

    def arm(self, fail_from: int, *, once: bool = False) -> None:
        """Fail the flush of that number from now (1 is the next), and those after it unless `once`."""
        self._from, self._once = self.asked + fail_from, once

    def failed(self) -> bool:
        """Whether it has begun to fail for good; processes that were forked before see it too."""
        return self._shared[0] == 1

    def _refuses(self) -> bool:
        self.asked += 1
        if self._from is None or self.asked < self._from or (self._once and self.asked > self._from):
            return False
        self.refused += 1
        if not self._once:
            self._shared[0] = 1
        return True

    def serve(self, listener: int, stop: threading.Event) -> None:
        """Answer until nobody is left who could ask."""
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        while not stop.is_set():
            for _, event in poll.poll(100):
                if not event & select.POLLIN:
                    return
                self._answer(listener)

    def _answer(self, listener: int) -> None:
        try:
            asked = bytearray(80)
            fcntl.ioctl(listener, _RECEIVE, asked, True)
            (name,) = struct.unpack_from("Q", asked)
            refused = self._refuses()
            fcntl.ioctl(listener, _ANSWER, struct.pack("QqiI", name, 0, -errno.EIO if refused else 0, 0 if refused else _CONTINUE))
        except OSError as error:  # whoever asked was killed meanwhile
            if error.errno not in (errno.ENOENT, errno.EINTR):
                raise


def supported() -> bool:
    return sys.platform == "linux" and platform.machine() in _CALLS


@contextmanager
def under(disk: Disk, run: Callable[[], None]) -> Iterator[int]:
    """A forked process that does `run`, and all that it starts, on `disk`; its id. Whoever opens the block ends the process."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            ours.close()
            listener = _filtered()
            socket.send_fds(theirs, [b"+"], [listener])
            os.close(listener)
            theirs.close()
            run()
            code = 0
        finally:
            os._exit(code)
    theirs.close()
    with ours:
        _, (listener, *_), _, _ = socket.recv_fds(ours, 1, 1)
    stop = threading.Event()
    thread = threading.Thread(target=disk.serve, args=(listener, stop), daemon=True)
    thread.start()
    try:
        yield pid
    finally:
        stop.set()
        thread.join()
        os.close(listener)


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("true", ctypes.c_uint8), ("false", ctypes.c_uint8), ("value", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction)))


def _filtered() -> int:
    """Put the filter over this process; the listener that is asked. Raises OSError."""
    fsync, fdatasync, seccomp = _CALLS[platform.machine()]
    lines = ((_LOAD, 0, 0, 0), (_EQUAL, 1, 0, fsync), (_EQUAL, 0, 1, fdatasync), (_RETURN, 0, 0, _ASK), (_RETURN, 0, 0, _ALLOW))
    program = _Program(len(lines), (_Instruction * len(lines))(*(_Instruction(*line) for line in lines)))
    kernel = ctypes.CDLL(None, use_errno=True)
    kernel.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    listener = kernel.syscall(seccomp, _SET_FILTER, _NEW_LISTENER, ctypes.byref(program))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "the kernel takes no filter with a listener")
    return listener
