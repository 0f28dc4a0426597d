exos_unit_test(exos/proc/elf SOURCES exos/proc/elf_check.c INCLUDES test)
