"""Runs a program as a container runtime does: in a root folder of its own that it cannot write to but for a tmpfs,
as a user without rights, under a seccomp profile in Docker's form.

    container.py ROOT PROFILE PROGRAM ARGUMENT...

Needs root. PROFILE "none" stands for no profile, "no-io-uring" for one that refuses io_uring alone.
"""

import ctypes
import errno
import json
import os
import platform
import re
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
USER = 65532
STATE = "/var/lib/turnout"
CLONE_NEWNS, MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 1, 32, 4096, 16384, 1 << 18
MACHINE, FOLDER = {
    "x86_64": (0xC000003E, "x86_64-linux-gnu"),
    "aarch64": (0xC00000B7, "aarch64-linux-gnu"),
}[platform.machine()]


def call(name, *arguments):
    if getattr(LIBC, name)(*arguments) != 0:
        raise SystemExit(f"{name}: {os.strerror(ctypes.get_errno())}")


def mount(source, target, kind, flags, data=None):
    call("mount", source.encode(), target.encode(), kind and kind.encode(), flags, data and data.encode())


def numbers():
    """The number of each system call of this machine."""
    found = {}
    for path in (f"/usr/include/{FOLDER}/asm/unistd_64.h", "/usr/include/asm-generic/unistd.h"):
        if os.path.exists(path):
            for name, number in re.findall(r"#define __NR3?2?6?4?_?(\w+)\s+(\d+)", open(path).read()):
                found.setdefault(name, int(number))
            break
    return found


def rules(profile):
    """What a profile allows, and whether it allows everything else."""
    known = numbers()
    if profile == "no-io-uring":
        return [known[name] for name in ("io_uring_setup", "io_uring_enter", "io_uring_register")], True
    document = json.load(open(profile))
    assert document["defaultAction"] == "SCMP_ACT_ERRNO", "a profile allows by name"
    names = [name for rule in document["syscalls"] for name in rule["names"]]
    return [known[name] for name in names if name in known], False


def confine(listed, allows_others):
    refuse, allow = 0x00050000 | errno.EPERM, 0x7FFF0000
    inside, outside = (refuse, allow) if allows_others else (allow, refuse)
    program = [(0x20, 0, 0, 4), (0x15, 1, 0, MACHINE), (0x06, 0, 0, refuse), (0x20, 0, 0, 0)]
    # Two instructions for each, so that no jump is too far.
    for number in sorted(listed):
        program += [(0x15, 0, 1, number), (0x06, 0, 0, inside)]
    program += [(0x06, 0, 0, outside)]
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    buffer = ctypes.create_string_buffer(code, len(code))

    class Filter(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("program", ctypes.c_void_p)]

    filter = Filter(len(program), ctypes.cast(buffer, ctypes.c_void_p))
    call("prctl", 22, 2, ctypes.byref(filter), 0, 0)


def main():
    root, profile, program = sys.argv[1:4]
    # Read while the machine's own files are in reach.
    plan = None if profile == "none" else rules(profile)
    call("unshare", CLONE_NEWNS)
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount(root, root, None, MS_BIND | MS_REC)
    mount("proc", root + "/proc", "proc", 0)
    mount(root, root, None, MS_BIND | MS_REMOUNT | MS_RDONLY)
    mount("tmpfs", root + STATE, "tmpfs", 0, f"size=16m,uid={USER},gid={USER},mode=0700")
    os.chroot(root)
    os.chdir("/")
    os.setgroups([])
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)
    call("prctl", 38, 1, 0, 0, 0)
    arguments = [program] + sys.argv[4:]
    environment = {name: value for name, value in os.environ.items() if name.startswith("TURNOUT_")}
    if plan:
        confine(*plan)
    os.execve(program, arguments, environment)


if __name__ == "__main__":
    main()
