# The real file system over images made by mke2fs, on a block device that is a host file.
file(GLOB fs_sources RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/exos/fs/*.c ${CMAKE_SOURCE_DIR}/exos/abi/fs_*.c)
list(APPEND fs_sources exos/vm/region.c exos/proc/caps.c)
foreach(test quick rights read random limits names bitmap fuzz crash seals notify xattr memory gen)
    exos_unit_test(exos/fs/${test} SOURCES ${fs_sources} test/fake/exos/fs_host.c test/fake/exos/oracle.c INCLUDES test/fake/exos/user test)
endforeach()
