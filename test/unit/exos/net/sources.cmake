# lwIP as it is in exos.img, but for the host and instrumented; its pools and its port are ours.
set(LWIP_DIR ${EXOS_DEPS}/lwip)
set(lwip_src ${LWIP_DIR}/src)
file(GLOB lwip_sources ${lwip_src}/core/*.c ${lwip_src}/core/ipv4/*.c)
list(REMOVE_ITEM lwip_sources ${lwip_src}/core/memp.c)
if(NOT TARGET lwip_host)
    include(${CMAKE_SOURCE_DIR}/exos/net/port/lwip.cmake)
    add_library(lwip_host STATIC EXCLUDE_FROM_ALL ${lwip_sources} ${lwip_src}/netif/ethernet.c)
    target_include_directories(lwip_host PRIVATE ${CMAKE_SOURCE_DIR}/exos/net/port/libc)
    target_include_directories(lwip_host PUBLIC ${CMAKE_SOURCE_DIR}/exos/net/port ${CMAKE_SOURCE_DIR}/exos)
    target_include_directories(lwip_host SYSTEM PUBLIC ${lwip_src}/include)
    target_compile_options(lwip_host PRIVATE -w -O1 -g -fno-strict-aliasing -fno-omit-frame-pointer
        -fsanitize=address,undefined -fno-sanitize-recover=undefined)
endif()

set(exos_ipc exos/ipc/channel.c exos/ipc/pipe.c exos/ipc/eventfd.c exos/ipc/poll.c exos/ipc/epoll.c exos/ipc/install.c exos/ipc/unix.c
    exos/ipc/unix_name.c exos/ipc/unix_conn.c exos/ipc/unix_dgram.c exos/ipc/msgq.c exos/ipc/scm.c
    exos/abi/ipc_pipe.c exos/abi/ipc_poll.c exos/abi/ipc_select.c exos/abi/ipc_epoll.c exos/abi/ipc_wait.c)
set(exos_net exos/net/slab.c exos/net/chksum.c exos/net/netif.c exos/net/config.c exos/net/inet.c exos/net/inet_opt.c exos/net/facts.c exos/net/ifioctl.c exos/net/sock.c
    exos/net/sockopt.c exos/net/netlink.c exos/net/netlink_route.c exos/net/tcp_sock.c exos/net/tcp_conn.c exos/net/tcp_recv.c exos/net/tcp_send.c exos/net/tcp_opt.c
    exos/net/dgram.c exos/net/dgram_local.c exos/net/port/memp.c exos/net/port/sys.c
    exos/abi/net_addr.c exos/abi/net_sock.c exos/abi/net_msg.c exos/abi/net_scm.c exos/abi/net_meta.c exos/abi/net_opt.c)
