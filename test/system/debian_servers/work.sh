#!/bin/bash
# Servers and their clients; what is printed says nothing about the machine. The port of the host's web server is in /root/port.
set -u
cd "$(mktemp -d)" || exit 1

title()
{
    echo "--- $*"
}

port=$(cat /root/port)

title redis
redis-server --port 7777 --save '' --appendonly yes --dir . --daemonize yes --logfile log >/dev/null
until redis-cli -p 7777 ping 2>/dev/null; do sleep 0.1; done
cli()
{
    redis-cli -p 7777 "$@"
}
cli set a 1; cli incr a; cli lpush l x y z; cli lrange l 0 -1; cli hset h f v; cli hgetall h; cli expire a 100
cli eval 'return redis.call("get", "a") + 1' 0
cli subscribe channel >sub & s=$!
until [ "$(cli pubsub numsub channel | tail -n 1)" = 1 ]; do sleep 0.1; done
cli publish channel message; sleep 0.2; kill $s; wait $s 2>/dev/null; cat sub
printf 'set k%s v\n' {1..200} | redis-cli -p 7777 | sort | uniq -c; cli dbsize
cli bgsave; until [ "$(cli info persistence | tr -d '\r' | sed -n 's/rdb_bgsave_in_progress://p')" = 0 ]; do sleep 0.1; done; ls dump.rdb
redis-benchmark -p 7777 -n 1000 -c 10 -P 4 -q -t set,get,incr,lpush,lrange_100 | tr '\r' '\n' | grep 'per second' | cut -d : -f 1
cli bgrewriteaof; sleep 1; cli shutdown; sleep 0.5; grep -c 'ready to exit' log
redis-server --port 7777 --save '' --appendonly yes --dir . --daemonize yes --logfile log >/dev/null
until cli ping 2>/dev/null | grep -q PONG; do sleep 0.1; done; cli dbsize; cli get a; cli shutdown

title sqlite
sqlite3 db 'create table t(w, i);'
for w in 1 2 3 4; do
    { echo '.timeout 20000'; for i in $(seq 50); do echo "insert into t values($w, $i);"; done; } | sqlite3 db &
done
wait; sqlite3 db 'select w, count(*), sum(i) from t group by w; pragma integrity_check;'
sqlite3 db 'begin; delete from t; rollback; select count(*) from t; pragma journal_mode=wal;' 'create index x on t(w, i); vacuum;' 'select count(*) from t where w = 2;'

title curl
echo 'a file' >f; curl -s "file://$PWD/f"
curl -sS -o big -w '%{http_code} %{size_download}\n' "http://10.0.2.2:$port/big"; sha256sum big
curl -sS -I "http://10.0.2.2:$port/big" | head -n 1; curl -sS -r 10-19 "http://10.0.2.2:$port/big" | wc -c
for i in 1 2 3 4 5 6 7 8; do curl -sS "http://10.0.2.2:$port/big" | md5sum & done; wait
curl -sS --fail "http://10.0.2.2:$port/none"; echo $?; curl -s http://10.0.2.2:1/; echo $?
curl -s http://127.0.0.1:9/; echo $?
title end
