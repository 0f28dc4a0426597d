# The real file system, and the host under it: a block device that is a file or memory.
file(GLOB fs_sources RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/exos/fs/*.c ${CMAKE_SOURCE_DIR}/exos/abi/fs_*.c)
list(APPEND fs_sources exos/base/cpu.c exos/vm/region.c exos/proc/caps.c)
set(fs_host_sources test/fake/exos/fs_host.c test/fake/exos/oracle.c)
