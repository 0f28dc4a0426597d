# The library's tests, one list per module.
file(GLOB parts CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/exos/*/tests.cmake)
foreach(part ${parts})
    include(${part})
endforeach()
