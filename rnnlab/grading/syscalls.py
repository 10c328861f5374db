"""What a student's process may ask of the kernel: an allow list, as a seccomp filter.

It may compute, use files in its own folder, make threads, and talk over the descriptors that it
has. It may not make processes, run programs, open sockets, trace, mount, or change who it is: one
submission is one process, so that the limits of a process are the limits of a submission. All else
is refused with EPERM, which Python raises as PermissionError in the learner's own cell.
"""

from __future__ import annotations

import errno
import signal
import tempfile

import pyseccomp

_FILES = """
read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 close close_range dup dup2
dup3 lseek fstat stat lstat newfstatat statx access faccessat faccessat2 open openat readlink
readlinkat getdents getdents64 getcwd chdir fchdir mkdir mkdirat rmdir rename renameat renameat2
unlink unlinkat chmod fchmod fchmodat truncate ftruncate fallocate fsync fdatasync utimensat
umask statfs fstatfs pipe pipe2 select pselect6 poll ppoll epoll_create epoll_create1 epoll_ctl
epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2 timerfd_create timerfd_settime timerfd_gettime
sendfile copy_file_range
"""
_MEMORY = "mmap munmap mremap mprotect madvise brk msync mincore membarrier"
_SIGNALS_AND_TIME = """
rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack
tkill tgkill alarm pause setitimer getitimer timer_create timer_settime timer_gettime
timer_delete timer_getoverrun nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday
time times restart_syscall
"""
_ITSELF = """
getpid gettid getppid getuid geteuid getgid getegid getgroups getresuid getresgid getpgrp getpgid
getsid setsid uname sysinfo getrusage getrlimit prlimit64 getpriority sched_yield
sched_getaffinity sched_getscheduler sched_getparam sched_get_priority_min sched_get_priority_max
getcpu getrandom futex futex_waitv set_robust_list get_robust_list rseq set_tid_address arch_prctl
wait4 waitid exit exit_group
"""
_PAIRS = "getsockname getpeername shutdown"

_CLONE_THREAD = 0x00010000
_CLONE_NEW = 0x7E020080  # all of the CLONE_NEW* flags
# of sockets, only what an event loop wakes itself with: plain bytes, none out of band
_AF_UNIX = 1
_SOL_SOCKET = 1
# SO_TYPE, SO_ERROR, SO_PROTOCOL, SO_DOMAIN: what it is, not who is at the other end
_SOCKET_OPTIONS = (3, 4, 38, 39)
_PR_NAMES = (15, 16, 0x53564D41)  # PR_SET_NAME, PR_GET_NAME, PR_SET_VMA, which malloc uses
# F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC: no leases, no watch over folders
# that others read, and no locks, which others would find on a device or library that all share
_FCNTLS = (*range(5), 1030)
_IOCTLS = (0x5401, 0x5413, 0x5421, 0x5450, 0x5451, 0x541B)  # is it a terminal, how much is there


def program() -> bytes:
    """The filter for this machine's architecture, as the kernel takes it."""
    refuse = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
    for name in " ".join((_FILES, _MEMORY, _SIGNALS_AND_TIME, _ITSELF, _PAIRS)).split():
        _allow(refuse, name)
    # a thread, never a process, and in no new namespace
    flags = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _CLONE_THREAD | _CLONE_NEW, _CLONE_THREAD)
    _allow(refuse, "clone", flags)
    # its flags lie where no filter can look: the C library then takes clone
    refuse.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    # pid 1 of a namespace cannot kill itself: whoever means to, is taken at his word
    refuse.add_rule(pyseccomp.KILL_PROCESS, "kill", pyseccomp.Arg(1, pyseccomp.EQ, signal.SIGKILL))
    _allow(refuse, "kill", pyseccomp.Arg(1, pyseccomp.NE, signal.SIGKILL))
    _allow(refuse, "socketpair", pyseccomp.Arg(0, pyseccomp.EQ, _AF_UNIX))
    for name in ("sendto", "recvfrom"):
        _allow(refuse, name, pyseccomp.Arg(3, pyseccomp.EQ, 0))
    for option in _SOCKET_OPTIONS:
        level = pyseccomp.Arg(1, pyseccomp.EQ, _SOL_SOCKET)
        _allow(refuse, "getsockopt", level, pyseccomp.Arg(2, pyseccomp.EQ, option))
    for option in _PR_NAMES:
        _allow(refuse, "prctl", pyseccomp.Arg(0, pyseccomp.EQ, option))
    for command in _FCNTLS:
        _allow(refuse, "fcntl", pyseccomp.Arg(1, pyseccomp.EQ, command))
    for request in _IOCTLS:
        _allow(refuse, "ioctl", pyseccomp.Arg(1, pyseccomp.EQ, request))
    with tempfile.TemporaryFile() as file:
        refuse.export_bpf(file)
        file.seek(0)
        return file.read()


def _allow(refuse: pyseccomp.SyscallFilter, name: str, *arguments: pyseccomp.Arg) -> None:
    if pyseccomp.resolve_syscall(pyseccomp.system_arch(), name) >= 0:  # arm64 lacks the old ones
        refuse.add_rule(pyseccomp.ALLOW, name, *arguments)
