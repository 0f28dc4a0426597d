exos_unit_test(exos/abi/table SOURCES INCLUDES test)
