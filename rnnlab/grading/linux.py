"""The few calls of Linux that Python has no name for: namespaces, mounts, privileges, filters.

Each raises OSError with the call's name when the system refuses it. Sources: unshare(2), mount(2),
prctl(2), capset(2), seccomp(2).
"""

from __future__ import annotations

import ctypes
import functools
import os
import struct

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20, 0x1000, 0x4000, 0x40000

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_SECCOMP_MODE_FILTER = 2
_CAPABILITIES_3 = 0x20080522
_BPF_INSTRUCTION = 8


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc(), name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    """Leave the namespaces of these flags for new ones; a new pid namespace holds from the next
    fork on."""
    _call("unshare", ctypes.c_int(flags))


def join(namespace: int, kind: int) -> None:
    """Enter the namespace of this descriptor; one of processes holds from the next fork on."""
    _call("setns", ctypes.c_int(namespace), ctypes.c_int(kind))


def map_to_itself(uid: int, gid: int) -> None:
    """In a new namespace of users, be who one was before."""
    for file, words in {
        "setgroups": "deny",
        "uid_map": f"{uid} {uid} 1",
        "gid_map": f"{gid} {gid} 1",
    }.items():
        descriptor = os.open(f"/proc/self/{file}", os.O_WRONLY)
        try:
            os.write(descriptor, words.encode())
        finally:
            os.close(descriptor)


def die_with_parent(signal: int) -> None:
    """Have this process get `signal` when its parent ends."""
    _prctl(_PR_SET_PDEATHSIG, signal)


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """Mount `source` on `target`."""
    _call(
        "mount",
        source.encode(),
        os.fsencode(target),
        None if kind is None else kind.encode(),
        ctypes.c_ulong(flags),
        options.encode() or None,
    )


def dumpable(allowed: bool) -> None:
    """Whether another process of the same user may look into this one, and it into /proc/self."""
    _prctl(_PR_SET_DUMPABLE, int(allowed))


def drop_privileges() -> None:
    """Give up every capability, and never gain one again, whatever is run."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = struct.pack("=II", _CAPABILITIES_3, 0)
    _call("capset", header, struct.pack("=6I", *[0] * 6))


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def install_filter(program: bytes) -> None:
    """Hold this process, from here on, to a seccomp filter in the kernel's own form."""
    bound = _Program(len(program) // _BPF_INSTRUCTION, program)
    _call(
        "prctl",
        ctypes.c_int(_PR_SET_SECCOMP),
        ctypes.c_ulong(_SECCOMP_MODE_FILTER),
        ctypes.byref(bound),
    )


def _prctl(option: int, value: int) -> None:
    _call("prctl", ctypes.c_int(option), *[ctypes.c_ulong(n) for n in (value, 0, 0, 0)])
