"""Web servers under load from the host: wrk against our httpd, and against Debian's nginx on both systems."""
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request

import apps
import guest
from common import OUT, Failure

GROUP = "HTTP"
SIZES = {"1 KB": 1024, "10 KB": 10240, "100 KB": 102400}
CONNECTIONS, SECONDS = 10, 2
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


def files():
    """The pages and nginx's configuration, for the disk."""
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


def wait_for(process, port):
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url(port, 1024), timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise Failure("the web server did not answer")


def check(port, size):
    """What comes is what is on the disk."""
    with urllib.request.urlopen(url(port, size), timeout=20) as answer:
        if answer.read() != content(size):
            raise Failure(f"the web server answered {size} bytes with something else")


def wrk(address):
    return ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{SECONDS}s", address]


def load(port, size):
    """Nanoseconds per request; None when any of them failed."""
    said = subprocess.run(wrk(url(port, size)), capture_output=True, text=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    errors = re.search(r"Socket errors|Non-2xx", said)
    return 1e9 / float(rate[1]) if rate and float(rate[1]) and not errors else None


def times(side, runs):
    """{size: nanoseconds per request of each run}"""
    port = free_port()
    process = subprocess.Popen(guest.arguments(side, command(side), *apps.disk(), *files(), "--forward", f"{port}:80"), env=guest.environment(),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(process, port)
        out = {}
        for name, size in SIZES.items():
            check(port, size)
            values = [load(port, size) for _ in range(runs)]
            if None not in values:
                out[name] = values
        return out
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
