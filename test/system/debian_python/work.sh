#!/bin/bash
# What Python programs do; its output says nothing about the machine.
set -u
cd "$(mktemp -d)" || exit 1

title()
{
    echo "--- $*"
}

title os
python3 - <<'PY'
import hashlib, json, mmap, multiprocessing, os, select, signal, socket, struct, subprocess, sys, tempfile, zlib
print(sys.version_info[:2], hashlib.sha256(b"x" * 100000).hexdigest()[:16], zlib.crc32(b"abc"))
a, b = socket.socketpair()
if os.fork() == 0:
    a.close(); b.sendall(b"from the child"); os._exit(4)
b.close(); print(a.recv(99), os.wait()[1] >> 8)
print(subprocess.run(["sh", "-c", "echo out; echo err >&2; exit 9"], capture_output=True))
with tempfile.TemporaryFile() as f:
    f.truncate(8192); m = mmap.mmap(f.fileno(), 8192); m[4000:4010] = b"0123456789"; m.flush(); f.seek(4000); print(f.read(10))
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); c = socket.create_connection(s.getsockname())
d, _ = s.accept(); d.sendall(b"y" * 300000); d.close()
n = 0
while True:
    got = c.recv(65536)
    if not got: break
    n += len(got)
print(n)
r, w = os.pipe(); print(select.select([r], [w], [], 0)[1] == [w])
signal.signal(signal.SIGALRM, lambda *_: print("alarm")); signal.setitimer(signal.ITIMER_REAL, 0.01); signal.pause()
m = mmap.mmap(-1, 4096)
if os.fork() == 0:
    m[0:4] = struct.pack("I", 77); os._exit(0)
os.wait(); print(struct.unpack("I", m[0:4])[0])
print(json.dumps({"list": list(range(3)), "text": "\u00fc"}))
PY

title users
python3 - <<'PY'
import os
os.setgroups([5, 100]); print(sorted(os.getgroups()))
open("f", "w").write("readable"); os.chown("f", 1, 100); os.chmod("f", 0o640)
def as_user(groups, what):
    os.setgroups(groups)
    if os.fork() == 0:
        os.setresgid(1000, 1000, 1000); os.setresuid(1000, 1000, 1000)
        try: print(what())
        except OSError as e: print(e)
        os._exit(0)
    os.wait()
as_user([5, 100], lambda: open("f").read())
as_user([5], lambda: open("f").read())
as_user([], lambda: os.setgroups([1]))
as_user([], lambda: os.chown("f", -1, 5))
def refused(call, *args):
    try: print(call(*args))
    except OSError as e: print(e)
for tid in 0, -1, 12345678: refused(os.sched_getscheduler, tid)
for policy in 0, 1, 4, 77: refused(os.sched_get_priority_max, policy)
refused(os.sched_setscheduler, 0, 0, os.sched_param(3)); refused(os.sched_setscheduler, 0, 77, os.sched_param(0))
refused(os.sched_setparam, -1, os.sched_param(0)); refused(os.sched_setaffinity, -1, [0]); refused(os.sched_getaffinity, -1)
PY

title threading
cat >threads.py <<'PY'
import concurrent.futures, queue, threading

tasks, squares = queue.Queue(), []
def worker():
    while (i := tasks.get()) is not None:
        squares.append(i * i)
        tasks.task_done()
workers = [threading.Thread(target=worker) for _ in range(4)]
for t in workers: t.start()
for i in range(200): tasks.put(i)
tasks.join()
for t in workers: tasks.put(None)
for t in workers: t.join()
print("queue", sum(squares))
lock, count = threading.Lock(), [0]
def increment():
    for _ in range(2000):
        with lock: count[0] += 1
workers = [threading.Thread(target=increment) for _ in range(8)]
for t in workers: t.start()
for t in workers: t.join()
print("lock", count, lock.acquire(), lock.acquire(timeout=0.05))
event = threading.Event()
threading.Timer(0.05, event.set).start()
print("event", event.wait(10))
condition = threading.Condition()
with condition: print("condition", condition.wait(0.05))
barrier, passed = threading.Barrier(3), []
workers = [threading.Thread(target=lambda: (barrier.wait(), passed.append(1))) for _ in range(3)]
for t in workers: t.start()
for t in workers: t.join()
print("barrier", len(passed))
with concurrent.futures.ThreadPoolExecutor(4) as pool: print("pool", sum(pool.map(lambda x: x * x, range(100))))
with concurrent.futures.ProcessPoolExecutor(2) as pool: print("processes", sum(pool.map(abs, range(-20, 0))))
def deep(n): return 0 if n == 0 else 1 + deep(n - 1)
threading.stack_size(1 << 20)
t = threading.Thread(target=lambda: print("deep", deep(500)))
t.start(); t.join()
try: threading.Thread(target=lambda: 1 / 0).start()
finally: print("alive", threading.active_count() >= 1)
PY
python3 threads.py 2>/dev/null

title multiprocessing
cat >processes.py <<'PY'
import multiprocessing, os, signal
from multiprocessing import shared_memory

def square(x): return x * x
def put(q): q.put("from the child")
def add(v):
    for _ in range(100):
        with v.get_lock(): v.value += 1
def send(c): c.send([1, 2, {"x": 3}])
def die(): os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool: print("pool", pool.map(square, range(10)))
    for method in "fork", "spawn", "forkserver":
        c = multiprocessing.get_context(method)
        q = c.Queue()
        p = c.Process(target=put, args=(q,))
        p.start(); print(method, q.get()); p.join(); print(p.exitcode)
    v = multiprocessing.Value("i", 0)
    ps = [multiprocessing.Process(target=add, args=(v,)) for _ in range(3)]
    for p in ps: p.start()
    for p in ps: p.join()
    print("value", v.value)
    a, b = multiprocessing.Pipe()
    p = multiprocessing.Process(target=send, args=(b,))
    p.start(); print("pipe", a.recv()); p.join()
    with multiprocessing.Manager() as m:
        d = m.dict(); d["k"] = 5; print("manager", dict(d))
    s = shared_memory.SharedMemory(create=True, size=100)
    s.buf[0] = 7
    t = shared_memory.SharedMemory(name=s.name)
    print("shared memory", t.buf[0]); t.close(); s.close(); s.unlink()
    p = multiprocessing.Process(target=die); p.start(); p.join(); print("killed", p.exitcode)
PY
python3 processes.py

title asyncio
cat >tasks.py <<'PY'
import asyncio, os, signal

async def tick(n):
    await asyncio.sleep(0.01 * n)
    return n
async def serve(r, w):
    w.write((await r.readline()).upper()); await w.drain(); w.close()
async def ask(port, i):
    r, w = await asyncio.open_connection("127.0.0.1", port)
    w.write(b"hello %d\n" % i)
    answer = await r.read(); w.close()
    return answer
async def main():
    print("gather", await asyncio.gather(*[tick(i) for i in range(5)]))
    s = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(await asyncio.gather(*[ask(s.sockets[0].getsockname()[1], i) for i in range(10)]))
    s.close()
    u = await asyncio.start_unix_server(serve, "socket")
    r, w = await asyncio.open_unix_connection("socket")
    w.write(b"unix\n"); print(await r.read()); w.close(); u.close()
    p = await asyncio.create_subprocess_exec("sh", "-c", "cat; exit 3", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    out, _ = await p.communicate(b"through"); print(out, p.returncode)
    try: await asyncio.wait_for(asyncio.sleep(10), 0.05)
    except asyncio.TimeoutError: print("timeout")
    print("thread", await asyncio.to_thread(lambda: 6 * 7))
    event = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, event.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.wait_for(event.wait(), 10); print("signal")
asyncio.run(main())
PY
python3 tasks.py

title sockets
python3 - <<'PY'
import http.server, select, socket, socketserver, threading, urllib.request
class Upper(socketserver.StreamRequestHandler):
    def handle(self): self.wfile.write(self.rfile.readline().upper())
with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Upper) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for i in range(5):
        with socket.create_connection(server.server_address) as s:
            s.sendall(b"line %d\n" % i); print(s.makefile().read().strip())
    server.shutdown()
open("page", "w").write("a page\n" * 10000)
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_): pass
web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
threading.Thread(target=web.serve_forever, daemon=True).start()
url = "http://127.0.0.1:%d/" % web.server_port
print(len(urllib.request.urlopen(url + "page").read()))
try: urllib.request.urlopen(url + "none")
except urllib.error.HTTPError as e: print(e.code)
u, v = socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)
u.bind(("127.0.0.1", 0)); v.sendto(b"datagram", u.getsockname()); print(u.recvfrom(100)[0])
p = select.epoll(); p.register(u, select.EPOLLIN); print(p.poll(0.05)); v.sendto(b"x", u.getsockname()); print(len(p.poll(10)))
pairs = [socket.socketpair() for _ in range(450)]
many = select.epoll(900)
for a, b in pairs: many.register(a, select.EPOLLOUT); many.register(b, select.EPOLLOUT | select.EPOLLONESHOT)
for most in 900, 900, 100:
    got = [fd for fd, _ in many.poll(1, most)]; print(len(got), len(set(got)))
s = socket.socket(); s.settimeout(0.05); s.bind(("127.0.0.1", 0)); s.listen()
try: s.accept()
except TimeoutError as e: print(e)
try: socket.create_connection(("127.0.0.1", 1))
except ConnectionRefusedError as e: print(e)
PY
title end
