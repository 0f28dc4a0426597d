file(GLOB aegis_areas CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*/tests.cmake)
foreach(aegis_area ${aegis_areas})
    include(${aegis_area})
endforeach()

# Every error that the manual says a call gives is asserted by some test above, or this one fails.
get_property(aegis_tests DIRECTORY PROPERTY TESTS)
list(FILTER aegis_tests INCLUDE REGEX "^aegis/")
add_test(NAME aegis/every_error COMMAND /usr/bin/python3 -B ${CMAKE_SOURCE_DIR}/scripts/testing/every_error.py ${asserted})
set_tests_properties(aegis/every_error PROPERTIES TIMEOUT 60 DEPENDS "${aegis_tests}")
