exos_unit_test(exos/tty/tty SOURCES exos/tty/tty.c test/fake/exos/plain.c INCLUDES test)
