exos_unit_test(exos/tty/tty SOURCES exos/tty/tty.c exos/tty/edit.c exos/tty/output.c test/fake/exos/plain.c INCLUDES test)
exos_unit_test(exos/tty/job SOURCES exos/tty/job.c test/fake/exos/plain.c INCLUDES test)
exos_unit_test(exos/tty/pty SOURCES exos/tty/pty.c test/unit/exos/tty/no_jobs.c exos/tty/tty.c exos/tty/edit.c exos/tty/output.c test/fake/exos/plain.c INCLUDES test)

set(tty_file_sources exos/tty/ttyfile.c exos/tty/ttyioctl.c exos/tty/tty.c exos/tty/edit.c exos/tty/output.c test/unit/exos/tty/no_jobs.c)
exos_unit_test(exos/tty/ttyfile SOURCES ${tty_file_sources} ${ipc_sources} INCLUDES test/fake/exos/user test)
exos_unit_test(exos/tty/devpts SOURCES exos/tty/devpts.c exos/tty/pty.c ${tty_file_sources} ${fs_sources}
    test/fake/exos/fs_host.c test/fake/exos/oracle.c INCLUDES test)
