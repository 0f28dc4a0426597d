#!/bin/bash
# guest.sh SUITE UNIT...: runs units of a suite in the guest, each between two lines that begin with @@.
# Its console output is what the host reads; a unit that takes too long is ended.

suite=$1
shift
limit_s=600

perl_unit()
{
    local switches
    switches=$(sed -n '1s/^#!.*perl *//p' "$1.t" | grep -o -- '-[tT]')
    /usr/bin/perl $switches "$1.t"
}

run_unit()
{
    case $suite in
        busybox) cd /root/suite/testsuite && SHELL=/bin/sh sh ./runtest "$1" ;;
        perl) cd /root/suite/t && perl_unit "$1" ;;
        python) cd /root/suite && python3 /root/python.py "$1" ;;
    esac
}

mkdir -p /root/suite
[ ! -e /root/suite.tar ] || tar -C /root/suite -xf /root/suite.tar
case $suite in
    busybox) cp /usr/bin/busybox /root/suite/ ;;
    perl)
        mkdir /root/suite/lib
        for from in /usr/share/perl/5.36 /usr/lib/x86_64-linux-gnu/perl/5.36 /usr/lib/x86_64-linux-gnu/perl-base; do
            cp -rsn "$(readlink -f "$from")/." /root/suite/lib
        done ;;
esac
export HOME=/root TMPDIR=/tmp LANG=C.UTF-8 limit_s suite
export -f run_unit perl_unit
for unit; do
    printf '\n@@ begin %s\n' "$unit"
    timeout -k 5 $limit_s bash -c 'run_unit "$1"' - "$unit" </dev/null 2>&1
    printf '\n@@ end %s %s\n' "$unit" $?
done
