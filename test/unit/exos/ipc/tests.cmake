set(ipc_sources
    test/fake/exos/coop.c test/fake/exos/no_inet.c
    exos/ipc/channel.c exos/ipc/pipe.c exos/ipc/fifo.c exos/ipc/eventfd.c exos/ipc/timerfd.c exos/thread/timer.c exos/ipc/poll.c exos/ipc/epoll.c exos/ipc/install.c exos/ipc/unix.c
    exos/ipc/unix_name.c exos/ipc/unix_conn.c exos/ipc/unix_dgram.c exos/ipc/msgq.c exos/ipc/scm.c
    exos/net/sock.c exos/net/sockopt.c
    exos/abi/ipc_pipe.c exos/abi/ipc_splice.c exos/abi/ipc_poll.c exos/abi/ipc_select.c exos/abi/ipc_epoll.c exos/abi/ipc_timerfd.c exos/abi/ipc_wait.c
    exos/abi/net_addr.c exos/abi/net_sock.c exos/abi/net_msg.c exos/abi/net_scm.c exos/abi/net_opt.c)

foreach(ipc_test ipc unix)
    exos_unit_test(exos/ipc/${ipc_test} SOURCES ${ipc_sources} INCLUDES test/fake/exos/user test)
endforeach()
exos_unit_test(exos/ipc/mqueue SOURCES test/fake/exos/coop.c test/fake/exos/no_inet.c exos/ipc/mqueue.c exos/base/format.c exos/thread/timer.c
    exos/ipc/install.c INCLUDES test/fake/exos/user test)
exos_unit_test(exos/ipc/sysv SOURCES test/fake/exos/coop.c test/fake/exos/no_inet.c exos/ipc/sysv.c exos/ipc/sysv_sem.c exos/ipc/sysv_semop.c exos/ipc/sysv_msg.c
    exos/thread/timer.c exos/ipc/install.c INCLUDES test/fake/exos/user test)
