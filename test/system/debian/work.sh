#!/bin/bash
# Work as people do it, whose output says nothing about the machine: it must be the same on ExOS and on Linux.
set -u
cd "$(mktemp -d)" || exit 1

title()
{
    echo "--- $*"
}

title shell
x=$(printf 'b\na\nc\n' | sort | tr '\n' ' '); echo "$x"
(exit 3); echo $?
trap 'echo usr1' USR1; kill -USR1 $$
cat <<< "here" | tr a-z A-Z
for i in {1..20}; do (exit $i) & done; wait; echo waited
coproc cat; echo through >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"
kill "$COPROC_PID" 2>/dev/null
mapfile -t lines < <(seq 3); echo "${lines[@]}"
timeout 1 sleep 10; echo $?
set -o pipefail; false | true; echo $?

title text
seq 1 1000 | awk '{ s += $1 } END { print s }'
seq 1 100 | grep -c 7
echo 'a-b-c' | sed 's/-/+/g; s/b/B/'
printf '1 x\n2 y\n' >l; printf '1 p\n2 q\n' >r; join l r | column -t 2>/dev/null || join l r
diff l r; echo $?
seq 1 30000 | md5sum

title files
mkdir -p tree/{a,b}/{c,d}; for d in tree/*/*; do seq 1 200 >"$d/f"; done
find tree -type f | sort
find tree -name f -exec wc -l {} + | tail -n 1
tar cf - tree | gzip -9 | gunzip | tar tf - | wc -l
tar cJf t.tar.xz tree && tar xJf t.tar.xz -O tree/a/c/f | tail -n 1
ln -s tree/a link; ls -l link | awk '{ print $1, $9, $10, $11 }'
chmod 4750 l; stat -c '%a %s %h %F' l
cp -a tree copy; diff -r tree copy && echo same
find copy -delete; ls -d copy 2>&1 | sed 's/.*: //'
mkfifo p; (seq 5 >p &); cat p | tail -n 1
truncate -s 1M sparse; stat -c '%s %b' sparse
touch -d '2020-02-02 02:02:02 UTC' dated; date -u -r dated +%F.%T

title programs
printf 'all: x\nx: y\n\tcp y x\ny:\n\techo made >y\n' >Makefile; make; cat x
printf '#include <stdio.h>\nint main(int c, char **v) { printf("%%d %%s\\n", 6 * 7, v[c - 1]); return 5; }\n' >m.c
tcc -o m m.c && ./m word; echo $?
sqlite3 db 'pragma journal_mode=wal; create table t(a, b); with recursive c(i) as (select 1 union all select i + 1 from c where i < 5000)
    insert into t select i, i * i from c; select count(*), sum(b) from t; pragma integrity_check;'
lua5.4 -e 'local t = {} for i = 1, 10000 do t[i] = i * i end print(#t, t[100], string.rep("x", 3))'
perl -e 'my $p = fork; if (!$p) { exit 7 } waitpid $p, 0; print $? >> 8, "\n"; print `echo backtick`; print join(",", sort { $b <=> $a } 1 .. 5), "\n"'
git init -q -b main repo && cd repo && git config user.name n && git config user.email e@x
seq 10 >file; git add file; git commit -qm one; seq 12 >file; git commit -qam two
git log --format=%s; git diff --stat HEAD~1 | tail -n 1; git fsck 2>&1 | grep -c error
cd .. && git clone -q repo clone && diff -r repo/file clone/file && echo cloned

title python
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
