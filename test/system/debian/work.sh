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
sqlite3 db 'pragma journal_mode=wal; create table t(a, b); with recursive c(i) as (select 1 union all select i + 1 from c where i < 5000)
    insert into t select i, i * i from c; select count(*), sum(b) from t; pragma integrity_check;'
lua5.4 -e 'local t = {} for i = 1, 10000 do t[i] = i * i end print(#t, t[100], string.rep("x", 3))'
perl -e 'my $p = fork; if (!$p) { exit 7 } waitpid $p, 0; print $? >> 8, "\n"; print `echo backtick`; print join(",", sort { $b <=> $a } 1 .. 5), "\n"'
git init -q -b main repo && cd repo && git config user.name n && git config user.email e@x
seq 10 >file; git add file; git commit -qm one; seq 12 >file; git commit -qam two
git log --format=%s; git diff --stat HEAD~1 | tail -n 1; git fsck 2>&1 | grep -c error
cd .. && git clone -q repo clone && diff -r repo/file clone/file && echo cloned
cd clone; git checkout -q -b side; seq 13 >file; git commit -qam side; git checkout -q main; seq 0 12 >file; git commit -qam zero
git merge -q -m merged side; cat file | md5sum; git stash list | wc -l; git gc -q && git count-objects -v | grep packs; git push -q origin side; cd ..
git -C repo branch

title processes
sleep 1000 & p=$!
ps -o pid= -p $p | tr -d ' ' | grep -cx $p; ps -o stat=,comm= -p $p | tr + " "; pgrep -c -x sleep; pidof sleep | grep -cw $p
cat /proc/$p/comm; tr '\0' ' ' </proc/$p/cmdline; echo; readlink /proc/$p/exe; grep -c . /proc/$p/maps | grep -c .
kill -STOP $p; sleep 0.1; ps -o stat= -p $p | tr -d +; kill -CONT $p; pkill -x sleep; wait $p; echo $?
ps -e -o pid=,ppid= | awk '$1 == 1 { print }'
free -m | awk '{ print $1 }' | tail -n 2; uptime -p | grep -c up; top -b -n 1 | sed -n 7p
nice -n 5 nice; (ulimit -n 64; ulimit -n); (umask 027; umask); vmstat | sed -n 2p
setsid sh -c 'ps -o sid= -p $$ | tr -d " " | grep -cx $$'
diff <(seq 5) <(seq 5) && diff <(seq 5) <(seq 6); stat -Lc %F /dev/fd/0 </dev/null; true | stat -Lc %F /dev/stdin; true | test -r /dev/stdin && echo readable

title busybox
cat >b.sh <<'B'
set -e
i=0; while [ $i -lt 50 ]; do i=$((i + 1)); done; echo $i
f() { local x=$1; echo "f $x"; return 4; }; f 1 || echo $?
case abc in a*) echo star;; esac; echo ${HOME##*/} ${UNSET:-unset}
echo one | { read x; echo "<$x>"; }; x=$(ls /proc/self/fd | wc -l); [ $x -ge 3 ] && echo fds
trap 'echo bye' EXIT; (exit 5) || echo $?
printf '%s\n' c b a | sort | uniq | tr '\n' ,; echo
B
busybox sh b.sh; busybox ash -c 'echo $0 "$@"' zero 1 2; seq 1 500 | busybox awk '{ s += $1 } END { print s }'
busybox tar cf - tree | busybox gzip | busybox zcat | busybox tar tf - | wc -l; busybox find tree -name f | busybox xargs busybox md5sum | busybox wc -l
title end
