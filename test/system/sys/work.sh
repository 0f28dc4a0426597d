#!/bin/bash
# What programs read of the machine, in /sys and through it: the same machine is described in the same words on ExOS and on Linux.
set -u
cd /root || exit 1

title()
{
    echo "--- $*"
}

# Each named file of a directory, by name.
values()
{
    local dir=$1 name
    shift
    for name; do echo "$name: $(cat "$dir/$name")"; done
}

title processors
lscpu | grep -E '^ *(Architecture|CPU op|Address|Byte|CPU\(s\)|On-line|Vendor|Model|CPU family|Thread|Core|Socket|Stepping|L1|L2|NUMA)' | sed 's/:  */: /'
nproc
for flag in fpu sse sse2 avx avx2 aes cx16 popcnt fsgsbase bmi2 xsave pku nothing; do
    grep -m 1 ^flags /proc/cpuinfo | grep -qw "$flag" && echo "$flag"
done
grep -E '^(processor|physical id|siblings|core id|cpu cores|apicid|clflush size|address sizes)' /proc/cpuinfo

title topology
lscpu -e=CPU,NODE,SOCKET,CORE,ONLINE
lscpu -C=NAME,ONE-SIZE,WAYS,TYPE,LEVEL,SETS,COHERENCY-SIZE
values /sys/devices/system/cpu possible present online offline
for cpu in /sys/devices/system/cpu/cpu[0-9]*; do
    echo "$cpu"
    values "$cpu/topology" physical_package_id core_id thread_siblings thread_siblings_list core_siblings core_siblings_list package_cpus_list
    readlink "$cpu/node0"
    for cache in "$cpu"/cache/index*; do
        echo "$cache"
        values "$cache" level type size coherency_line_size ways_of_associativity number_of_sets
        [ "$(cat "$cache/level")" = 3 ] || values "$cache" shared_cpu_map shared_cpu_list       # Linux does not know whose this CPU's third level is
    done
done

title memory
values /sys/devices/system/node online possible has_cpu has_memory
values /sys/devices/system/node/node0 cpulist cpumap distance
ls -d /sys/devices/system/node/node0/cpu? && readlink /sys/devices/system/node/node0/cpu1
grep -c 'Node 0 Mem[TFU]' /sys/devices/system/node/node0/meminfo
cat /sys/kernel/mm/transparent_hugepage/hpage_pmd_size
tr -d '[]' </sys/kernel/mm/transparent_hugepage/enabled

title disks
lsblk -bo NAME,MAJ:MIN,RM,SIZE,RO,TYPE,MOUNTPOINTS
lsblk -no NAME,FSTYPE,PHY-SEC,LOG-SEC /dev/vda | awk '{ print $1, $NF }'
ls /sys/block /sys/class/block /sys/dev/block
values /sys/block/vda dev size ro removable range hidden alignment_offset
values /sys/block/vda/queue logical_block_size physical_block_size hw_sector_size minimum_io_size optimal_io_size zoned write_cache
cat /sys/block/vda/uevent | grep -v SEQ
wc -w </sys/block/vda/stat
cat /proc/partitions
awk '{ print $1, $2, $3, ($4 > 0), NF }' /proc/diskstats
stat -c %Hd:%Ld /
findmnt -no SOURCE,FSTYPE,MAJ:MIN /
[ "$(cat /sys/dev/block/254:0/size)" = "$(blockdev --getsz /dev/vda)" ] && echo the same size

title interfaces
ls /sys/class/net
values /sys/class/net/eth0 address addr_len addr_assign_type broadcast dev_id dev_port dormant flags ifalias ifindex iflink link_mode mtu tx_queue_len type uevent
values /sys/class/net/lo address addr_len addr_assign_type broadcast flags ifindex iflink operstate tx_queue_len type
for n in rx_bytes rx_packets rx_errors rx_dropped tx_bytes tx_packets tx_errors tx_dropped collisions multicast; do
    [[ $(cat /sys/class/net/eth0/statistics/$n) =~ ^[0-9]+$ ]] && echo $n
done
basename "$(readlink /sys/class/net/eth0)" && basename "$(readlink -f /sys/class/net/lo/subsystem)"

title terminals
for name in console tty ptmx; do
    values /sys/class/tty/$name dev uevent
    readlink /sys/class/tty/$name
done
basename "$(readlink /sys/dev/char/5:2)"

title paths
cd /sys/class/net/lo/statistics && pwd -P && /bin/pwd && cd ../.. && /bin/pwd
cd /sys/devices/system/cpu/cpu0/topology && /bin/pwd && cd /root
realpath /sys/class/tty/tty/subsystem
find /sys/devices/system/cpu/cpu1/topology /sys/devices/system/cpu/cpu1/cache -name '*_list' | grep -v cluster | sort
stat -c '%A %h %s %F' /sys/block/vda/size /sys/block/vda/queue /sys/class/net/lo /sys/devices/system/node/online
stat -f -c %T /sys /proc
cat /sys/nothing /sys/block/vdz/size /sys/devices/system/cpu/cpu2/online
cat /sys/class
mkdir /sys/new
touch /sys/new
rmdir /sys/class
mv /sys/class /sys/other
ln -s a /sys/block/b
head -c 2 /sys/class/net/eth0/address; echo
exec 3</sys/block/vda/ro; cat <&3; cat <&3; exec 3<&-
grep -c . /sys/block/vda/size

title mounts
grep sysfs /proc/filesystems
awk '$2 == "/sys" { print $1, $2, $3 }' /proc/mounts
mkdir at && busybox mount -t sysfs none at && ls at/class/net && busybox umount at && ls at && rmdir at

title python
python3 - <<'END'
import os, socket, multiprocessing
print(os.cpu_count(), os.sysconf('SC_NPROCESSORS_CONF'), os.sysconf('SC_NPROCESSORS_ONLN'), multiprocessing.cpu_count())
print(sorted(os.listdir('/sys/class/net')), socket.if_nameindex())
print(os.path.realpath('/sys/class/net/lo'))
print(os.major(os.stat('/').st_dev), os.minor(os.stat('/').st_dev))
END

title end
