exos_unit_test(exos/proc/elf SOURCES exos/proc/elf_check.c INCLUDES test)
exos_unit_test(exos/proc/script SOURCES exos/proc/script.c INCLUDES test)
exos_unit_test(exos/proc/args SOURCES exos/proc/args.c INCLUDES test)
exos_unit_test(exos/proc/sigqueue SOURCES exos/proc/sigqueue.c INCLUDES test)
