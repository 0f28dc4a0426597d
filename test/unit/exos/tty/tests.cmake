exos_unit_test(exos/tty/tty SOURCES exos/tty/tty.c exos/tty/output.c test/fake/exos/plain.c INCLUDES test)
exos_unit_test(exos/tty/job SOURCES exos/tty/job.c test/fake/exos/plain.c INCLUDES test)
exos_unit_test(exos/tty/pty SOURCES exos/tty/pty.c exos/tty/tty.c exos/tty/output.c test/fake/exos/plain.c INCLUDES test)
