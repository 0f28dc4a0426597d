# Sockets over the real lwIP. Malformed frames: test/fuzz/net.c.
include(${CMAKE_CURRENT_LIST_DIR}/sources.cmake)
exos_unit_test(exos/net/net SOURCES test/fake/exos/coop.c test/fake/exos/mirror_nic.c ${exos_ipc} ${exos_net} INCLUDES test/fake/exos/user test
    LIBRARIES lwip_host)

exos_unit_test(exos/net/ring SOURCES test/fake/exos/coop.c test/fake/exos/mirror_nic.c test/fake/exos/ring_kernel.c exos/net/ring.c ${exos_ipc} ${exos_net}
    INCLUDES test/fake/exos/user test/fake/exos/kernel test LIBRARIES lwip_host)

exos_unit_test(exos/net/memory SOURCES test/fake/exos/coop.c exos/net/slab.c exos/net/chksum.c INCLUDES test/fake/exos/user test
    LIBRARIES lwip_host)
