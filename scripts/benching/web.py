"""Web servers under load from the host: wrk against our httpd, and against Debian's nginx on both systems."""
import contextlib
import functools
import os
import re
import socket
import subprocess
import time
import urllib.request

import apps
import counting
import guest
from common import OUT, Failure, say

GROUP = "HTTP"
HERE = os.path.dirname(os.path.abspath(__file__))
SIDES = ("linked", "unmodified", "linux", "defaults")
SIZES = {"1 KB": 1024, "10 KB": 10240, "100 KB": 102400}
CONNECTIONS = {"time": 10, "instructions": 1}    # of ten, now these and now those are answered in one go, which no two runs do alike
SECONDS = {True: 1, False: 2}       # of each load: [quick]
START_S = 60

NGINX = """worker_processes 1;
error_log /tmp/nginx.log;
pid /tmp/nginx.pid;
events {}
http {
    access_log off;
    sendfile on;
    keepalive_requests 100000000;
    server { listen 80; root /srv/www; }
}
"""


def content(size):
    return (b"0123456789abcdef" * (size // 16))[:size]


@functools.cache
def files():
    """The pages and nginx's configuration, for the disk: made before steps run side by side."""
    os.makedirs(OUT, exist_ok=True)
    add = []
    for name, data in [(f"{n}.bin", content(n)) for n in SIZES.values()] + [("nginx.conf", NGINX.encode())]:
        path = os.path.join(OUT, name)
        with open(path, "wb") as f:
            f.write(data)
        add += ["--add", f"{path}:/srv/www/{name}"]
    return add


def command(side):
    """`linked` is our own server; the others are nginx."""
    return "httpd" if side == "linked" else "mkdir -p /var/log/nginx /var/lib/nginx; nginx -c /srv/www/nginx.conf -g 'daemon off;'"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def url(port, size):
    return f"http://127.0.0.1:{port}/{size}.bin"


def fetch(port, size, limit_s):
    with urllib.request.urlopen(url(port, size), timeout=limit_s) as answer:
        return answer.read()


def wait_for(process, port):
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return fetch(port, SIZES["1 KB"], 2)
        except OSError:
            time.sleep(0.2)
    raise Failure("the web server did not answer")


@contextlib.contextmanager
def server(side, *options):
    """The port on which a guest serves; what comes from there is what is on the disk."""
    port = free_port()
    with guest.started(side, command(side), *apps.disk(), *files(), "--forward", f"{port}:80", *options,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_for(process, port)
        for size in SIZES.values():
            if fetch(port, size, 20) != content(size):
                raise Failure(f"{side}: the web server answered {size} bytes with something else")
        yield port


def wrk(address, what, seconds):
    connections = str(CONNECTIONS[what])
    return ["wrk", "-t", connections, "-c", connections, "-d", f"{seconds}s", "-s", os.path.join(HERE, "connect.lua"), address, connections]


def load(side, port, size, what, quick):
    """(nanoseconds per request, how many) under load; None when any request failed, and what did is said."""
    said = subprocess.run(wrk(url(port, size), what, SECONDS[quick]), capture_output=True, text=True).stdout
    rate, done = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"(\d+) requests in", said)
    errors = re.search(r"(Socket errors|Non-2xx).*", said)
    if not errors and rate and float(rate[1]):
        return 1e9 / float(rate[1]), int(done[1])
    say(f"{side}: {size} bytes under load: {errors[0] if errors else 'nothing came'}")
    return None


def times(sides, runs, quick):
    """{side: {size: nanoseconds per request of each run}}. All sides wait beside each other and are asked in turn."""
    out = {s: {n: [] for n in SIZES} for s in sides}
    with contextlib.ExitStack() as stack:
        ports = {side: stack.enter_context(server(side)) for side in sides}
        for name, size in SIZES.items():
            for _ in range(runs):
                for side, port in ports.items():
                    done = load(side, port, size, "time", quick)
                    out[side][name].append(done and done[0])
    return out


def counted_load(side, port, size, quick, live):
    before = counting.live(live)
    done = load(side, port, size, "instructions", quick)
    return done and (counting.live(live) - before) / done[1]


def instructions(side, runs, quick):
    """{size: instructions per request of each run}"""
    with counting.file() as marks, counting.file() as live, server(side, *counting.options(marks, f"live={live}")) as port:
        return {name: [counted_load(side, port, size, quick, live) for _ in range(runs)] for name, size in SIZES.items()}
