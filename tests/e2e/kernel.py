"""Older kernels, as far as confinement goes. A program is started behind a filter (seccomp_unotify(2)) that
answers it the way a kernel without Landlock, with an early Landlock, or without filters of system calls would.
Nothing of that is in the program."""

import contextlib
import ctypes
import errno
import os
import select
import socket
import struct
import threading

NOTIFY = 0x7FC00000
ALLOW = 0x7FFF0000
REFUSE = 0x00050000  # or'ed with an errno
ANSWER_FLAG_CONTINUE = 1
CREATE_RULESET_VERSION = 1
QUESTION = struct.Struct("QIIiIQ6Q")  # struct seccomp_notif
ANSWER = struct.Struct("QqiI")  # struct seccomp_notif_resp


def load_library():
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    for name in ("seccomp_release", "seccomp_load", "seccomp_notify_fd"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
    library.seccomp_rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
    library.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    library.seccomp_notify_receive.argtypes = [ctypes.c_int, ctypes.c_void_p]
    library.seccomp_notify_respond.argtypes = [ctypes.c_int, ctypes.c_void_p]
    return library


class OldKernel:
    """with OldKernel(landlock=1, filters=True) as old: subprocess.run(..., preexec_fn=old.enter).

    landlock is the ABI that the kernel says it has, 0 for none; filters tells whether it takes filters of its
    processes. One program is started behind it, whose children are behind it as well."""

    def __init__(self, landlock, filters=True):
        self.landlock = landlock
        self.library = load_library()
        self.rules = self.library.seccomp_init(ALLOW)
        self.add_rule(NOTIFY, "landlock_create_ruleset")
        if not filters:
            self.add_rule(REFUSE | errno.ENOSYS, "seccomp")
        self.here, self.there = socket.socketpair()
        self.thread = threading.Thread(target=self.serve)

    def add_rule(self, action, name):
        number = self.library.seccomp_syscall_resolve_name(name.encode())
        assert self.library.seccomp_rule_add(self.rules, action, number, 0) == 0

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.there.close()
        self.thread.join()
        self.here.close()
        self.library.seccomp_release(self.rules)

    def enter(self):
        """Is called in the new process."""
        if self.library.seccomp_load(self.rules) != 0:
            os._exit(126)
        socket.send_fds(self.there, [b"."], [self.library.seccomp_notify_fd(self.rules)])

    def serve(self):
        """Answers until the last process behind the filter is gone."""
        _, fds, _, _ = socket.recv_fds(self.here, 1, 1)
        for fd in fds:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            while poll.poll()[0][1] & select.POLLIN:
                with contextlib.suppress(OSError):  # The asker may be gone meanwhile.
                    self.answer_one(fd)
            os.close(fd)

    def answer_one(self, fd):
        question = ctypes.create_string_buffer(QUESTION.size)
        if self.library.seccomp_notify_receive(fd, question) != 0:
            return
        mark, _, _, _, _, _, _, _, flags, *_ = QUESTION.unpack(question.raw)
        if self.landlock == 0:
            answer = ANSWER.pack(mark, 0, -errno.ENOSYS, 0)
        elif flags & CREATE_RULESET_VERSION:
            answer = ANSWER.pack(mark, self.landlock, 0, 0)
        else:
            answer = ANSWER.pack(mark, 0, 0, ANSWER_FLAG_CONTINUE)
        self.library.seccomp_notify_respond(fd, ctypes.create_string_buffer(answer, ANSWER.size))
