# Devices: partition tables, slots and block queues, filters, packet rings. kernel.c is the kernel under them.
include(${CMAKE_CURRENT_LIST_DIR}/sources.cmake)
set(slot_sources aegis/dev/slot.c aegis/dev/slot_scan.c aegis/dev/slot_table.c aegis/dev/slot_edit.c aegis/dev/slot_op.c
    aegis/dev/slot_calls.c aegis/dev/gpt.c aegis/dev/crc32.c)

exos_unit_test(aegis/dev/gpt SOURCES aegis/dev/gpt.c aegis/dev/crc32.c)
exos_unit_test(aegis/dev/blockq SOURCES aegis/dev/blockq.c aegis/dev/blockq_check.c aegis/dev/common.c aegis/dev/disk.c
    ${slot_sources} ${fake_kernel} ${fake_devices})
exos_unit_test(aegis/dev/slot SOURCES aegis/dev/blockq.c aegis/dev/blockq_check.c aegis/dev/common.c aegis/dev/disk.c
    ${slot_sources} ${fake_kernel} test/fake/aegis/dev/slot_disk.c ${fake_devices})
exos_unit_test(aegis/dev/slot_table SOURCES aegis/dev/slot_table.c aegis/dev/slot_edit.c aegis/dev/crc32.c
    ${fake_kernel} ${fake_devices})
exos_unit_test(aegis/dev/power_cut SOURCES aegis/dev/blockq.c aegis/dev/blockq_check.c aegis/dev/common.c aegis/dev/disk.c
    ${slot_sources} ${fake_kernel} test/fake/aegis/dev/slot_disk.c ${fake_devices})
exos_unit_test(aegis/dev/filter SOURCES ${filter_sources} test/fake/aegis/dev/rings.c ${fake_kernel} ${fake_devices})
exos_unit_test(aegis/dev/ring SOURCES aegis/dev/ring.c aegis/dev/ring_tx.c aegis/dev/nic.c
    ${filter_sources} aegis/dev/common.c ${fake_kernel} ${fake_devices})
