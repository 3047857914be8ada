#!/usr/bin/env python3
"""Runs a program in what a systemd unit says of its sandbox, as far as that can be done without systemd.

usage: unit_sandbox.py UNIT|PROFILE.json FOLDERS PROGRAM [ARGUMENT ...]

Nobody's user where we are root (FOLDERS, with colons between, are given to it), no capability in any set, no new privileges, no memory that is
written and executed, the unit's limit of open files and umask, and its filter of system calls. Of a container runtime's seccomp
profile the same user and privileges, and its list of system calls.
"""
import ctypes
import json
import os
import pathlib
import re
import resource
import struct
import subprocess
import sys

NOBODY = 65534
# linux/prctl.h
PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 22, 24, 38, 65
# linux/seccomp.h, linux/filter.h, linux/audit.h
SECCOMP_MODE_FILTER, RET_ALLOW, RET_ERRNO, RET_KILL = 2, 0x7FFF0000, 0x50000, 0x80000000
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
EPERM = 1

libc = ctypes.CDLL(None, use_errno=True)


def settings(unit):
    found = {}
    for line in pathlib.Path(unit).read_text().splitlines():
        name, mark, value = line.partition("=")
        if mark and not name.startswith("#"):
            found.setdefault(name.strip(), []).append(value.strip())
    return found


def calls(names):
    """The system calls of groups and names, as systemd-analyze lists them."""
    found = set()
    for name in names:
        if not name.startswith("@"):
            found.add(name)
            continue
        text = subprocess.run(
            ["systemd-analyze", "syscall-filter", name], check=True, capture_output=True, text=True).stdout
        lines = [line.strip() for line in text.splitlines()[1:]]
        found |= calls([line for line in lines if line and not line.startswith("#")])
    return found


def numbers():
    header = subprocess.run(
        ["cc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"], check=True, capture_output=True,
        text=True).stdout
    return {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", header)}


def filtered(unit):
    allowed = calls(["@default"])
    for line in unit["SystemCallFilter"]:
        words = line.lstrip("~").split()
        allowed = allowed - calls(words) if line.startswith("~") else allowed | calls(words)
    # What systemd.exec(5) lets pass in any case.
    return allowed | calls(["@default"]) | {"execve", "exit", "exit_group", "rt_sigreturn"}


def install(allowed):
    known = numbers()
    code = [(LOAD, 0, 0, 4), (JUMP_EQUAL, 1, 0, ARCHITECTURES[os.uname().machine]), (RETURN, 0, 0, RET_KILL), (LOAD, 0, 0, 0)]
    for name in sorted(allowed & known.keys()):
        code += [(JUMP_EQUAL, 0, 1, known[name]), (RETURN, 0, 0, RET_ALLOW)]
    code.append((RETURN, 0, 0, RET_ERRNO | EPERM))
    text = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in code))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    program = Program(len(code), ctypes.addressof(text))
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        sys.exit(f"seccomp: {os.strerror(ctypes.get_errno())}")


def become_nobody(folders):
    for folder in folders.split(":"):
        for place, _, files in os.walk(folder):
            for path in [place] + [os.path.join(place, name) for name in files]:
                os.chown(path, NOBODY, NOBODY)
    last = int(pathlib.Path("/proc/sys/kernel/cap_last_cap").read_text())
    for capability in range(last + 1):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    # Leaving uid 0 empties the effective, permitted and ambient sets.
    os.setresuid(NOBODY, NOBODY, NOBODY)


def run_in_container(path, folders, program):
    profile = json.loads(pathlib.Path(path).read_text())
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    allowed = {name for one in profile["syscalls"] if one["action"] == "SCMP_ACT_ALLOW" for name in one["names"]}
    if os.geteuid() == 0:
        become_nobody(folders)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        sys.exit("no_new_privs")
    install(allowed)
    os.execvp(program[0], program)


def main(path, folders, program):
    if path.endswith(".json"):
        run_in_container(path, folders, program)
    unit = settings(path)
    allowed = filtered(unit)
    # Not above what we have ourselves.
    files = min(int(unit["LimitNOFILE"][0]), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    os.umask(int(unit["UMask"][0], 8))
    if os.geteuid() == 0:
        become_nobody(folders)
    if unit["NoNewPrivileges"] == ["yes"] and libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        sys.exit("no_new_privs")
    if unit["MemoryDenyWriteExecute"] == ["yes"]:
        libc.prctl(PR_SET_MDWE, 1, 0, 0, 0)  # Linux 6.3
    install(allowed)
    os.execvp(program[0], program)


main(sys.argv[1], sys.argv[2], sys.argv[3:])
