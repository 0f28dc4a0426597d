# The real file system over images made by mke2fs. Damaged images: test/fuzz/fs.c.
include(${CMAKE_CURRENT_LIST_DIR}/sources.cmake)
foreach(test quick rights read random limits names bitmap crash seals notify xattr memory errors gen)
    exos_unit_test(exos/fs/${test} SOURCES ${fs_sources} ${fs_host_sources} INCLUDES test/fake/exos/user test)
endforeach()
