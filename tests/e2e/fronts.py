"""The four web servers that tintyped can stand behind, each with the file that deploy/ ships for it.

This file says how each gets its ports and paths, and how it is told to stop and to read its configuration
again. Nothing else of the files is changed, so the tests run what an operator gets:

    lighttpd            takes them from the environment, as deploy/run.sh sets it
    Apache              takes them from Define on the command line, over the defaults in the files
    nginx               has no variables in these places, so the texts that its file lists are replaced

When root starts them, Apache and nginx become www-data, as their files say, and lighttpd is started in tintyped's
account, as by `make run`. What they serve and start is copied to where these can read it.
"""

import os
import shutil
import signal
from pathlib import Path

from account import AS_OWNER, IS_ROOT, OWNER, TREE

DEPLOY = TREE / "deploy"
SERVED_AS = "www-data"  # The shipped files and Debian have this user.
BODY_MAX_BYTES = 26214400
SBIN = os.environ["PATH"] + ":/usr/sbin"
LIGHTTPD = shutil.which("lighttpd", path=SBIN)


def lighttpd_variables(port, folder, listen, max_body_bytes=BODY_MAX_BYTES, base_path="/api"):
    return {"PORT": str(port), "WWW_DIR": str(TREE / "www"), "STATE_DIR": str(folder),
            "API_PATH": base_path, "API_SOCKET": str(listen),
            "BODY_KIB": str(max_body_bytes // 1024 + 1024)}


class Front:
    """A front is one web server for one service (a Server of support.py): its command line, environment and
    signals."""

    starts_tintyped = False
    stop_signal = signal.SIGTERM
    reload_signal = signal.SIGUSR1
    lost_by_reload = ()  # The statuses of requests that a reload may cost.
    started = ""  # It logs this once it has read its configuration.
    environment = {}
    account = {}  # subprocess's options that start it in an account
    user = SERVED_AS  # whose the socket is to be, when root starts it

    def __init__(self, server):
        self.server = server
        self.folder = server.folder / "front"

    def prepare(self):
        """Makes a folder that the web server may write to, and copies there what it serves and starts."""
        self.folder.mkdir(exist_ok=True)
        shutil.copytree(TREE / "www", self.folder / "www", dirs_exist_ok=True)
        if IS_ROOT:
            self.server.folder.chmod(0o711)
            shutil.chown(self.folder, SERVED_AS, SERVED_AS)

    def generation(self):
        """Returns something that is different after each reload."""
        return self.server.read_log().count(self.started)

    def has_reloaded(self, before):
        """Tells whether a reload since that generation is over."""
        return self.generation() != before

    def read_log(self):
        log = self.folder / "error.log"
        return log.read_text(errors="replace") if log.exists() else ""


class Lighttpd(Front):
    config = DEPLOY / "lighttpd.conf"
    started = "server started"
    account = AS_OWNER
    user = OWNER.pw_name

    def command(self):
        self.environment = lighttpd_variables(
            self.server.port, self.server.folder, self.server.listen,
            int(self.server.config["server"].get("max_body_bytes", BODY_MAX_BYTES)),
            self.server.config["server"].get("base_path", "/api"))
        return [LIGHTTPD, "-D", "-f", self.config]


class Apache(Front):
    started = "resuming normal operations"

    def defines(self):
        return {"TINTYPE_PORT": self.server.port, "TINTYPE_RUN": self.folder,
                "TINTYPE_WWW": self.folder / "www"}

    def command(self):
        self.prepare()
        defines = [word for name, value in self.defines().items()
                   for word in ("-C", f"Define {name} {value}")]
        return [shutil.which("apache2", path=SBIN), "-D", "FOREGROUND", "-D", "TintypeAlone",
                "-f", self.config, *defines]


class ApacheProxyFcgi(Apache):
    config = DEPLOY / "apache-proxy-fcgi.conf"

    def defines(self):
        return super().defines() | {"TINTYPE_SOCKET": self.server.listen}


class ApacheFcgid(Apache):
    config = DEPLOY / "apache-fcgid.conf"
    starts_tintyped = True
    # A reload sends SIGTERM to a process that has not come to its first instruction yet, so it cannot hold it off.
    lost_by_reload = (500, 503)

    @property
    def program(self):
        return self.folder / "tintyped"

    def prepare(self):
        super().prepare()
        shutil.copy(self.server.program, self.program)
        if IS_ROOT:
            for path in (self.program, self.server.config_path, self.server.storage):
                shutil.chown(path, SERVED_AS, SERVED_AS)

    def defines(self):
        return super().defines() | {"TINTYPE_PROGRAM": self.program,
                                    "TINTYPE_CONFIG": self.server.config_path}


class Nginx(Front):
    stop_signal = signal.SIGQUIT
    reload_signal = signal.SIGHUP

    def generation(self):
        """Returns its workers, because at this level nginx logs nothing of a reload."""
        pid = self.server.front_process.pid
        return Path(f"/proc/{pid}/task/{pid}/children").read_text()

    def has_reloaded(self, before):
        """A worker of before may have accepted a connection that it closes unanswered when it leaves."""
        return not set(before.split()) & set(self.generation().split())

    def command(self):
        self.prepare()
        text = (DEPLOY / "nginx.conf").read_text()
        for shipped, here in (("127.0.0.1:8080", f"127.0.0.1:{self.server.port}"),
                              ("/usr/local/share/tintype/www", self.folder / "www"),
                              ("/run/tintype/tintyped.sock", self.server.listen),
                              ("/run/nginx.pid", self.folder / "pid"),
                              ("/var/log/nginx", self.folder), ("/var/lib/nginx", self.folder)):
            assert shipped in text
            text = text.replace(shipped, str(here))
        config = self.folder / "nginx.conf"
        config.write_text(text)
        return [shutil.which("nginx", path=SBIN), "-c", config, "-e", self.folder / "error.log",
                "-g", "daemon off;"]


FRONTS = {"lighttpd": Lighttpd, "nginx": Nginx, "apache-proxy-fcgi": ApacheProxyFcgi,
          "apache-fcgid": ApacheFcgid}
