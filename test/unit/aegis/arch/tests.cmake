# The pure parts of aegis/arch/x86_64: what loaders, firmware, keyboards and programs say.
exos_unit_test(aegis/arch/loader SOURCES aegis/arch/x86_64/multiboot2.c aegis/arch/x86_64/pvh.c
    aegis/arch/x86_64/cpio.c aegis/arch/x86_64/regions.c)
exos_unit_test(aegis/arch/acpi SOURCES aegis/arch/x86_64/acpi_read.c)
exos_unit_test(aegis/arch/screen SOURCES aegis/arch/x86_64/screen.c)
exos_unit_test(aegis/arch/input SOURCES aegis/arch/x86_64/keymap.c aegis/arch/x86_64/rtc.c)
