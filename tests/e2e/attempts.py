"""Attempts of a taken-over process, made inside a real daemon by tests/drivers/attempts.c."""

import errno
import os
import shutil

from account import BUILD, give
from support import wait_for

LIBRARY = BUILD / "drivers" / "attempts.so"
LAST = "execute a program"
# A filter says EPERM, and Landlock EACCES or, of a link between folders, EXDEV. Without clone3 the C library
# goes on with clone.
DENIED = {errno.EPERM, errno.EACCES, errno.EXDEV, errno.ENOSYS}


class Attempts:
    """Prepares a folder, which is to be the working directory of a daemon. With .environment the daemon's
    process that calls the function `at` makes its attempts there, and reports to a file in `report_folder`."""

    def __init__(self, at, folder, report_folder):
        self.report = report_folder / "attempts"
        self.folder = folder
        for name, make in (("victim", lambda path: path.write_text("precious")), ("empty", os.mkdir)):
            make(folder / name)
            give(folder / name)
        # The account must be able to read the library, wherever the sources are.
        library = folder / "attempts.so"
        shutil.copy(LIBRARY, library)
        library.chmod(0o755)
        self.environment = {"LD_PRELOAD": str(library), "ATTEMPTS_AT": at, "ATTEMPTS_REPORT": str(self.report)}

    def read(self):
        lines = self.report.read_text().strip("\0").splitlines() if self.report.exists() else []
        return {name: int(number) for name, number in (line.split("\t") for line in lines)}

    def wait(self, last=LAST):
        """Waits for the last attempt. Returns {name: errno} of all, 0 for one that was let."""
        wait_for("the attempts", lambda: last in self.read())
        return self.read()

    def check_folder(self):
        """Checks that nothing was changed in the folder."""
        assert (self.folder / "victim").read_text() == "precious"
        assert (self.folder / "empty").is_dir()
        for name in ("made", "folder", "symbolic", "pipe", "linked", "victim.renamed", "leaked", "socket"):
            assert not (self.folder / name).is_symlink() and not (self.folder / name).exists(), name


def denied(found):
    return {name for name, number in found.items() if number in DENIED}
