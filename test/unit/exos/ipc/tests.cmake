exos_unit_test(exos/ipc/ipc SOURCES
    test/fake/exos/coop.c
    exos/ipc/channel.c exos/ipc/pipe.c exos/ipc/eventfd.c exos/ipc/poll.c exos/ipc/epoll.c exos/ipc/install.c exos/ipc/unix.c
    exos/net/sock.c
    exos/abi/ipc_pipe.c exos/abi/ipc_poll.c exos/abi/ipc_select.c exos/abi/ipc_epoll.c exos/abi/ipc_wait.c
    exos/abi/net_addr.c exos/abi/net_sock.c exos/abi/net_msg.c
    INCLUDES test)
