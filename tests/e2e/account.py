"""The account that daemons run as in tests, and the folders that it reaches.

A plain user's daemons are that user's. Root's become nobody, as those of `make run` do: root may do what a daemon
must fail at, so as root a test of what is denied would prove nothing. The sources may lie where only root can go;
nobody then gets a copy of what the daemons are started from, once for all tests of a session.
"""

import atexit
import contextlib
import os
import pwd
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("TINTYPE_BUILD", "build")).resolve()
IS_ROOT = os.geteuid() == 0
OWNER = pwd.getpwnam("nobody") if IS_ROOT else pwd.getpwuid(os.geteuid())
# With these options subprocess starts a program in the account.
AS_OWNER = {"user": OWNER.pw_uid, "group": OWNER.pw_gid, "extra_groups": []} if IS_ROOT else {}


def find_scratch():
    """Returns /dev/shm where there is room and programs may be started, because the disk is slow and what the
    tests check does not depend on it; else None, which is the system's folder for temporary files."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < 1 << 29:
        return None
    return None if os.statvfs(memory).f_flag & os.ST_NOEXEC else memory


SCRATCH = find_scratch()


def give(path):
    """Makes the account own a file or a folder."""
    if IS_ROOT:
        os.chown(path, OWNER.pw_uid, OWNER.pw_gid)


def make_folder(prefix="tintype-"):
    """Makes a folder of the account's own. It is the caller's to remove."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=SCRATCH))
    give(folder)
    return folder


@contextlib.contextmanager
def temporary_folder():
    folder = make_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def copy_tree(source, programs):
    """Copies what daemons are started from out of a folder of sources: their programs, the page, and deploy/. It
    goes to where every account may read it. Returns the folder, in which programs are below build/."""
    folder = Path(tempfile.mkdtemp(prefix="tintype-tree-", dir=SCRATCH))
    atexit.register(shutil.rmtree, folder)
    (folder / "build").mkdir()
    for program in programs:
        shutil.copy(program, folder / "build")
    for name in ("deploy", "www"):
        shutil.copytree(source / name, folder / name)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    return folder


def find_programs():
    names = ("tintyped", "tintype-sync", "tintype")
    return [BUILD / name for name in names if (BUILD / name).exists()]


# Daemons are started from these two folders: the sources and the build, or their copy.
TREE = copy_tree(ROOT, find_programs()) if IS_ROOT else ROOT
PROGRAMS = TREE / "build" if IS_ROOT else BUILD
