# Devices: partition tables, slots and block queues, filters, packet rings. kernel.c is the kernel under them.
set(fake_devices INCLUDES test/fake/aegis)

exos_unit_test(aegis/dev/gpt SOURCES aegis/dev/gpt.c)
exos_unit_test(aegis/dev/blockq SOURCES aegis/dev/blockq.c aegis/dev/blockq_check.c aegis/dev/common.c aegis/dev/disk.c
    aegis/dev/slot.c aegis/dev/gpt.c test/fake/aegis/dev/kernel.c ${fake_devices})
