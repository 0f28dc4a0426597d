#!/bin/sh
# apps.sh: in the guest: the applications, each warmed up once and then timed.
#
# usage: apps.sh RUNS LOOPS NAME...    prints "app NAME", what `bench --time` says, and a checksum of the result, per run
#        apps.sh do NAME               one of them: what is timed; its standard output is the result
#
# LOOPS is how many programs the shell starts.

here=/root/apps
result=/tmp/result

shell_loop()
{
    i=0
    while [ $i -lt $LOOPS ]; do
        /bin/true || exit 1
        i=$((i + 1))
    done
    echo $i
}

tar_tree()
{
    tar --sort=name --mtime=@0 --owner=0 --group=0 -C /usr/include -cf - .
}

compile()
{
    tcc -o /tmp/compiled $here/source/*.c && /tmp/compiled --help
}

sqlite()
{
    rm -f /tmp/bench.db
    sqlite3 /tmp/bench.db <$here/work.sql
}

redis()
{
    redis-benchmark -q -n 6000 -P 16 -t set,get,incr >/dev/null && redis-cli get counter:__rand_int__
}

find_grep()
{
    find /usr -type f | grep -c 'h$'
}

grep_tree()
{
    grep -r define /usr/include | sort | cksum
}

python_start()
{
    python3 -c 'print(1)'
}

lua_start()
{
    lua5.4 -e 'print(1)'
}

python_compute()
{
    python3 -c '
def compute():
    s = 0
    for i in range(200000): s += i * i % 7
    return s
print(compute())'
}

lua_compute()
{
    lua5.4 -e 'local s = 0 for i = 1, 500000 do s = s + i * i % 7 end print(s)'
}

# What must run beside it, and be gone afterwards.
before()
{
    case $1 in
        redis)
            redis-server --save '' --daemonize no --port 6379 >/tmp/redis.log 2>&1 &
            until redis-cli ping >/dev/null 2>&1; do sleep 0.1; done
            ;;
        compile) [ -d $here/source ] || { mkdir -p $here && tar -C $here -xf $here/source.tar; } ;;
    esac
}

after()
{
    case $1 in
        redis) redis-cli shutdown nosave; wait ;;
    esac
}

timed()
{
    # redis counts on: it begins anew, so that results are equal.
    [ "$1" != redis ] || redis-cli flushall >/dev/null
    bench.linux --time sh -c "exec sh $0 do $1 >$result"
}

if [ "$1" = do ]; then
    $2
    exit
fi
runs=$1
export LOOPS=$2
# Names in hash tables lie as they fall, by a random number: alike in every run, and no global ones where computing is measured.
export PYTHONHASHSEED=0
shift 2
for name; do
    before $name
    [ $name = shell_loop ] || timed $name >/dev/null
    n=0
    while [ $n -lt "$runs" ]; do
        said=$(timed $name)
        echo "app $name $said $(cksum <$result | tr ' ' -)"
        n=$((n + 1))
    done
    after $name
done
