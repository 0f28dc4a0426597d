# The kernel under the tests of devices, and the filters.
set(fake_devices INCLUDES test/fake/aegis)
set(fake_kernel test/fake/aegis/asserted.c test/fake/aegis/dev/kernel.c)
set(filter_sources aegis/dev/filter.c aegis/dev/filter_table.c aegis/dev/filter_overlap.c aegis/dev/filter_check.c)
